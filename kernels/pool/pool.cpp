#include "kernels/pool/pool.h"

#include <cmath>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/window/infer.h"

namespace onda::pool {
namespace {

void CheckP(const InferContext& c) {
  const double p = Params(c.attributes()).p;
  if (!(p > 0) || std::isinf(p)) c.Reject("p must be positive");
}

// X (N, C, D1, ...) to (N, C, D1', ...), also for output 1, MaxPool's Indices; or with C last.
template <window::Order kOrder>
void Infer(InferContext& c) {
  const size_t spatial = c.attributes().Ints("kernel_shape").size();
  if (spatial == 0) c.Reject("kernel_shape is empty");
  if (spatial > window::kMaxSpatial) c.Reject("more than 8 spatial dimensions");
  c.RequireRank(0, static_cast<int>(spatial) + 2);
  const window::Params p = window::Parse(c, spatial);
  CheckP(c);
  Dims y = c.FreshDims(static_cast<int>(spatial) + 2);
  if (c.has_rank(0)) {
    const Dims& x = *c.shape(0);
    const std::span<const Dim> in = window::SpatialOf<Dim>(kOrder, x);
    const Dims out = window::OutputExtents(c, p, Dims(in.begin(), in.end()), Dims(p.kernel.begin(), p.kernel.end()));
    y = x;
    std::copy(out.begin(), out.end(), y.begin() + window::FirstSpatialAxis(kOrder));
  }
  c.SetOutput(0, c.dtype(0), y);
  c.SetOutput(1, DType::kInt64, y);
}

void InferGlobal(InferContext& c) {
  CheckP(c);
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), std::nullopt);
  Dims y = *c.shape(0);
  if (y.size() < 2) c.Reject("X needs a batch and a channel dimension");
  if (y.size() > 2 + window::kMaxSpatial) c.Reject("more than 8 spatial dimensions");
  for (size_t i = 2; i < y.size(); ++i) y[i] = 1;
  c.SetOutput(0, c.dtype(0), std::move(y));
}

// Without output_shape: (in - 1) * stride + kernel - pads, the least that output_shape may ask for.
void InferUnpool(InferContext& c) {
  const std::vector<int64_t> kernel = c.attributes().Ints("kernel_shape");
  const size_t spatial = kernel.size();
  if (spatial == 0) c.Reject("kernel_shape is empty");
  if (spatial > window::kMaxSpatial) c.Reject("more than 8 spatial dimensions");
  c.RequireRank(0, static_cast<int>(spatial) + 2);
  c.RequireRank(1, static_cast<int>(spatial) + 2);
  const window::Params p = window::Parse(c, spatial);
  if (c.has_rank(0) && c.has_rank(1))
    for (size_t i = 0; i < spatial + 2; ++i) MergeDim(c, (*c.shape(0))[i], (*c.shape(1))[i], "X and I");
  Dims y = c.FreshDims(static_cast<int>(spatial) + 2);
  if (c.has_rank(0)) {
    const Dims& x = *c.shape(0);
    y.assign(x.begin(), x.begin() + 2);
    for (size_t i = 0; i < spatial; ++i) {
      const Dim pads = p.pads.empty() ? 0 : p.pads[i] + p.pads[i + spatial];
      y.push_back((x[i + 2] - 1) * p.stride(i) + kernel[i] - pads);
    }
  }
  for (const Dim& d : y)
    if (d.known() && d.value() < 0) c.Reject("pads leave nothing of the output " + ToString(y));
  if (c.has_input(2)) {
    c.RequireRank(2, 1);
    const std::optional<Dims> given = c.Content(2);
    if (given && given->size() != spatial + 2) c.Reject("output_shape must have one entry per dimension of X");
    for (size_t i = 0; given && i < y.size(); ++i) {
      const Dim &least = y[i], &wanted = (*given)[i];
      if (!least.known() || !wanted.known()) continue;
      if (i < 2 ? !(least == wanted) : wanted.value() < least.value())
        c.Reject("output_shape " + ToString(*given) + " has no room for " + ToString(y));
    }
    y = given ? *given : c.FreshDims(static_cast<int>(spatial) + 2);
  }
  c.SetOutput(0, c.dtype(0), std::move(y));
}

constexpr OpDef kOps[] = {
    {.name = "MaxPool", .infer = Infer<window::Order::kChannelsFirst>},
    {.name = "AveragePool", .infer = Infer<window::Order::kChannelsFirst>},
    {.name = "LpPool", .infer = Infer<window::Order::kChannelsFirst>},
    {.name = "ChannelsLastMaxPool",
     .domain = "onda",
     .infer = Infer<window::Order::kChannelsLast>,
     .flags = kOpForSpeed},
    {.name = "ChannelsLastAveragePool",
     .domain = "onda",
     .infer = Infer<window::Order::kChannelsLast>,
     .flags = kOpForSpeed},
    {.name = "GlobalMaxPool", .infer = InferGlobal},
    {.name = "GlobalAveragePool", .infer = InferGlobal},
    {.name = "GlobalLpPool", .infer = InferGlobal},
    {.name = "MaxUnpool", .infer = InferUnpool, .host_inputs = 1u << 2},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::pool
