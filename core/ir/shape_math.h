// What inference functions of many operators share.
#ifndef ONDA_CORE_IR_SHAPE_MATH_H_
#define ONDA_CORE_IR_SHAPE_MATH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "core/ir/op_def.h"

namespace onda {

// axis in [-rank, rank) as one in [0, rank); rejects the node otherwise.
int NormalizeAxis(const InferContext& c, int64_t axis, int rank, const char* what = "axis");
// Each in [0, rank) and no two the same.
std::vector<int> NormalizeAxes(const InferContext& c, const std::vector<int64_t>& axes, int rank);

// Numpy's multidirectional broadcast of two shapes. Rejects the node where integers contradict. Where a dimension
// cannot be decided it is a fresh one.
Dims Broadcast(InferContext& c, const Dims& a, const Dims& b);
// Broadcast of inputs [first, last); nullopt where a rank is unknown.
std::optional<Dims> BroadcastInputs(InferContext& c, size_t first, size_t last);

// The product of dims[begin, end).
Dim Product(const Dims& dims, size_t begin, size_t end);
inline Dim Product(const Dims& dims) { return Product(dims, 0, dims.size()); }

// Two facts about the same dimension: the known one, or a; rejects the node where both are known and differ.
Dim MergeDim(const InferContext& c, const Dim& a, const Dim& b, const char* what);

// Provably at least 0, whatever its symbols stand for (they are dimensions, so at least 0 themselves).
bool IsNonNegative(const Dim& d);

// Output 0 has the elements of input 0 under another shape: its constant or content goes with it.
void InferView(InferContext& c, std::optional<Dims> shape);

// Output 0 has input 0's dtype and shape.
void InferSameAsInput(InferContext& c);
// Output 0 has input 0's dtype and the broadcast shape of all inputs.
void InferBroadcast(InferContext& c);

}  // namespace onda

#endif  // ONDA_CORE_IR_SHAPE_MATH_H_
