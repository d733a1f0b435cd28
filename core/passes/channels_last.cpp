// Convolutions of 16-bit floats compute with channels last, the form of a GPU's matrix units: tensors of (batch,
// spatial..., channels), made and left by Transposes that meet and vanish between them. With F a Transpose to channels
// first and L one to channels last:
//   Conv(x, W, b), FusedConv(x, W, b, z)  -> F(ChannelsLastConv(L(x), L(W), b, L(z)))
//   MaxPool or AveragePool(F(x))          -> F(ChannelsLast...Pool(x))
//   GlobalAveragePool or GlobalMaxPool(F(x)) -> F(ReduceMean or ReduceMax(x)); reductions of F(x) likewise, over where
//                                         the axes have gone
//   f(F(x), ...)                          -> F(f(x, L(...))) for f element by element
//   Concat, Pad, Resize, BatchNormalization of F(x) likewise; the last as one of (positions, channels)
// Whatever stands between convolutions moves where all that reads F(x), or all that reads the result, would take it
// with channels last. The host computes with channels first.
#include <algorithm>
#include <cstring>

#include "core/passes/rules.h"

namespace onda {
namespace {

constexpr std::string_view kUnary[] = {"Relu", "LeakyRelu", "Sigmoid",  "Tanh",     "HardSigmoid", "HardSwish", "Swish",
                                       "Gelu", "Elu",       "Softplus", "Softsign", "Clip",        "Neg",       "Abs",
                                       "Exp",  "Log",       "Sqrt",     "Selu",     "Reciprocal",  "Erf",       "Mish",
                                       "Cast", "Celu",      "Floor",    "Ceil",     "Round"};
constexpr std::string_view kSeveral[] = {"Add", "Sub", "Mul",  "Div",   "Pow",  "Max",
                                         "Min", "Sum", "Mean", "PRelu", "Where"};
constexpr std::string_view kOther[] = {
    "Conv",   "MaxPool",    "AveragePool", "GlobalAveragePool", "GlobalMaxPool",      "Concat",   "Pad",
    "Resize", "ReduceMean", "ReduceMax",   "ReduceSum",         "BatchNormalization", "Transpose"};

template <class List>
bool IsOneOf(const Node& node, const List& list) {
  return node.domain.empty() && std::find(std::begin(list), std::end(list), node.op_type) != std::end(list);
}

// Where each dimension of (batch, spatial..., channels) comes from, and of (batch, channels, spatial...).
std::vector<int64_t> ToLast(int rank) {
  std::vector<int64_t> perm{0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}
std::vector<int64_t> ToFirst(int rank) {
  std::vector<int64_t> perm{0, rank - 1};
  for (int i = 1; i < rank - 1; ++i) perm.push_back(i);
  return perm;
}
// The axis with channels last that an axis with channels first becomes.
int64_t AxisWhereLast(int64_t axis, int rank) {
  return ToFirst(rank)[static_cast<size_t>(axis < 0 ? axis + rank : axis)];
}

// The value with channels last that this one is the Transpose of; kNoValue where there is none. Of three dimensions
// both permutations are the same, and no sign of convolutions.
ValueId LastFormOf(const RuleContext& c, ValueId value) {
  const Node* t = c.Producer(value);
  if (!t || !c.Is(*t, "Transpose") || !c.FactOf(value).has_rank() || c.FactOf(value).rank() < 4) return kNoValue;
  return t->attributes.view().Ints("perm") == ToFirst(c.FactOf(value).rank()) ? t->inputs[0] : kNoValue;
}

// A constant as one of the rank, with leading dimensions of 1, and its channels last. Null where elements are no bytes.
TensorPtr ConstantLast(const TensorPtr& k, int rank) {
  const auto given = static_cast<int>(k->dims().size());
  if (given > rank || k->dtype() == DType::kString || BitsOf(k->dtype()) < 8) return nullptr;
  std::vector<int64_t> dims(static_cast<size_t>(rank - given), 1);
  dims.insert(dims.end(), k->dims().begin(), k->dims().end());
  int64_t inner = 1;
  for (int i = 2; i < rank; ++i) inner *= dims[i];
  const int64_t outer = dims[0], channels = dims[1];
  std::vector<int64_t> moved;
  for (int64_t from : ToLast(rank)) moved.push_back(dims[from]);
  const std::shared_ptr<Tensor> result = Tensor::Make(k->dtype(), moved);
  const size_t size = static_cast<size_t>(BitsOf(k->dtype())) / 8;
  const char* from = static_cast<const char*>(k->data());
  char* to = static_cast<char*>(result->mutable_data());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      for (int64_t ch = 0; ch < channels; ++ch, to += size)
        std::memcpy(to, from + static_cast<size_t>((o * channels + ch) * inner + i) * size, size);
  return result;
}

// The value with channels last: as it was made so, or transposed.
ValueId Last(const RuleContext& c, Patch& patch, ValueId value) {
  const ValueId last = LastFormOf(c, value);
  if (last != kNoValue) return last;
  const int rank = c.FactOf(value).rank();
  if (const TensorPtr k = c.ConstantOf(value))
    if (TensorPtr moved = ConstantLast(k, rank)) return patch.Constant(std::move(moved));
  return patch.Add("Transpose", {value}, {{"perm", ToLast(rank)}});
}

Patch Finished(Patch patch, const Node& node, ValueId y, int rank) {
  patch.Replace(node.outputs[0], patch.Add("Transpose", {y}, {{"perm", ToFirst(rank)}}));
  return patch;
}

// Whether all that reads the value might do so with channels last.
bool ReadersTakeLast(const RuleContext& c, ValueId value) {
  const std::span<const NodeId> readers = c.Readers(value);
  return !readers.empty() && static_cast<size_t>(c.Uses(value)) == readers.size() &&
         std::all_of(readers.begin(), readers.end(), [&](NodeId id) {
           const Node& reader = c.graph().node(id);
           return c.IsHere(reader) && (IsOneOf(reader, kUnary) || IsOneOf(reader, kSeveral) ||
                                       IsOneOf(reader, kOther) || c.Is(reader, "FusedConv", "com.microsoft"));
         });
}

// Whether input i is made with channels last, and the node best reads it so.
bool Follows(const RuleContext& c, const Node& node, size_t i = 0) {
  return node.has_input(i) && LastFormOf(c, node.inputs[i]) != kNoValue &&
         (ReadersTakeLast(c, node.inputs[i]) || ReadersTakeLast(c, node.outputs[0]));
}

std::optional<Patch> Convolution(const RuleContext& c, const Node& conv) {
  const Fact &x = c.FactOf(conv.inputs[0]), &w = c.FactOf(conv.inputs[1]);
  if (!IsHalf(x.dtype) || !x.has_rank() || !w.has_rank() || x.rank() < 3 || x.rank() > 5) return {};
  Patch patch("convolve with channels last");
  std::vector<ValueId> inputs = conv.inputs;
  for (size_t i : {0, 1, 3})
    if (conv.has_input(i)) inputs[i] = Last(c, patch, inputs[i]);
  const ValueId y = patch.Add("ChannelsLastConv", std::move(inputs), conv.attributes, "onda");
  return Finished(std::move(patch), conv, y, x.rank());
}

std::optional<Patch> Pool(const RuleContext& c, const Node& pool) {
  if (pool.outputs.size() > 1 && pool.outputs[1] != kNoValue) return {};
  if (LastFormOf(c, pool.inputs[0]) == kNoValue) return {};
  Patch patch("pool with channels last");
  const ValueId y = patch.Add("ChannelsLast" + pool.op_type, {Last(c, patch, pool.inputs[0])}, pool.attributes, "onda");
  return Finished(std::move(patch), pool, y, c.FactOf(pool.inputs[0]).rank());
}

std::optional<Patch> GlobalPool(const RuleContext& c, const Node& pool) {
  const ValueId x = LastFormOf(c, pool.inputs[0]);
  if (x == kNoValue) return {};
  const int rank = c.FactOf(pool.inputs[0]).rank();
  std::vector<int64_t> axes;
  for (int i = 1; i < rank - 1; ++i) axes.push_back(i);
  Patch patch("pool with channels last");
  const ValueId y = patch.Add(c.Is(pool, "GlobalMaxPool") ? "ReduceMax" : "ReduceMean",
                              {x, patch.Constant(Tensor::Int64s(axes))}, {{"keepdims", int64_t{1}}});
  return Finished(std::move(patch), pool, y, rank);
}

std::optional<Patch> Reduction(const RuleContext& c, const Node& node) {
  const ValueId x = LastFormOf(c, node.inputs[0]);
  const TensorPtr given = node.has_input(1) ? c.ConstantOf(node.inputs[1]) : nullptr;
  if (x == kNoValue || !given || given->count() == 0) return {};
  const int rank = c.FactOf(node.inputs[0]).rank();
  const bool keep = node.attributes.view().Int("keepdims", 1) != 0;
  std::vector<int64_t> axes = given->ToInt64s();
  for (int64_t& axis : axes) axis = AxisWhereLast(axis, rank);
  // Without the reduced dimensions, the others have to come in their old order.
  const bool has_channels = std::find(axes.begin(), axes.end(), rank - 1) != axes.end();
  const bool all_spatial = static_cast<int>(axes.size()) - has_channels == rank - 2;
  if (!keep && !has_channels && !all_spatial) return {};
  Patch patch("reduce with channels last");
  const ValueId y = patch.Add(node.op_type, {x, patch.Constant(Tensor::Int64s(axes))}, node.attributes);
  if (keep) return Finished(std::move(patch), node, y, rank);
  patch.Replace(node.outputs[0], y);
  return patch;
}

std::optional<Patch> Elementwise(const RuleContext& c, const Node& node) {
  const Fact& y = c.FactOf(node.outputs[0]);
  bool follows = false, mixed = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) continue;
    const Fact& x = c.FactOf(node.inputs[i]);
    if (!x.has_rank() || x.rank() > y.rank()) return {};
    follows = follows || Follows(c, node, i);
    if (LastFormOf(c, node.inputs[i]) != kNoValue || x.rank() == 0 || x.constant) continue;
    if (x.rank() != y.rank()) return {};
    mixed = mixed || !std::all_of(x.shape->begin() + 2, x.shape->end(), [](const Dim& d) { return d == Dim(1); });
  }
  if (!follows || (mixed && !ReadersTakeLast(c, node.outputs[0]))) return {};
  Patch patch(node.op_type + " with channels last");
  std::vector<ValueId> inputs = node.inputs;
  for (ValueId& input : inputs) {
    if (input == kNoValue || c.FactOf(input).rank() == 0) continue;
    if (const TensorPtr k = c.ConstantOf(input)) {
      const TensorPtr moved = ConstantLast(k, y.rank());
      if (!moved) return {};
      input = patch.Constant(moved);
    } else {
      input = Last(c, patch, input);
    }
  }
  const ValueId result = patch.Add(node.op_type, std::move(inputs), node.attributes);
  return Finished(std::move(patch), node, result, y.rank());
}

std::optional<Patch> Concatenation(const RuleContext& c, const Node& node) {
  const int rank = c.FactOf(node.outputs[0]).rank();
  bool follows = false, mixed = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    follows = follows || Follows(c, node, i);
    mixed = mixed || (LastFormOf(c, node.inputs[i]) == kNoValue && !c.ConstantOf(node.inputs[i]));
  }
  if (!follows || (mixed && !ReadersTakeLast(c, node.outputs[0]))) return {};
  Patch patch("Concat with channels last");
  std::vector<ValueId> inputs;
  for (ValueId input : node.inputs) inputs.push_back(Last(c, patch, input));
  AttributeMap attributes = node.attributes;
  attributes.Set("axis", AxisWhereLast(node.attributes.view().Int("axis", 0), rank));
  const ValueId y = patch.Add("Concat", std::move(inputs), std::move(attributes));
  return Finished(std::move(patch), node, y, rank);
}

