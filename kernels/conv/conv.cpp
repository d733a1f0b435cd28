#include "kernels/conv/conv.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/window/infer.h"

namespace onda::conv {
namespace {

using window::Order;

// The kernel's extents: W's, held against the kernel_shape attribute.
Dims KernelDims(InferContext& c, const window::Params& p, size_t spatial, Order order = Order::kChannelsFirst) {
  Dims kernel;
  for (size_t i = 0; i < spatial; ++i) {
    Dim extent = c.has_rank(1) ? window::SpatialOf<Dim>(order, *c.shape(1))[i] : c.FreshDim();
    if (!p.kernel.empty()) extent = MergeDim(c, extent, p.kernel[i], "kernel_shape and the extents of W");
    if (extent.known() && extent.value() < 1) c.Reject("W has an extent of " + extent.ToString());
    kernel.push_back(extent);
  }
  return kernel;
}

// The rank of X, which W shares; nullopt where neither is known.
std::optional<size_t> RankOf(InferContext& c) {
  if (!c.has_rank(0) && !c.has_rank(1)) return {};
  const size_t rank = c.has_rank(0) ? c.shape(0)->size() : c.shape(1)->size();
  if (rank < 3) c.Reject("X and W need a spatial dimension; their rank is " + std::to_string(rank));
  c.RequireRank(0, static_cast<int>(rank));
  c.RequireRank(1, static_cast<int>(rank));
  return rank;
}

void RequireMultiple(InferContext& c, const Dim& value, int64_t of, const char* what) {
  if (of < 1) c.Reject("group is " + std::to_string(of));
  if (value.known() && value.value() % of != 0)
    c.Reject(std::string(what) + " (" + value.ToString() + ") is not a multiple of group (" + std::to_string(of) + ")");
}

void CheckBias(InferContext& c, const Dim& channels) {
  if (!c.has_input(2)) return;
  c.RequireRank(2, 1);
  if (c.has_rank(2)) MergeDim(c, (*c.shape(2))[0], channels, "the length of B and the number of output channels");
}

template <Order kOrder>
void InferConv(InferContext& c) {
  const std::optional<size_t> rank = RankOf(c);
  if (!rank) return c.SetOutput(0, c.dtype(0), std::nullopt);
  const size_t spatial = *rank - 2, channel = static_cast<size_t>(window::ChannelAxis(kOrder, static_cast<int>(*rank)));
  window::Parse(c, spatial);
  const ConvParams p(c.attributes());
  const Dims kernel = KernelDims(c, p, spatial, kOrder);
  const Dim channels = c.has_rank(0) ? (*c.shape(0))[channel] : c.FreshDim();
  const Dim out_channels = c.has_rank(1) ? (*c.shape(1))[0] : c.FreshDim();
  RequireMultiple(c, channels, p.groups, "the number of channels of X");
  RequireMultiple(c, out_channels, p.groups, "the number of channels of Y");
  if (c.has_rank(1))
    MergeDim(c, channels, (*c.shape(1))[channel] * p.groups, "the channels of X and group times those of W");
  CheckBias(c, out_channels);
  Dims out;
  if (c.has_rank(0)) {
    const std::span<const Dim> in = window::SpatialOf<Dim>(kOrder, *c.shape(0));
    out = window::OutputExtents(c, p, Dims(in.begin(), in.end()), kernel);
  } else {
    for (size_t i = 0; i < spatial; ++i) out.push_back(c.FreshDim());
  }
  out.insert(out.begin(), c.has_rank(0) ? (*c.shape(0))[0] : c.FreshDim());
  out.insert(out.begin() + static_cast<ptrdiff_t>(channel), out_channels);
  if (c.has_input(3) && c.has_rank(3)) {
    c.RequireRank(3, static_cast<int>(*rank));
    for (size_t i = 0; i < *rank; ++i) MergeDim(c, (*c.shape(3))[i], out[i], "the extents of Z and of the result");
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void InferConvTranspose(InferContext& c) {
  const std::optional<size_t> rank = RankOf(c);
  if (!rank) return c.SetOutput(0, c.dtype(0), std::nullopt);
  const size_t spatial = *rank - 2;
  window::Parse(c, spatial);
  const ConvTransposeParams p(c.attributes());
  auto check = [&](const char* name, const std::vector<int64_t>& values) {
    if (values.empty()) return;
    if (values.size() != spatial)
      c.Reject(std::string(name) + " has " + std::to_string(values.size()) + " entries where " +
               std::to_string(spatial) + " are needed");
    for (int64_t v : values)
      if (v < 0 || v > INT32_MAX) c.Reject(std::string(name) + " has an entry " + std::to_string(v));
  };
  check("output_padding", p.output_padding);
  check("output_shape", p.output_shape);
  const Dims kernel = KernelDims(c, p, spatial);
  const Dim channels = c.has_rank(0) ? (*c.shape(0))[1] : c.FreshDim();
  RequireMultiple(c, channels, p.groups, "the number of channels of X");
  if (c.has_rank(1)) MergeDim(c, channels, (*c.shape(1))[0], "the channels of X and of W");
  const Dim out_channels = c.has_rank(1) ? (*c.shape(1))[1] * p.groups : c.FreshDim();
  CheckBias(c, out_channels);
  Dims out = {c.has_rank(0) ? (*c.shape(0))[0] : c.FreshDim(), out_channels};
  const bool same = p.auto_pad == window::AutoPad::kSameUpper || p.auto_pad == window::AutoPad::kSameLower;
  for (size_t i = 0; i < spatial; ++i) {
    if (!p.output_shape.empty()) {
      out.push_back(p.output_shape[i]);
      continue;
    }
    if (!c.has_rank(0)) {
      out.push_back(c.FreshDim());
      continue;
    }
    const Dim in = (*c.shape(0))[i + 2], stride = p.stride(i);
    if (same) {
      out.push_back(in * stride);
      continue;
    }
    const bool padded = p.auto_pad == window::AutoPad::kNotSet && !p.pads.empty();
    Dim extent = stride * (in - 1) + (kernel[i] - 1) * p.dilation(i) + 1;
    if (!p.output_padding.empty()) extent = extent + p.output_padding[i];
    if (padded) extent = extent - p.pads[i] - p.pads[i + spatial];
    if (extent.known() && extent.value() < 0)
      c.Reject("the pads of spatial axis " + std::to_string(i) + " leave an extent of " + extent.ToString());
    out.push_back(extent);
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

// Before version 11 the odd pad of a given output_shape went to the other side. Entries for batch and channels, which
// some writers add, are dropped.
void UpgradeConvTranspose(RewriteContext& c) {
  std::vector<int64_t> shape = c.attributes().Ints("output_shape");
  if (shape.empty()) return;
  const std::vector<int64_t> pads = c.attributes().Ints("pads");
  const Fact& known = c.fact(c.fact(0).has_rank() ? 0 : 1);
  if (known.has_rank() && known.rank() > 2 && shape.size() == static_cast<size_t>(known.rank())) {
    shape.erase(shape.begin(), shape.begin() + 2);
    c.node().attributes.Set("output_shape", shape);
  }
  if (c.version() >= 11) return;
  const bool upper = c.attributes().String("auto_pad", "NOTSET") == "SAME_UPPER";
  c.node().attributes.Set("auto_pad", std::string(upper ? "SAME_LOWER" : "SAME_UPPER"));
}

constexpr OpDef kOps[] = {
    {.name = "Conv", .infer = InferConv<Order::kChannelsFirst>},
    {.name = "FusedConv", .domain = "com.microsoft", .infer = InferConv<Order::kChannelsFirst>},
    {.name = "ChannelsLastConv", .domain = "onda", .infer = InferConv<Order::kChannelsLast>, .flags = kOpForSpeed},
    {.name = "ConvTranspose", .infer = InferConvTranspose, .upgrade = UpgradeConvTranspose},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::conv
