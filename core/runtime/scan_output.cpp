#include "core/runtime/scan_output.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace onda {

void ScanOutput::Append(const HostOpContext& c, RuntimeValue value) {
  if (count_ == 0) {
    first_ = value;
    const bool plain = value.is_tensor() && value.dtype != DType::kString && BitsOf(value.dtype) >= 8;
    bytes_ = plain && value.instance == 0 ? value.bytes() : 0;
    if (bytes_) first_.data = nullptr, first_.owner = nullptr;
  } else if (value.dims != first_.dims || value.dtype != first_.dtype || value.kind != first_.kind) {
    c.Fail("what the iterations give out differs in shape or type");
  }
  const auto index = static_cast<size_t>(count_++);
  if (!bytes_) {
    values_.push_back(std::move(value));
    return;
  }
  if (index == capacity_) {
    constexpr size_t kFirstBytes = 4096;
    const size_t wanted = capacity_ ? 2 * capacity_ : std::max<size_t>(1, kFirstBytes / bytes_);
    RuntimeValue larger = c.NewTensor(DType::kUint8, {static_cast<int64_t>(wanted * bytes_)});
    if (index) std::memcpy(larger.data, block_.data, index * bytes_);
    block_ = std::move(larger);
    capacity_ = wanted;
  }
  std::memcpy(static_cast<char*>(block_.data) + index * bytes_, value.data, bytes_);
}

RuntimeValue ScanOutput::Stack(const HostOpContext& c, int axis, bool reversed) {
  if (bytes_ && axis == 0 && !reversed) {
    RuntimeValue result = std::move(first_);
    result.dims.insert(result.dims.begin(), count_);
    result.data = block_.data;
    result.owner = std::move(block_.owner);
    result.borrowed = false;
    return result;
  }
  for (int64_t i = 0; bytes_ && i < count_; ++i) {
    RuntimeValue& value = values_.emplace_back(first_);
    value.data = static_cast<char*>(block_.data) + static_cast<size_t>(i) * bytes_;
  }
  if (reversed) std::reverse(values_.begin(), values_.end());
  RuntimeValue result = StackValues(c, values_, axis);
  values_.clear();
  return result;
}

}  // namespace onda