// Pad and Resize name the axes that their lists are for.
std::optional<Patch> NamedAxes(const RuleContext& c, const Node& node) {
  if (!Follows(c, node)) return {};
  const int rank = c.FactOf(node.inputs[0]).rank();
  const bool pad = c.Is(node, "Pad");
  std::vector<int64_t> axes;
  if (pad && node.has_input(3)) {
    const TensorPtr given = c.ConstantOf(node.inputs[3]);
    if (!given) return {};
    axes = given->ToInt64s();
  } else if (!pad) {
    axes = node.attributes.view().Ints("axes");
  }
  if (axes.empty())
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  for (int64_t& axis : axes) axis = AxisWhereLast(axis, rank);
  Patch patch(node.op_type + " with channels last");
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = LastFormOf(c, node.inputs[0]);
  AttributeMap attributes = node.attributes;
  if (pad) {
    inputs.resize(4, kNoValue);
    inputs[3] = patch.Constant(Tensor::Int64s(axes));
  } else {
    attributes.Set("axes", axes);
  }
  const ValueId y = patch.Add(node.op_type, std::move(inputs), std::move(attributes));
  return Finished(std::move(patch), node, y, rank);
}

std::optional<Patch> Normalization(const RuleContext& c, const Node& node) {
  if (!Follows(c, node) || node.outputs.size() > 1 || node.attributes.view().Int("training_mode", 0) != 0) return {};
  const Dims& shape = *c.FactOf(node.outputs[0]).shape;
  const int rank = static_cast<int>(shape.size());
  Dims moved;
  for (int64_t from : ToLast(rank)) moved.push_back(shape[from]);
  if (!moved.back().known() || std::count(moved.begin(), moved.end(), Dim(0)) > 0) return {};
  Patch patch("normalize with channels last");
  std::vector<ValueId> inputs = node.inputs;
  const ValueId rows = patch.Constant(Tensor::Int64s(std::vector<int64_t>{-1, moved.back().value()}));
  inputs[0] = patch.Add("Reshape", {LastFormOf(c, node.inputs[0]), rows});
  const ValueId y = patch.Add(node.op_type, std::move(inputs), node.attributes);
  const ValueId whole = patch.AddView(y, moved);
  if (whole == kNoValue) return {};
  return Finished(std::move(patch), node, whole, rank);
}

}  // namespace

