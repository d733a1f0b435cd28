#include "core/ir/op_def.h"

namespace onda {
namespace {

// No operator means anything at such a rank; shape arithmetic can make one up.
constexpr size_t kMaxRank = 64;

}  // namespace

const Fact& InferContext::input(size_t i) const {
  static const Fact kUnknown;
  return i < inputs_.size() && inputs_[i] ? *inputs_[i] : kUnknown;
}

void InferContext::RequireRank(size_t i, int rank) const {
  const Fact& fact = input(i);
  if (fact.has_rank() && fact.rank() != rank)
    Reject("input " + std::to_string(i) + " must have rank " + std::to_string(rank) + " but is " + fact.ToString());
}

std::optional<std::vector<int64_t>> InferContext::Int64s(size_t i) {
  const std::optional<Dims> content = Content(i);
  if (!content) return {};
  std::vector<int64_t> values;
  values.reserve(content->size());
  for (const Dim& d : *content) {
    if (!d.known()) return {};
    values.push_back(d.value());
  }
  return values;
}

Dims InferContext::FreshDims(int rank) {
  if (rank > static_cast<int>(kMaxRank)) {
    throw Error(ErrorCode::kResourceLimit,
                "rank " + std::to_string(rank) + " is over the limit of " + std::to_string(kMaxRank));
  }
  Dims dims;
  for (int i = 0; i < rank; ++i) dims.push_back(FreshDim());
  return dims;
}

void InferContext::SetOutput(size_t i, Fact fact) {
  if (const int dtype = static_cast<int>(fact.dtype); dtype < 0 || dtype >= kDTypeCount) {
    Reject("output " + std::to_string(i) + " would have element type " + std::to_string(dtype) + ", which is none");
  }
  if (fact.shape && fact.shape->size() > kMaxRank) {
    throw Error(ErrorCode::kResourceLimit, "output " + std::to_string(i) + " has rank " +
                                               std::to_string(fact.shape->size()) + ", over the limit of " +
                                               std::to_string(kMaxRank));
  }
  if (i < outputs_.size()) outputs_[i] = std::move(fact);
}

void InferContext::SetOutput(size_t i, DType dtype, std::optional<Dims> shape) {
  if (shape)
    for (const Dim& d : *shape)
      if (d.known() && d.value() < 0) Reject("output " + std::to_string(i) + " would have shape " + ToString(*shape));
  Fact fact = Fact::TensorOfUnknownRank(dtype);
  fact.shape = std::move(shape);
  SetOutput(i, std::move(fact));
}

void InferContext::SetContent(size_t i, DType dtype, Dims shape, Dims content) {
  Fact fact = Fact::Tensor(dtype, std::move(shape));
  if (static_cast<int64_t>(content.size()) <= kMaxContent)
    fact.content = std::make_shared<const Dims>(std::move(content));
  SetOutput(i, std::move(fact));
}

void InferContext::Reject(const std::string& cause) const {
  std::string text = Describe(*node_) + ": " + cause + "; inputs:";
  for (size_t i = 0; i < inputs_.size(); ++i)
    text += (i ? ", " : " ") + (inputs_[i] ? inputs_[i]->ToString() : std::string("omitted"));
  throw Error(ErrorCode::kInvalidModel, text);
}

void InferContext::Start(const Node& node, std::vector<const Fact*> inputs) {
  node_ = &node;
  inputs_ = std::move(inputs);
  outputs_.assign(node.outputs.size(), Fact{});
}

void InferContext::Infer(const OpDef& op) {
  if (!(op.flags & (kOpAnyLayout | kOpCopy))) {
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i] && inputs_[i]->channel_block != 1)
        Reject("input " + std::to_string(i) + " is not row-major: onda.Reorder is missing before it");
  }
  op.infer(*this);
}

const Fact& RewriteContext::fact(size_t i) const {
  static const Fact kUnknown;
  return has_input(i) ? FactOf(node_->inputs[i]) : kUnknown;
}

ValueId RewriteContext::ScalarLike(double value) {
  const DType dtype = fact(0).dtype;
  if (dtype != DType::kUndefined) return Constant(Tensor::Scalar(dtype, value));
  return Add("CastLike", {Constant(Tensor::Float(static_cast<float>(value))), input(0)});
}

ValueId RewriteContext::Add(std::string op_type, std::vector<ValueId> inputs, AttributeMap attributes,
                            std::string domain) {
  Node node;
  node.op_type = std::move(op_type);
  node.domain = std::move(domain);
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  return AddNode(std::move(node), 1)[0];
}

void RewriteContext::SetInput(size_t index, ValueId value) {
  if (node_->inputs.size() <= index) node_->inputs.resize(index + 1, kNoValue);
  node_->inputs[index] = value;
}

void RewriteContext::AttributeToInput(std::string_view name, size_t index) {
  const AttributeValue* value = node_->attributes.Find(name);
  if (!value) return;
  TensorPtr tensor;
  if (const auto* i = std::get_if<int64_t>(value)) {
    tensor = Tensor::Int64(*i);
  } else if (const auto* is = std::get_if<std::vector<int64_t>>(value)) {
    tensor = Tensor::Int64s(*is);
  } else if (const auto* f = std::get_if<float>(value)) {
    tensor = Tensor::Float(*f);
  } else if (const auto* t = std::get_if<TensorPtr>(value)) {
    tensor = *t;
  } else if (const auto* fs = std::get_if<std::vector<float>>(value)) {
    auto made = Tensor::Make(DType::kFloat, {static_cast<int64_t>(fs->size())});
    std::copy(fs->begin(), fs->end(), made->mutable_as<float>().begin());
    tensor = std::move(made);
  } else {
    Reject("attribute '" + std::string(name) + "' is of the wrong kind");
  }
  SetInput(index, Constant(std::move(tensor)));
  node_->attributes.Remove(name);
}

void RewriteContext::Reject(const std::string& cause) const {
  throw Error(ErrorCode::kInvalidModel, Describe(*node_) + ": " + cause);
}

}  // namespace onda
