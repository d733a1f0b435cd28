#include "kernels/shape/shape.h"

#include <cmath>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/shape/views.h"
#include "onda/float_formats.h"

namespace onda::shape {
namespace {

void InferShape(InferContext& c) {
  if (!c.has_rank(0)) {
    c.SetOutput(0, DType::kInt64, Dims{c.FreshDim()});
    return;
  }
  const Dims& in = *c.shape(0);
  const ShapeParams::Range range = ShapeParams(c.attributes()).Of(static_cast<int64_t>(in.size()));
  Dims content(in.begin() + range.begin, in.begin() + range.end);
  const Dim count(static_cast<int64_t>(content.size()));
  c.SetContent(0, DType::kInt64, {count}, std::move(content));
}

void InferSize(InferContext& c) {
  if (!c.has_rank(0)) return c.SetOutput(0, DType::kInt64, Dims{});
  c.SetContent(0, DType::kInt64, {}, {Product(*c.shape(0))});
}

// Elements of `content`, of shape `in`, repeated to the known shape `out`.
Dims ExpandContent(const Dims& content, const Dims& in, const Dims& out) {
  Dims result;
  const int64_t count = Product(out).value();
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = 0, stride = 1;
    for (size_t k = out.size(); k-- > 0; rest /= out[k].value()) {
      if (out.size() - k > in.size()) continue;
      const int64_t d = in[in.size() - (out.size() - k)].value();
      if (d != 1) at += rest % out[k].value() * stride;
      stride *= d;
    }
    result.push_back(content[at]);
  }
  return result;
}

bool IsStatic(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& d) { return d.known(); });
}