std::optional<Patch> ChannelsLast(const RuleContext& c, const Node& node) {
  if (node.instance == 0 || node.outputs.empty() || !node.has_input(0)) return {};
  const bool fused = c.Is(node, "FusedConv", "com.microsoft");
  if (c.Is(node, "Conv") || fused) return Convolution(c, node);
  if (!node.domain.empty() || !c.FactOf(node.outputs[0]).has_rank()) return {};
  if (c.Is(node, "MaxPool") || c.Is(node, "AveragePool")) return Pool(c, node);
  if (c.Is(node, "GlobalAveragePool") || c.Is(node, "GlobalMaxPool")) return GlobalPool(c, node);
  if (c.Is(node, "ReduceMean") || c.Is(node, "ReduceMax") || c.Is(node, "ReduceSum")) return Reduction(c, node);
  if (IsOneOf(node, kUnary) || IsOneOf(node, kSeveral)) return Elementwise(c, node);
  if (c.Is(node, "Concat")) return Concatenation(c, node);
  if (c.Is(node, "Pad") || c.Is(node, "Resize")) return NamedAxes(c, node);
  if (c.Is(node, "BatchNormalization")) return Normalization(c, node);
  return {};
}

// Transpose(x) that moves only dimensions of one element -> Reshape(x). Holds where at most one dimension is unknown.
std::optional<Patch> TransposeAsView(const RuleContext& c, const Node& node) {
  if (node.instance == 0 || !c.Is(node, "Transpose") || !c.FactOf(node.inputs[0]).has_rank()) return {};
  const Dims& shape = *c.FactOf(node.inputs[0]).shape;
  const std::vector<int64_t> perm = node.attributes.view().Ints("perm");
  if (perm.size() != shape.size()) return {};
  Dims dims;
  int64_t last = -1;
  for (int64_t from : perm) {
    const Dim& d = shape[from];
    dims.push_back(d);
    if (d == Dim(1)) continue;
    if (from < last) return {};
    last = from;
  }
  Patch patch("what a transpose moves has one element");
  const ValueId view = patch.AddView(node.inputs[0], dims);
  if (view == kNoValue) return {};
  patch.Replace(node.outputs[0], view);
  return patch;
}

}  // namespace onda
