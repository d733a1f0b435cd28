// Immutable host tensors: initializers, attributes, folded constants.
#ifndef ONDA_CORE_IR_TENSOR_H_
#define ONDA_CORE_IR_TENSOR_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "onda/provider.h"
#include "onda/types.h"

namespace onda {

class Tensor;
using TensorPtr = std::shared_ptr<const Tensor>;

// Dense, row-major. The elements lie in a buffer that is shared: a heap block, or a mapped file. String tensors hold
// std::string objects.
class Tensor {
 public:
  // Zero-filled (strings: empty). Throws kResourceLimit where the byte size overflows.
  static std::shared_ptr<Tensor> Make(DType dtype, std::vector<int64_t> dims);
  // Over memory that `owner` keeps alive; data must hold the tensor's bytes and be aligned for its type.
  static TensorPtr Wrap(DType dtype, std::vector<int64_t> dims, const void* data, std::shared_ptr<const void> owner);
  static TensorPtr Int64s(std::span<const int64_t> values);  // 1-D
  static TensorPtr Int64(int64_t value);                     // scalar
  static TensorPtr Float(float value);                       // scalar
  // A scalar of the given numeric type; complex types get a zero imaginary part.
  static TensorPtr Scalar(DType dtype, double value);

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& dims() const { return dims_; }
  int64_t count() const { return count_; }
  size_t bytes() const { return bytes_; }
  const void* data() const { return data_; }
  void* mutable_data() { return const_cast<void*>(data_); }
  template <class T>
  std::span<const T> as() const {
    return {static_cast<const T*>(data_), static_cast<size_t>(count_)};
  }
  template <class T>
  std::span<T> mutable_as() {
    return {static_cast<T*>(const_cast<void*>(data_)), static_cast<size_t>(count_)};
  }
  // Valid as long as the tensor.
  TensorView view() const {
    return {{const_cast<void*>(data_), dims_.data(), static_cast<int32_t>(dims_.size()), static_cast<int32_t>(dtype_)}};
  }
  // Elements of an int32 or int64 tensor (also the smaller integers and bool).
  std::vector<int64_t> ToInt64s() const;
  // Elements of a real tensor (not complex, string or sub-byte).
  std::vector<double> ToDoubles() const;

 private:
  Tensor() = default;
  DType dtype_ = DType::kUndefined;
  std::vector<int64_t> dims_;
  int64_t count_ = 0;
  size_t bytes_ = 0;
  const void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// Product of dims; throws kInvalidModel where one is negative and kResourceLimit on overflow.
int64_t CountOf(std::span<const int64_t> dims);
// Bytes of a dense tensor, sub-byte types packed; sizeof(std::string) per string.
size_t BytesOf(DType dtype, int64_t count);

}  // namespace onda

#endif  // ONDA_CORE_IR_TENSOR_H_