void InferExpand(InferContext& c) {
  c.RequireRank(1, 1);
  const std::optional<Dims> target = c.Content(1);
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), {});
  const Dims& in = *c.shape(0);
  if (!target) {
    if (!c.has_rank(1) || !(*c.shape(1))[0].known()) return c.SetOutput(0, c.dtype(0), {});
    Dims out = c.FreshDims(static_cast<int>(std::max<int64_t>(c.input(0).rank(), (*c.shape(1))[0].value())));
    for (size_t i = 0; i < in.size(); ++i)
      if (in[i].known() && in[i].value() != 1) out[out.size() - in.size() + i] = in[i];
    return c.SetOutput(0, c.dtype(0), std::move(out));
  }
  for (const Dim& d : *target)
    if (d.known() && d.value() < 0) c.Reject("shape " + ToString(*target) + " has a negative dimension");
  Dims out = Broadcast(c, in, *target);
  const std::optional<Dims> content = c.Content(0);
  if (content && IsStatic(in) && IsStatic(out) && Product(out).value() <= kMaxContent) {
    Dims repeated = ExpandContent(*content, in, out);
    return c.SetContent(0, c.dtype(0), std::move(out), std::move(repeated));
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void InferTranspose(InferContext& c) {
  const TransposeParams params(c.attributes());
  if (!c.has_rank(0)) {
    c.SetOutput(0, c.dtype(0),
                params.perm.empty() ? std::nullopt : std::optional(c.FreshDims(static_cast<int>(params.perm.size()))));
    return;
  }
  const Dims& in = *c.shape(0);
  const int rank = c.input(0).rank();
  if (!params.perm.empty()) {
    std::vector<bool> seen(rank);
    bool valid = static_cast<int>(params.perm.size()) == rank;
    for (int64_t axis : params.perm) {
      valid = valid && axis >= 0 && axis < rank && !seen[axis];
      if (valid) seen[axis] = true;
    }
    if (!valid) c.Reject("perm is not a permutation of the input's " + std::to_string(rank) + " dimensions");
  }
  if (rank <= 1) return InferView(c, in);
  Dims out;
  for (int i = 0; i < rank; ++i) out.push_back(in[params.SourceOf(i, rank)]);
  c.SetOutput(0, c.dtype(0), std::move(out));
}

// Where only dimensions of 1 move, the elements stay where they are: those dimensions are taken out and put in.
void UpgradeTranspose(RewriteContext& c) {
  const TransposeParams params(c.attributes());
  if (!c.fact(0).has_rank()) return;
  const Dims& in = *c.fact(0).shape;
  const int64_t rank = c.fact(0).rank();
  if (!params.perm.empty() && static_cast<int64_t>(params.perm.size()) != rank) return;
  std::vector<int64_t> taken, put;
  std::vector<bool> seen(rank);
  int64_t last = -1;
  for (int64_t i = 0; i < rank; ++i) {
    if (in[i] == Dim(1)) taken.push_back(i);
    const int64_t source = params.SourceOf(i, rank);
    if (source < 0 || source >= rank || seen[source]) return;  // inference says what is wrong
    seen[source] = true;
    if (in[source] == Dim(1)) {
      put.push_back(i);
    } else if (source <= last) {
      return;
    } else {
      last = source;
    }
  }
  if (taken.empty()) {
    c.node().op_type = "Identity";
    c.node().attributes.Remove("perm");
    return;
  }
  const ValueId bare = c.Add("Squeeze", {c.input(0), c.Int64s(taken)});
  c.ReplaceOutputs({c.Add("Unsqueeze", {bare, c.Int64s(put)})});
}

TensorPtr Densify(const SparseTensor& sparse) {
  auto dense = Tensor::Make(sparse.values->dtype(), sparse.dims);
  const std::vector<int64_t> indices = sparse.indices->ToInt64s();
  const size_t rank = sparse.dims.size();
  const bool flat = sparse.indices->dims().size() == 1;
  const int64_t count = sparse.values->count();
  if (static_cast<int64_t>(indices.size()) != count * static_cast<int64_t>(flat ? 1 : rank))
    throw Error(ErrorCode::kInvalidModel, "a sparse tensor has not as many indices as values");
  for (int64_t n = 0; n < count; ++n) {
    int64_t at = flat ? indices[n] : 0;
    bool inside = !flat || (at >= 0 && at < dense->count());
    for (size_t k = 0; !flat && k < rank; ++k) {
      const int64_t index = indices[n * rank + k];
      inside = inside && index >= 0 && index < sparse.dims[k];
      at = at * sparse.dims[k] + index;
    }
    if (!inside) throw Error(ErrorCode::kInvalidModel, "an index of a sparse tensor is out of range");
    if (dense->dtype() == DType::kString) {
      dense->mutable_as<std::string>()[at] = sparse.values->as<std::string>()[n];
    } else if (const int bits = BitsOf(dense->dtype()); bits < 8) {
      StorePacked(dense->mutable_data(), bits, at, LoadPacked(sparse.values->data(), bits, n));
    } else {
      std::memcpy(static_cast<char*>(dense->mutable_data()) + at * (bits / 8),
                  static_cast<const char*>(sparse.values->data()) + n * (bits / 8), bits / 8);
    }
  }
  return dense;
}

template <class T>
TensorPtr ListTensor(DType dtype, const std::vector<T>& values) {
  auto tensor = Tensor::Make(dtype, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor->template mutable_as<T>().begin());
  return tensor;
}

// The value of a Constant node, or null where it has none.
TensorPtr ConstantValue(const AttributeMap& attributes) {
  for (const AttributeMap::Entry& e : attributes.entries()) {
    if (const auto* t = std::get_if<TensorPtr>(&e.value)) return *t;
    if (const auto* s = std::get_if<SparseTensor>(&e.value)) return Densify(*s);
    if (const auto* f = std::get_if<float>(&e.value)) return Tensor::Float(*f);
    if (const auto* i = std::get_if<int64_t>(&e.value)) return Tensor::Int64(*i);
    if (const auto* fs = std::get_if<std::vector<float>>(&e.value)) return ListTensor(DType::kFloat, *fs);
    if (const auto* is = std::get_if<std::vector<int64_t>>(&e.value)) return ListTensor(DType::kInt64, *is);
    if (const auto* ss = std::get_if<std::vector<std::string>>(&e.value)) return ListTensor(DType::kString, *ss);
    if (const auto* s = std::get_if<std::string>(&e.value)) {
      auto tensor = Tensor::Make(DType::kString, {});
      tensor->mutable_as<std::string>()[0] = *s;
      return tensor;
    }
  }
  return nullptr;
}

void InferConstant(InferContext& c) {
  TensorPtr value = ConstantValue(c.node().attributes);
  if (!value) c.Reject("has no value");
  c.SetOutput(0, Fact::Constant(std::move(value)));
}

void UpgradeConstant(RewriteContext& c) {
  if (c.node().attributes.entries().size() != 1) c.Reject("needs exactly one attribute that gives its value");
  TensorPtr value = ConstantValue(c.node().attributes);
  if (!value) c.Reject("has no value");
  c.ReplaceOutputs({c.Constant(std::move(value))});
}

void InferConstantOfShape(InferContext& c) {
  c.RequireRank(0, 1);
  const TensorView* value = c.attributes().Tensor("value");
  if (value && value->count() != 1) c.Reject("attribute 'value' must have one element");
  const DType dtype = value ? value->type() : DType::kFloat;
  std::optional<Dims> dims = c.Content(0);
  if (!dims) {
    if (c.has_rank(0) && (*c.shape(0))[0].known()) dims = c.FreshDims(static_cast<int>((*c.shape(0))[0].value()));
    return c.SetOutput(0, dtype, std::move(dims));
  }
  if ((IsInteger(dtype) || dtype == DType::kBool) && IsStatic(*dims)) {
    int64_t count = 1;
    for (const Dim& d : *dims) {
      if (d.value() < 0) c.Reject("shape " + ToString(*dims) + " has a negative dimension");
      count = CheckedMul(count, d.value());
    }
    if (count <= kMaxContent) {
      Dims content(static_cast<size_t>(count), Dim(LoadInt64(dtype, value->data, 0)));
      return c.SetContent(0, dtype, std::move(*dims), std::move(content));
    }
  }
  c.SetOutput(0, dtype, std::move(dims));
}

// How many elements Range has, from integers or expressions.
Dim RangeCount(InferContext& c, const Dim& start, const Dim& limit, const Dim& delta) {
  if (!delta.known()) return c.FreshDim();
  if (delta.value() == 0) c.Reject("delta is 0");
  const Dim count = delta.value() > 0 ? CeilDiv(limit - start, delta) : CeilDiv(start - limit, Dim(0) - delta);
  return IsNonNegative(count) ? count : Max(count, 0);
}

void InferRange(InferContext& c) {
  const DType dtype = c.dtype(0);
  for (size_t i = 0; i < 3; ++i)
    if (c.input(i).static_shape() && CountOf(c.input(i).static_dims()) != 1)
      c.Reject("input " + std::to_string(i) + " must be a scalar");
  if (IsInteger(dtype)) {
    const auto start = c.Content(0), limit = c.Content(1), delta = c.Content(2);
    if (!start || !limit || !delta) return c.SetOutput(0, dtype, Dims{c.FreshDim()});
    const Dim count = RangeCount(c, start->at(0), limit->at(0), delta->at(0));
    if (count.known() && count.value() <= kMaxContent) {
      Dims content;
      for (int64_t i = 0; i < count.value(); ++i) content.push_back(start->at(0) + delta->at(0) * Dim(i));
      return c.SetContent(0, dtype, {count}, std::move(content));
    }
    return c.SetOutput(0, dtype, Dims{count});
  }
  const auto start = c.Doubles(0), limit = c.Doubles(1), delta = c.Doubles(2);
  if (!start || !limit || !delta) return c.SetOutput(0, dtype, Dims{c.FreshDim()});
  const double count = std::ceil((limit->at(0) - start->at(0)) / delta->at(0));
  if (!(count < 0x1p62)) c.Reject("start, limit and delta give no finite number of elements");
  c.SetOutput(0, dtype, Dims{count > 0 ? static_cast<int64_t>(count) : 0});
}

// com.microsoft.Range: delta may be left out.
void UpgradeMicrosoftRange(RewriteContext& c) {
  c.node().domain = "";
  if (!c.has_input(2)) c.SetInput(2, c.Constant(Tensor::Scalar(c.fact(0).dtype, 1)));
}

void InferEyeLike(InferContext& c) {
  c.RequireRank(0, 2);
  const int64_t dtype = c.attributes().Int("dtype", static_cast<int64_t>(c.dtype(0)));
  if ((dtype <= 0 || dtype >= kDTypeCount) && c.attributes().Has("dtype"))
    c.Reject("dtype " + std::to_string(dtype) + " is no element type");
  c.SetOutput(0, static_cast<DType>(dtype), c.has_rank(0) ? *c.shape(0) : c.FreshDims(2));
}

void UpgradeReshape(RewriteContext& c) {
  c.node().attributes.Remove("consumed_inputs");
  if (c.version() < 5 && !c.node().attributes.Has("shape")) c.Reject("has no shape");
  c.AttributeToInput("shape", 1);
}

void UpgradeAxes(RewriteContext& c) { c.AttributeToInput("axes", 1); }

void UpgradeExpandDims(RewriteContext& c) {
  const ValueId axis = c.Add("Cast", {c.input(1)}, {{"to", static_cast<int64_t>(DType::kInt64)}});
  c.node().domain = "";
  c.node().op_type = "Unsqueeze";
  c.SetInput(1, c.Add("Reshape", {axis, c.Int64s({1})}));
}

constexpr OpDef kOps[] = {
    {.name = "Shape", .infer = InferShape, .flags = kOpShapeOnly},
    {.name = "Size", .infer = InferSize, .flags = kOpShapeOnly},
    {.name = "Reshape", .infer = InferReshape, .upgrade = UpgradeReshape, .host_inputs = 2, .flags = kOpView},
    {.name = "Squeeze", .infer = InferSqueeze, .upgrade = UpgradeAxes, .host_inputs = 2, .flags = kOpView},
    {.name = "Unsqueeze", .infer = InferUnsqueeze, .upgrade = UpgradeAxes, .host_inputs = 2, .flags = kOpView},
    {.name = "Flatten", .infer = InferFlatten, .flags = kOpView},
    {.name = "Identity", .infer = InferIdentity, .flags = kOpView},
    {.name = "Expand", .infer = InferExpand, .host_inputs = 2},
    {.name = "Transpose", .infer = InferTranspose, .upgrade = UpgradeTranspose},
    {.name = "Constant", .infer = InferConstant, .upgrade = UpgradeConstant},
    {.name = "ConstantOfShape", .infer = InferConstantOfShape, .host_inputs = 1},
    {.name = "Range", .infer = InferRange, .host_inputs = 7},
    {.name = "EyeLike", .infer = InferEyeLike},
    {.name = "Range", .domain = "com.microsoft", .upgrade = UpgradeMicrosoftRange, .flags = kOpAlias},
    {.name = "ExpandDims", .domain = "com.microsoft", .upgrade = UpgradeExpandDims, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::shape
