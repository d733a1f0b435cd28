#include "core/ir/tensor.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/ir/dim.h"
#include "onda/float_formats.h"

namespace onda {

int64_t CountOf(std::span<const int64_t> dims) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t d : dims) {
    if (d < 0) throw Error(ErrorCode::kInvalidModel, "negative dimension " + std::to_string(d));
    if (d == 0) empty = true;
    if (d != 0) count = CheckedMul(count, d);
  }
  return empty ? 0 : count;
}

size_t BytesOf(DType dtype, int64_t count) {
  if (dtype == DType::kString) return static_cast<size_t>(CheckedMul(count, sizeof(std::string)));
  return static_cast<size_t>(CheckedAdd(CheckedMul(count, BitsOf(dtype)), 7) / 8);
}

std::shared_ptr<Tensor> Tensor::Make(DType dtype, std::vector<int64_t> dims) {
  std::shared_ptr<Tensor> t(new Tensor);
  t->dtype_ = dtype;
  t->count_ = CountOf(dims);
  t->dims_ = std::move(dims);
  t->bytes_ = BytesOf(dtype, t->count_);
  if (dtype == DType::kString) {
    auto strings = std::make_shared<std::vector<std::string>>(t->count_);
    t->data_ = strings->data();
    t->owner_ = std::move(strings);
    return t;
  }
  // calloc gives large blocks as untouched zero pages. 64 bytes more, so that the data can be aligned.
  void* block = std::calloc(1, t->bytes_ + 64);
  if (!block) throw Error(ErrorCode::kOutOfMemory, "cannot allocate " + std::to_string(t->bytes_) + " bytes");
  t->owner_ = std::shared_ptr<void>(block, std::free);
  t->data_ = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(block) + 63) & ~uintptr_t{63});
  return t;
}

TensorPtr Tensor::Wrap(DType dtype, std::vector<int64_t> dims, const void* data, std::shared_ptr<const void> owner) {
  std::shared_ptr<Tensor> t(new Tensor);
  t->dtype_ = dtype;
  t->count_ = CountOf(dims);
  t->dims_ = std::move(dims);
  t->bytes_ = BytesOf(dtype, t->count_);
  t->data_ = data;
  t->owner_ = std::move(owner);
  return t;
}

TensorPtr Tensor::Int64s(std::span<const int64_t> values) {
  auto t = Make(DType::kInt64, {static_cast<int64_t>(values.size())});
  if (!values.empty()) std::memcpy(t->mutable_data(), values.data(), values.size_bytes());
  return t;
}

TensorPtr Tensor::Int64(int64_t value) {
  auto t = Make(DType::kInt64, {});
  t->mutable_as<int64_t>()[0] = value;
  return t;
}

TensorPtr Tensor::Float(float value) {
  auto t = Make(DType::kFloat, {});
  t->mutable_as<float>()[0] = value;
  return t;
}

TensorPtr Tensor::Scalar(DType dtype, double value) {
  auto t = Make(dtype, {});
  StoreDouble(dtype, t->mutable_data(), 0, value);
  return t;
}

std::vector<int64_t> Tensor::ToInt64s() const {
  std::vector<int64_t> values(count_);
  for (int64_t i = 0; i < count_; ++i) values[i] = LoadInt64(dtype_, data_, i);
  return values;
}

std::vector<double> Tensor::ToDoubles() const {
  std::vector<double> values(count_);
  for (int64_t i = 0; i < count_; ++i) values[i] = LoadDouble(dtype_, data_, i);
  return values;
}

}  // namespace onda
