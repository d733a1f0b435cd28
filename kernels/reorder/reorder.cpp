#include "kernels/reorder/reorder.h"

#include <span>

#include "core/ir/op_def.h"

namespace onda::reorder {
namespace {

void Infer(InferContext& c) {
  const Params p(c.attributes());
  Fact y = c.input(0);
  if (!y.is_tensor()) c.Reject("only tensors have a layout");
  if (p.from < 1 || p.to < 1) c.Reject("channel blocks are at least 1");
  if (y.channel_block != p.from) c.Reject("the input is not in channel blocks of " + std::to_string(p.from));
  if (y.has_rank() && y.rank() < 2) c.Reject("there is no dimension of channels");
  const bool known = y.has_rank() && (*y.shape)[1].known();
  if (known && (*y.shape)[1].value() % p.to != 0)
    c.Reject((*y.shape)[1].ToString() + " channels are no blocks of " + std::to_string(p.to));
  y.channel_block = p.to;
  y.constant = nullptr;
  y.content = nullptr;
  c.SetOutput(0, std::move(y));
}

constexpr OpDef kOps[] = {{.name = "Reorder", .domain = "onda", .infer = Infer, .flags = kOpAnyLayout}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::reorder
