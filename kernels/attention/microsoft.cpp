// ONNX Runtime's attention operators: MultiHeadAttention and Attention are written in terms of ai.onnx Attention;
// GroupQueryAttention has a kernel of its own.
#include "core/ir/shape_math.h"
#include "kernels/attention/group_query.h"
#include "kernels/attention/ops.h"

namespace onda::attention {
namespace {

using Ints = std::vector<int64_t>;

ValueId Transpose(RewriteContext& c, ValueId x, Ints perm) {
  return c.Add("Transpose", {x}, {{"perm", std::move(perm)}});
}
ValueId Reshape(RewriteContext& c, ValueId x, Ints shape) { return c.Add("Reshape", {x, c.Int64s(std::move(shape))}); }
ValueId Unsqueeze(RewriteContext& c, ValueId x, Ints axes) {
  return c.Add("Unsqueeze", {x, c.Int64s(std::move(axes))});
}
ValueId Squeeze(RewriteContext& c, ValueId x, Ints axes) { return c.Add("Squeeze", {x, c.Int64s(std::move(axes))}); }
// Elements [begin, end) along an axis.
ValueId Slice(RewriteContext& c, ValueId x, int64_t axis, int64_t begin, int64_t end) {
  return c.Add("Slice", {x, c.Int64s({begin}), c.Int64s({end}), c.Int64s({axis})});
}
// The extent of an axis as a tensor of one element.
ValueId ExtentOf(RewriteContext& c, ValueId x, int64_t axis) {
  return c.Add("Shape", {x}, {{"start", axis}, {"end", axis + 1}});
}

const Dims& ShapeOf(RewriteContext& c, ValueId x, const char* what) {
  if (!c.FactOf(x).has_rank()) c.Reject(std::string("the rank of ") + what + " must be known");
  return *c.FactOf(x).shape;
}
int64_t KnownDim(RewriteContext& c, const Dim& d, const char* what) {
  if (!d.known()) c.Reject(std::string(what) + " must be known");
  return d.value();
}

// What MultiHeadAttention and Attention share. Queries, keys and values have rank 3 or 4 as in ai.onnx Attention.
struct Parts {
  ValueId q, k, v;
  ValueId mask = kNoValue;  // key_padding_mask or mask_index
  ValueId bias = kNoValue;  // to be added to the scores
  ValueId past_k = kNoValue, past_v = kNoValue;
  int64_t heads;
};

// An additive mask, broadcastable to (batch, heads, queries, keys), of any form of mask: (batch, keys) or (batch,
// queries, keys) with 0 for hidden; (batch): how many keys count; (2 * batch): the ends of what counts, then the
// starts.
ValueId PaddingMask(RewriteContext& c, const Parts& p) {
  const DType type = c.FactOf(p.q).dtype;
  const Dims shape = ShapeOf(c, p.mask, "the mask");
  const double filter = c.attributes().Float("mask_filter_value", -10000.0f);
  ValueId seen;
  if (shape.size() == 1) {
    const Dim batch = ShapeOf(c, p.q, "the query")[0];
    const bool starts = !(shape[0] == batch) && shape[0] == batch * Dim(2);
    if (!starts && shape[0].known() && batch.known() && !(shape[0] == batch))
      c.Reject("a mask of " + shape[0].ToString() + " elements is not supported");
    ValueId keys = ExtentOf(c, p.k, ShapeOf(c, p.k, "the key").size() == 4 ? 2 : 1);
    if (p.past_k != kNoValue) keys = c.Add("Add", {keys, ExtentOf(c, p.past_k, 2)});
    const ValueId positions =
        c.Add("Range", {c.Constant(Tensor::Int64(0)), Squeeze(c, keys, {0}), c.Constant(Tensor::Int64(1))});
    const ValueId wide = c.Add("Cast", {p.mask}, {{"to", static_cast<int64_t>(DType::kInt64)}});
    const ValueId count = ExtentOf(c, p.q, 0);
    const ValueId ends = c.Add("Slice", {wide, c.Int64s({0}), count, c.Int64s({0})});
    seen = c.Add("Less", {positions, Unsqueeze(c, ends, {1})});
    if (starts) {
      const ValueId begins = c.Add("Slice", {wide, count, c.Int64s({INT64_MAX}), c.Int64s({0})});
      seen = c.Add("And", {seen, c.Add("GreaterOrEqual", {positions, Unsqueeze(c, begins, {1})})});
    }
    seen = Unsqueeze(c, seen, {1, 2});
  } else if (shape.size() == 2 || shape.size() == 3) {
    seen = c.Add("Cast", {p.mask}, {{"to", static_cast<int64_t>(DType::kBool)}});
    seen = Unsqueeze(c, seen, shape.size() == 2 ? Ints{1, 2} : Ints{1});
  } else {
    c.Reject("a mask of rank " + std::to_string(shape.size()) + " is not supported");
  }
  return c.Add("Where", {seen, c.Constant(Tensor::Scalar(type, 0)), c.Constant(Tensor::Scalar(type, filter))});
}

// Outputs of ai.onnx Attention, the first with rank 3.
std::vector<ValueId> Attend(RewriteContext& c, Parts p, int output_count) {
  ValueId mask = p.bias;
  if (p.mask != kNoValue) {
    const ValueId padding = PaddingMask(c, p);
    mask = mask == kNoValue ? padding : c.Add("Add", {mask, padding});
  }
  const bool four = ShapeOf(c, p.q, "the query").size() == 4 || ShapeOf(c, p.k, "the key").size() == 4;
  if (four) {
    for (ValueId* x : {&p.q, &p.k, &p.v})
      if (ShapeOf(c, *x, "query, key or value").size() == 3)
        *x = Transpose(c, Reshape(c, *x, {0, 0, p.heads, -1}), {0, 2, 1, 3});
  }
  Node node;
  node.op_type = "Attention";
  node.inputs = {p.q, p.k, p.v, mask, p.past_k, p.past_v};
  while (node.inputs.back() == kNoValue) node.inputs.pop_back();
  if (!four) {
    node.attributes.Set("q_num_heads", p.heads);
    node.attributes.Set("kv_num_heads", p.heads);
  }
  if (const float scale = c.attributes().Float("scale", 0); scale != 0) node.attributes.Set("scale", scale);
  if (c.attributes().Int("unidirectional", 0) != 0) node.attributes.Set("is_causal", int64_t{1});
  if (output_count > 3) node.attributes.Set("qk_matmul_output_mode", int64_t{2});
  std::vector<ValueId> outputs = c.AddNode(std::move(node), output_count);
  if (four) outputs[0] = Reshape(c, Transpose(c, outputs[0], {0, 2, 1, 3}), {0, 0, -1});
  return outputs;
}

// query, key?, value?, bias?, key_padding_mask?, attention_bias?, past_key?, past_value?
void UpgradeMultiHead(RewriteContext& c) {
  Parts p{};
  p.heads = c.attributes().Int("num_heads", 0);
  if (p.heads <= 0) c.Reject("num_heads must be positive");
  if (c.has_input(8) || c.has_input(9)) c.Reject("shared past buffers and beams are not supported");
  auto unpack = [&](ValueId packed, int64_t i) {  // (batch, rows, heads, n, width)
    return Transpose(c, Squeeze(c, Slice(c, packed, 3, i, i + 1), {3}), {0, 2, 1, 3});
  };
  p.q = c.input(0);
  if (ShapeOf(c, p.q, "the query").size() == 5) {
    p.k = unpack(p.q, 1);
    p.v = unpack(p.q, 2);
    p.q = unpack(p.q, 0);
  } else if (!c.has_input(1)) {
    c.Reject("the key is missing");
  } else if (ShapeOf(c, c.input(1), "the key").size() == 5) {
    p.k = unpack(c.input(1), 0);
    p.v = unpack(c.input(1), 1);
  } else {
    if (!c.has_input(2)) c.Reject("the value is missing");
    p.k = c.input(1);
    p.v = c.input(2);
  }
  if (c.has_input(3)) {
    int64_t at = 0;
    for (ValueId* x : {&p.q, &p.k, &p.v}) {
      const Dims shape = ShapeOf(c, *x, "query, key or value");
      if (shape.size() != 3) continue;  // keys and values of rank 4 have their bias already
      const int64_t size = KnownDim(c, shape[2], "the hidden size");
      *x = c.Add("Add", {*x, Slice(c, c.input(3), 0, at, at + size)});
      at += size;
    }
  }
  if (c.has_input(4)) p.mask = c.input(4);
  if (c.has_input(5)) p.bias = c.input(5);
  if (c.has_input(6)) p.past_k = c.input(6);
  if (c.has_input(7)) p.past_v = c.input(7);
  c.ReplaceOutputs(Attend(c, p, static_cast<int>(c.node().outputs.size())));
}

// input, weights, bias?, mask_index?, past?, attention_bias?
void UpgradeAttention(RewriteContext& c) {
  Parts p{};
  p.heads = c.attributes().Int("num_heads", 0);
  if (p.heads <= 0) c.Reject("num_heads must be positive");
  if (c.attributes().Int("do_rotary", 0) != 0) c.Reject("do_rotary is not supported");
  if (c.attributes().Int("past_present_share_buffer", 0) != 0) c.Reject("shared past buffers are not supported");
  Ints sizes = c.attributes().Ints("qkv_hidden_sizes");
  if (sizes.empty()) {
    const Dims w = ShapeOf(c, c.input(1), "the weights");
    if (w.size() != 2) c.Reject("the weights must have rank 2");
    sizes = Ints(3, KnownDim(c, w[1], "the weights' width") / 3);
  }
  if (sizes.size() != 3) c.Reject("qkv_hidden_sizes must have three entries");
  ValueId all = c.Add("MatMul", {c.input(0), c.input(1)});
  if (c.has_input(2)) all = c.Add("Add", {all, c.input(2)});
  p.q = Slice(c, all, 2, 0, sizes[0]);
  p.k = Slice(c, all, 2, sizes[0], sizes[0] + sizes[1]);
  p.v = Slice(c, all, 2, sizes[0] + sizes[1], sizes[0] + sizes[1] + sizes[2]);
  if (c.has_input(3)) p.mask = c.input(3);
  if (c.has_input(4)) {
    p.past_k = Squeeze(c, Slice(c, c.input(4), 0, 0, 1), {0});
    p.past_v = Squeeze(c, Slice(c, c.input(4), 0, 1, 2), {0});
  }
  if (c.has_input(5)) p.bias = c.input(5);
  const bool present = c.has_output(1);
  std::vector<ValueId> outputs = Attend(c, p, present ? 3 : 1);
  if (present) {
    const ValueId both =
        c.Add("Concat", {Unsqueeze(c, outputs[1], {0}), Unsqueeze(c, outputs[2], {0})}, {{"axis", int64_t{0}}});
    outputs = {outputs[0], both};
  } else {
    outputs.resize(c.node().outputs.size(), kNoValue);
  }
  c.ReplaceOutputs(std::move(outputs));
}

void InferGroupQuery(InferContext& c) {
  const GroupQueryParams p(c.attributes());
  if (p.q_heads <= 0 || p.kv_heads <= 0 || p.q_heads % p.kv_heads != 0)
    c.Reject("num_heads must be a positive multiple of kv_num_heads");
  if (p.rotary && !(c.has_input(7) && c.has_input(8))) c.Reject("do_rotary needs the cosine and sine caches");
  if (c.has_input(1) != c.has_input(2)) c.Reject("key and value must be given together");
  if (c.has_input(3) != c.has_input(4)) c.Reject("past_key and past_value must be given together");
  c.RequireRank(0, 3);
  Dim batch = c.FreshDim(), rows = c.FreshDim(), width = c.FreshDim();
  if (c.has_rank(0)) {
    const Dims& q = *c.shape(0);
    const int64_t heads = p.q_heads + (c.has_input(1) ? 0 : 2 * p.kv_heads);
    if (q[2].known() && q[2].value() % heads != 0) c.Reject("the query's width does not divide into its heads");
    batch = q[0];
    rows = q[1];
    width = FloorDiv(q[2], heads);
  }
  for (size_t i = 1; i < 3; ++i) {
    if (!c.has_input(i) || !c.has_rank(i)) continue;
    c.RequireRank(i, 3);
    const Dims& s = *c.shape(i);
    MergeDim(c, s[0], batch, "batch");
    MergeDim(c, s[1], rows, "lengths of query, key and value");
    MergeDim(c, s[2], width * Dim(p.kv_heads), "widths of key and value");
  }
  Dim past = 0;
  for (size_t i = 3; i < 5; ++i) {
    if (!c.has_input(i) || !c.has_rank(i)) continue;
    c.RequireRank(i, 4);
    const Dims& s = *c.shape(i);
    MergeDim(c, s[0], batch, "batch of the past");
    MergeDim(c, s[1], p.kv_heads, "heads of the past");
    past = i == 3 ? s[2] : MergeDim(c, past, s[2], "lengths of past_key and past_value");
    MergeDim(c, s[3], width, "head size of the past");
  }
  c.RequireRank(5, 1);
  if (c.has_rank(5)) MergeDim(c, (*c.shape(5))[0], batch, "seqlens_k and batch");
  if (p.rotary) {
    for (size_t i = 7; i < 9; ++i) {
      c.RequireRank(i, 2);
      if (c.has_rank(i) && width.known() && (*c.shape(i))[1].known() && (*c.shape(i))[1].value() > width.value() / 2)
        c.Reject("the caches are wider than a head");
    }
    if (c.has_rank(7) && c.has_rank(8)) MergeDim(c, (*c.shape(7))[1], (*c.shape(8))[1], "widths of the caches");
  }
  if (c.has_input(9) && c.has_rank(9)) {
    c.RequireRank(9, 2);
    MergeDim(c, (*c.shape(9))[0], batch, "position_ids and batch");
    MergeDim(c, (*c.shape(9))[1], rows, "position_ids and rows");
  }
  if (c.input(6).static_shape() && CountOf(c.input(6).static_dims()) != 1)
    c.Reject("total_sequence_length must be one number");
  Dim keys = c.FreshDim();
  if (const auto total = c.Content(6); total && total->size() == 1) keys = Max(past, (*total)[0]);
  if (c.has_input(10) && c.has_rank(10)) {
    c.RequireRank(10, 4);
    const Dims& s = *c.shape(10);
    if (!(s[0] == Dim(1))) MergeDim(c, s[0], batch, "attention_bias and batch");
    if (!(s[1] == Dim(1))) MergeDim(c, s[1], p.q_heads, "attention_bias and heads");
    MergeDim(c, s[2], rows, "attention_bias and rows");
  }
  if (c.has_input(11) && c.has_rank(11)) {
    c.RequireRank(11, 1);
    MergeDim(c, (*c.shape(11))[0], p.q_heads, "head_sink and heads");
  }
  c.SetOutput(0, c.dtype(0), Dims{batch, rows, width * Dim(p.q_heads)});
  const DType cache = c.has_input(3) ? c.dtype(3) : c.dtype(0);
  for (size_t i = 1; i < 3; ++i) c.SetOutput(i, cache, Dims{batch, Dim(p.kv_heads), keys, width});
  c.SetOutput(3, c.dtype(0), Dims{batch, Dim(p.q_heads), rows, keys});
}

constexpr std::string_view kMicrosoft = "com.microsoft";
constexpr OpDef kOps[] = {
    {.name = "MultiHeadAttention", .domain = kMicrosoft, .upgrade = UpgradeMultiHead, .flags = kOpAlias},
    {.name = "Attention", .domain = kMicrosoft, .upgrade = UpgradeAttention, .flags = kOpAlias},
    {.name = "GroupQueryAttention", .domain = kMicrosoft, .infer = InferGroupQuery, .host_inputs = 1u << 6},
};

}  // namespace

std::span<const OpDef> MicrosoftOps() { return kOps; }

}  // namespace onda::attention
