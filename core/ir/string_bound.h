// How large strings may become before a kernel makes them.
#ifndef ONDA_CORE_IR_STRING_BOUND_H_
#define ONDA_CORE_IR_STRING_BOUND_H_

#include <cstdint>
#include <span>

#include "core/ir/graph.h"
#include "onda/provider.h"

namespace onda {

// No string that an operator makes is longer than `longest`: what its longest inputs and attributes give when they are
// joined, or a number in digits. All its outputs of known shape together have at most `total` bytes.
struct StringBound {
  uint64_t longest = 0;
  uint64_t total = 0;
};

// Nothing where no output has strings. Outputs without data, whose shapes only the kernel knows, are not counted: such
// operators choose among their inputs' strings, or cut them.
StringBound BoundStrings(const Node& node, std::span<const OndaTensorView> inputs,
                         std::span<const OndaTensorView> outputs);

// Throws kResourceLimit, without the node's name, where a string might be longer than `max_bytes`.
void CheckStringLength(const StringBound& bound, uint64_t max_bytes);

// Bytes that the strings of a tensor have, besides the string objects.
uint64_t StringBytes(const OndaTensorView& strings);

}  // namespace onda

#endif  // ONDA_CORE_IR_STRING_BOUND_H_
