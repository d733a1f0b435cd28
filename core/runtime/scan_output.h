// What a loop gives out iteration by iteration, stacked.
#ifndef ONDA_CORE_RUNTIME_SCAN_OUTPUT_H_
#define ONDA_CORE_RUNTIME_SCAN_OUTPUT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/runtime/host_op.h"

namespace onda {

// Elements of plain types in host memory lie one behind the other in one block that doubles as it fills: an endless
// loop meets the memory limit at about the bytes that it gave out, however small they are one by one.
class ScanOutput {
 public:
  // Throws where the value differs from the first in shape or type.
  void Append(const HostOpContext& c, RuntimeValue value);
  bool empty() const { return count_ == 0; }
  int64_t count() const { return count_; }
  const RuntimeValue& first() const { return first_; }
  // The values stacked along a new axis, in order or from the last to the first. Leaves nothing here.
  RuntimeValue Stack(const HostOpContext& c, int axis, bool reversed = false);

 private:
  RuntimeValue first_;  // without its data where that lies in the block
  int64_t count_ = 0;
  size_t bytes_ = 0;  // of one value; 0 where they are kept one by one
  RuntimeValue block_;
  size_t capacity_ = 0;  // values that the block has room for
  std::vector<RuntimeValue> values_;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_SCAN_OUTPUT_H_
