#include "kernels/fold/fold.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::fold {
namespace {

// input [N, C * block elements, L], image_shape [r], block_shape [r] -> [N, C, image_shape...].
void Infer(InferContext& c) {
  c.RequireRank(0, 3);
  c.RequireRank(1, 1);
  c.RequireRank(2, 1);
  const Params params(c.attributes());
  const DType dtype = c.dtype(0);
  if (dtype == DType::kString) c.Reject("strings cannot be added");
  const std::optional<Dims> image = c.Content(1), block = c.Content(2);
  std::optional<int64_t> rank;
  for (size_t i = 1; i <= 2; ++i) {
    if (c.has_rank(i) && (*c.shape(i))[0].known()) rank = (*c.shape(i))[0].value();
  }
  // More dimensions than any tensor has: what the shapes say is left open, for the run to refuse.
  constexpr int64_t kMaxSpatial = 62;
  if (!rank || *rank > kMaxSpatial) return c.SetOutput(0, dtype, std::nullopt);
  params.Check(static_cast<size_t>(*rank));
  if ((image && static_cast<int64_t>(image->size()) != *rank) ||
      (block && static_cast<int64_t>(block->size()) != *rank)) {
    c.Reject("image_shape and block_shape must have the same length");
  }
  Dims dims = {c.has_rank(0) ? (*c.shape(0))[0] : c.FreshDim(), c.FreshDim()};
  if (block && c.has_rank(0)) {
    for (const Dim& d : *block) {
      if (d.known() && d.value() < 1) c.Reject("block_shape must be positive");
    }
    const Dim elements = Product(*block), &rows = (*c.shape(0))[1];
    if (elements.known() && rows.known() && rows.value() % elements.value() != 0) {
      c.Reject("dimension 1 of the input is not a multiple of the block's " + elements.ToString() + " elements");
    }
    dims[1] = FloorDiv(rows, elements);
  }
  for (int64_t i = 0; i < *rank; ++i) {
    dims.push_back(image ? (*image)[i] : c.FreshDim());
    if (dims.back().known() && dims.back().value() < 0) c.Reject("image_shape must not be negative");
  }
  c.SetOutput(0, dtype, std::move(dims));
}

constexpr OpDef kOps[] = {{.name = "Col2Im", .infer = Infer, .host_inputs = 1 << 1 | 1 << 2}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::fold
