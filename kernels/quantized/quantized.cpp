#include "kernels/quantized/quantized.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/window/infer.h"

namespace onda::quantized {
namespace {

bool IsQuantizedType(DType t) {
  return t == DType::kInt8 || t == DType::kUint8 || t == DType::kInt16 || t == DType::kUint16 || BitsOf(t) == 4 ||
         BitsOf(t) == 2 || (IsFloat8(t) && t != DType::kFloat8E8M0) || t == DType::kFloat6E2M3 ||
         t == DType::kFloat6E3M2;
}

// Input 1 (and a zero point, input 2, of the same shape) as scale of input 0: one, one per index of the axis, or one
// per block along it.
void CheckScale(InferContext& c, int64_t axis, int64_t block_size) {
  if (block_size < 0) c.Reject("block_size is " + std::to_string(block_size));
  if (c.has_input(2) && c.has_rank(1) && c.has_rank(2)) {
    const Dims &scale = *c.shape(1), &zero = *c.shape(2);
    const bool single = Product(scale) == Dim(1) && Product(zero) == Dim(1);
    if (!single && scale.size() != zero.size())
      c.Reject("scale " + ToString(scale) + " and zero point " + ToString(zero) + " differ in shape");
    for (size_t i = 0; !single && i < scale.size(); ++i)
      MergeDim(c, scale[i], zero[i], "the shapes of scale and zero point");
  }
  if (!c.has_rank(0) || !c.has_rank(1)) return;
  const Dims &x = *c.shape(0), &scale = *c.shape(1);
  const Dim count = Product(scale);
  if (scale.empty() || count == Dim(1)) return;
  // Shapes that are still unknown are checked when they are bound.
  const int at = NormalizeAxis(c, axis, static_cast<int>(x.size()));
  if (scale.size() == 1 && block_size == 0) {
    if (scale[0].known() && x[at].known() && scale[0].value() != x[at].value())
      c.Reject("scale has " + scale[0].ToString() + " entries where the axis has " + x[at].ToString());
    return;
  }
  if (scale.size() != x.size())
    c.Reject("scale " + ToString(scale) +
             " is neither one number, nor one per index of the axis, nor of the rank of x " + ToString(x));
  if (block_size == 0) c.Reject("scale " + ToString(scale) + " has the rank of x, which needs a block_size");
  for (int i = 0; i < static_cast<int>(x.size()); ++i) {
    const Dim want = i == at ? CeilDiv(x[i], Dim(block_size)) : x[i];
    if (want.known() && scale[i].known() && !(want == scale[i]))
      c.Reject("scale " + ToString(scale) + " does not fit x " + ToString(x) + " in blocks of " +
               std::to_string(block_size) + " along axis " + std::to_string(at));
  }
}

void InferQuantize(InferContext& c) {
  const QuantizeParams p(c.attributes());
  CheckScale(c, p.axis, p.block_size);
  DType type = p.output_dtype;
  if (c.has_input(2)) {
    if (type != DType::kUndefined && type != c.dtype(2))
      c.Reject("output_dtype is " + std::string(NameOf(type)) + " but the zero point's type is " +
               std::string(NameOf(c.dtype(2))));
    type = c.dtype(2);
  }
  if (type == DType::kUndefined) type = DType::kUint8;
  if (!IsQuantizedType(type)) c.Reject("cannot quantize to " + std::string(NameOf(type)));
  if (p.precision != DType::kUndefined && !IsFloating(p.precision))
    c.Reject("precision " + std::string(NameOf(p.precision)) + " is not a floating-point type");
  c.SetOutput(0, type, c.shape(0));
}

void InferDequantize(InferContext& c) {
  const DequantizeParams p(c.attributes());
  CheckScale(c, p.axis, p.block_size);
  DType type = p.output_dtype;
  if (type == DType::kUndefined) type = IsFloating(c.dtype(1)) ? c.dtype(1) : DType::kFloat;
  if (!IsFloating(type)) c.Reject("cannot dequantize to " + std::string(NameOf(type)));
  if (c.has_input(2) && c.dtype(2) != c.dtype(0))
    c.Reject("x is " + std::string(NameOf(c.dtype(0))) + " but its zero point " + std::string(NameOf(c.dtype(2))));
  c.SetOutput(0, type, c.shape(0));
}

void InferDynamicQuantize(InferContext& c) {
  c.SetOutput(0, DType::kUint8, c.shape(0));
  c.SetOutput(1, DType::kFloat, Dims{});
  c.SetOutput(2, DType::kUint8, Dims{});
}

// Input i of matrix operand `dims` is one number, one per row (column for `columns`), or such a thing per matrix.
void CheckPerLine(InferContext& c, int i, const Dims& dims, bool columns) {
  if (i < 0 || !c.has_input(static_cast<size_t>(i)) || !c.has_rank(static_cast<size_t>(i))) return;
  const Dims& have = *c.shape(static_cast<size_t>(i));
  if (Product(have) == Dim(1)) return;
  const size_t lines = columns ? dims.size() - 1 : dims.size() - 2;
  if (dims.size() < 2) c.Reject("input " + std::to_string(i) + " must be one number for a vector");
  auto fits = [](const Dim& a, const Dim& b) { return !a.known() || !b.known() || a.value() == b.value(); };
  bool right = have.size() == 1 && fits(have[0], dims[lines]);
  if (have.size() == dims.size() && have.size() > 1) {
    right = true;
    for (size_t d = 0; d < dims.size(); ++d) {
      const bool one = columns ? d + 2 == dims.size() : d + 1 == dims.size();
      right = right && fits(have[d], one ? Dim(1) : dims[d]);
    }
  }
  if (!right)
    c.Reject("input " + std::to_string(i) + " of shape " + ToString(have) + " is neither one number nor one per " +
             (columns ? "column" : "row") + " of " + ToString(dims));
}

void InferProduct(InferContext& c, const ProductInputs& in, DType type) {
  const size_t ia = static_cast<size_t>(in.a), ib = static_cast<size_t>(in.b);
  if (!c.has_rank(ia) || !c.has_rank(ib)) return c.SetOutput(0, type, std::nullopt);
  const Dims &a = *c.shape(ia), &b = *c.shape(ib);
  if (a.empty() || b.empty()) c.Reject("a scalar cannot be an operand of a matrix product");
  MergeDim(c, a.back(), b.size() == 1 ? b[0] : b[b.size() - 2], "the dimension to sum over");
  const Dims a_batch(a.begin(), a.size() < 2 ? a.begin() : a.end() - 2);
  const Dims b_batch(b.begin(), b.size() < 2 ? b.begin() : b.end() - 2);
  Dims out = Broadcast(c, a_batch, b_batch);
  if (a.size() > 1) out.push_back(a[a.size() - 2]);
  if (b.size() > 1) out.push_back(b.back());
  for (int i : {in.a_scale, in.a_zero}) CheckPerLine(c, i, a, false);
  for (int i : {in.b_scale, in.b_zero}) CheckPerLine(c, i, b, true);
  for (int i : {in.y_scale, in.y_zero})
    if (i >= 0 && c.has_rank(static_cast<size_t>(i)) && !(Product(*c.shape(static_cast<size_t>(i))) == Dim(1))) {
      if (a.size() < 2 || b.size() < 2) c.Reject("the result's scale and zero point must be one number for vectors");
      CheckPerLine(c, i, out, false);
    }
  c.SetOutput(0, type, std::move(out));
}

void InferMatMulInteger(InferContext& c) { InferProduct(c, kIntegerInputs, DType::kInt32); }
void InferQLinearMatMul(InferContext& c) { InferProduct(c, kLinearInputs, c.dtype(7)); }

// Input i is one number, or with `per_channel` one per output channel.
void CheckPerChannel(InferContext& c, int i, const Dim& channels, bool per_channel) {
  if (i < 0 || !c.has_input(static_cast<size_t>(i)) || !c.has_rank(static_cast<size_t>(i))) return;
  const Dims& have = *c.shape(static_cast<size_t>(i));
  const Dim count = Product(have);
  if (!count.known() || count.value() == 1) return;
  if (!per_channel || have.size() != 1 || (channels.known() && channels.value() != count.value()))
    c.Reject("input " + std::to_string(i) + " of shape " + ToString(have) + " is not one number" +
             (per_channel ? " nor one per output channel" : ""));
}

void InferConvolution(InferContext& c, const ProductInputs& in, DType type) {
  const size_t ix = static_cast<size_t>(in.a), iw = static_cast<size_t>(in.b);
  if (!c.has_rank(ix) || !c.has_rank(iw)) return c.SetOutput(0, type, std::nullopt);
  const Dims &x = *c.shape(ix), &w = *c.shape(iw);
  if (x.size() < 3 || x.size() != w.size())
    c.Reject("x " + ToString(x) + " and w " + ToString(w) + " need one rank, at least 3");
  const size_t spatial = x.size() - 2;
  const window::Params p = window::Parse(c, spatial);
  const int64_t groups = c.attributes().Int("group", 1);
  if (groups < 1) c.Reject("group is " + std::to_string(groups));
  MergeDim(c, x[1], w[1] * groups, "the channels of x and group times those of w");
  if (w[0].known() && w[0].value() % groups != 0) c.Reject("the number of output channels is not a multiple of group");
  Dims kernel;
  for (size_t i = 0; i < spatial; ++i) {
    Dim extent = w[i + 2];
    if (!p.kernel.empty()) extent = MergeDim(c, extent, p.kernel[i], "kernel_shape and the extents of w");
    if (extent.known() && extent.value() < 1) c.Reject("w has an extent of " + extent.ToString());
    kernel.push_back(extent);
  }
  Dims out = {x[0], w[0]};
  for (Dim& d : window::OutputExtents(c, p, Dims(x.begin() + 2, x.end()), kernel)) out.push_back(std::move(d));
  for (int i : {in.a_scale, in.a_zero, in.y_scale, in.y_zero}) CheckPerChannel(c, i, w[0], false);
  for (int i : {in.b_scale, in.b_zero}) CheckPerChannel(c, i, w[0], true);
  if (in.bias >= 0 && c.has_input(static_cast<size_t>(in.bias))) {
    c.RequireRank(static_cast<size_t>(in.bias), 1);
    if (c.has_rank(static_cast<size_t>(in.bias)))
      MergeDim(c, (*c.shape(static_cast<size_t>(in.bias)))[0], w[0],
               "the length of B and the number of output channels");
  }
  c.SetOutput(0, type, std::move(out));
}

void InferConvInteger(InferContext& c) { InferConvolution(c, kIntegerInputs, DType::kInt32); }
void InferQLinearConv(InferContext& c) { InferConvolution(c, kLinearInputs, c.dtype(7)); }
void InferBlockedConv(InferContext& c) {
  const BlockParams blocks(c.attributes());
  if (c.input(0).channel_block != blocks.x)
    c.Reject("x is not in channel blocks of " + std::to_string(blocks.x) + ": onda.Reorder is missing before it");
  for (size_t i = 1; i < c.input_count(); ++i)
    if (c.input(i).channel_block != 1) c.Reject("input " + std::to_string(i) + " is not row-major");
  InferQLinearConv(c);
  Fact y = c.outputs()[0];
  if (blocks.y < 1 || (y.has_rank() && (*y.shape)[1].known() && (*y.shape)[1].value() % blocks.y != 0))
    c.Reject("y_block is " + std::to_string(blocks.y) + ", which does not divide the channels");
  y.channel_block = blocks.y;
  c.SetOutput(0, std::move(y));
}

// com.microsoft's forms mean the same.
void ToStandard(RewriteContext& c) { c.node().domain.clear(); }

constexpr OpDef kOps[] = {
    {.name = "QuantizeLinear", .infer = InferQuantize},
    {.name = "DequantizeLinear", .infer = InferDequantize},
    {.name = "QuantizeLinear", .domain = "com.microsoft", .upgrade = ToStandard, .flags = kOpAlias},
    {.name = "DequantizeLinear", .domain = "com.microsoft", .upgrade = ToStandard, .flags = kOpAlias},
    {.name = "DynamicQuantizeLinear", .infer = InferDynamicQuantize},
    {.name = "MatMulInteger", .infer = InferMatMulInteger},
    {.name = "QLinearMatMul", .infer = InferQLinearMatMul},
    {.name = "ConvInteger", .infer = InferConvInteger},
    {.name = "QLinearConv", .infer = InferQLinearConv},
    {.name = "BlockedQLinearConv", .domain = "onda", .infer = InferBlockedConv, .flags = kOpAnyLayout | kOpForSpeed},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::quantized
