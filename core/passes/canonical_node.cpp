#include "core/ir/at_node.h"
#include "core/ir/string_bound.h"
#include "core/passes/canonical_writer.h"
#include "core/passes/folding_cost.h"
#include "core/passes/infer_node.h"
#include "core/schema/check_node.h"
#include "onda/float_formats.h"

namespace onda::canonical {
namespace {

// A content of integers alone is a constant.
TensorPtr ConstantOf(const Fact& fact) {
  if (fact.constant || !fact.content || !fact.static_shape()) return fact.constant;
  for (const Dim& d : *fact.content)
    if (!d.known()) return nullptr;
  const auto tensor = Tensor::Make(fact.dtype, fact.static_dims());
  if (tensor->count() != static_cast<int64_t>(fact.content->size())) return nullptr;
  for (int64_t i = 0; i < tensor->count(); ++i)
    StoreInt64(fact.dtype, tensor->mutable_data(), i, (*fact.content)[i].value());
  return tensor;
}

class CompileInference : public FactInference {
 public:
  CompileInference(Writer& writer, const Frame* frame) : writer_(writer), frame_(frame) {}
  void Run(const OpDef& op, Node& node);

  Dim FreshDim() override;
  std::vector<Fact> InferBody(size_t index, std::vector<Fact> inputs) override;

 private:
  Writer& writer_;
  const Frame* frame_;
  std::vector<std::shared_ptr<Graph>> bodies_;
};

void CompileInference::Run(const OpDef& op, Node& node) {
  std::vector<const Fact*> facts;
  for (ValueId id : node.inputs) facts.push_back(id == kNoValue ? nullptr : &writer_.out().FactOf(id));
  Start(node, std::move(facts));
  bodies_.assign(node.bodies.size(), nullptr);
  Infer(op);
  for (size_t i = 0; i < bodies_.size(); ++i) {
    if (!bodies_[i]) {
      std::vector<Fact> unknown(node.bodies[i].graph->inputs.size() - node.bodies[i].captures.size());
      InferBody(i, std::move(unknown));
    }
    node.bodies[i].graph = bodies_[i];
  }
}

Dim CompileInference::FreshDim() { return writer_.shared().FreshDim(); }

std::vector<Fact> CompileInference::InferBody(size_t index, std::vector<Fact> inputs) {
  const Body& body = node().bodies.at(index);
  std::vector<Fact> captures;
  for (ValueId id : body.captures) captures.push_back(writer_.out().FactOf(id));
  bodies_[index] = writer_.CanonicalBody(*body.graph, *frame_, inputs, captures);
  std::vector<Fact> outputs;
  for (ValueId id : bodies_[index]->outputs) outputs.push_back(bodies_[index]->FactOf(id));
  return outputs;
}

}  // namespace

std::shared_ptr<Graph> Writer::CanonicalBody(const Graph& in, const Frame& outer, const std::vector<Fact>& inputs,
                                             const std::vector<Fact>& captures) {
  if (outer.depth >= shared_.options.max_depth)
    throw Error(ErrorCode::kResourceLimit,
                "graphs are nested deeper than " + std::to_string(shared_.options.max_depth) + " levels");
  if (in.inputs.size() != inputs.size() + captures.size())
    throw Error(ErrorCode::kInvalidModel, "body '" + in.name + "' has " +
                                              std::to_string(in.inputs.size() - captures.size()) +
                                              " inputs where its node gives " + std::to_string(inputs.size()));
  auto graph = std::make_shared<Graph>();
  graph->name = in.name;
  Writer writer(shared_, graph.get());
  const std::string place = (outer.place.empty() ? "" : outer.place + ", ") + "body '" + in.name + "'";
  Frame frame{outer.opsets, outer.attributes, outer.depth + 1, outer.prefix, place, {}};
  frame.values.assign(in.values().size(), kNoValue);
  for (size_t i = 0; i < in.inputs.size(); ++i) {
    const Value& declared = in.value(in.inputs[i]);
    Fact fact = i < inputs.size() ? inputs[i] : captures[i - inputs.size()];
    if (!fact.known()) fact = InputFact(shared_, declared.fact);
    if (fact.is_tensor() && declared.fact.is_tensor() && fact.dtype != declared.fact.dtype &&
        declared.fact.dtype != DType::kUndefined && fact.dtype != DType::kUndefined)
      throw Error(ErrorCode::kInvalidModel, "input '" + declared.name + "' of body '" + in.name + "' is declared " +
                                                declared.fact.ToString() + " but gets " + fact.ToString());
    frame.values[in.inputs[i]] = graph->AddInput(declared.name, std::move(fact));
  }
  writer.Walk(in, frame);
  for (ValueId id : in.outputs) graph->outputs.push_back(frame.values[id]);
  return graph;
}

bool Writer::Fold(const Node& node, const std::vector<Fact>& outputs) {
  if (!shared_.options.evaluate || (node.op->flags & (kOpRandom | kOpControlFlow | kOpHost))) return false;
  if (shared_.options.folds && !shared_.options.folds(node)) return false;
  std::vector<TensorPtr> inputs;
  for (ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : out_->FactOf(id).constant);
    if (id != kNoValue && !inputs.back()) return false;
  }
  bool small = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    if (outputs[i].constant) continue;
    if (!outputs[i].is_tensor()) return false;
    if (!outputs[i].static_shape()) continue;  // data-dependent: evaluate() bounds it
    const std::vector<int64_t> dims = outputs[i].static_dims();
    small = small && CountOf(dims) <= kMaxContent;
    const auto bytes = static_cast<int64_t>(BytesOf(outputs[i].dtype, CountOf(dims)));
    if (bytes > shared_.options.max_folded_bytes || bytes > shared_.max_folded_total - shared_.folded_bytes)
      return false;
  }
  const std::chrono::nanoseconds cost = FoldingCost(node, inputs, outputs);
  if (cost > (small ? 3 : 1) * shared_.options.max_folding_time - shared_.folding) return false;
  shared_.folding += cost;
  const auto deadline = std::chrono::steady_clock::now() + 2 * shared_.options.max_folding_time;
  const auto results = shared_.options.evaluate(node, inputs, outputs, deadline);
  if (!results) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    shared_.folded_bytes += static_cast<int64_t>((*results)[i]->bytes());
    if ((*results)[i]->dtype() == DType::kString)
      shared_.folded_bytes += static_cast<int64_t>(StringBytes((*results)[i]->view()));
    out_->value(node.outputs[i]).fact = Fact::Constant((*results)[i]);
  }
  return true;
}

void Writer::AddCanonical(Node node, const Frame* frame) {
  node.op = shared_.options.find_op(node.domain, node.op_type);
  if (!node.op || !node.op->infer)
    throw Error(ErrorCode::kNotImplemented, Describe(node) + ": needs operator '" + node.op_type + "' of domain '" +
                                                (node.domain.empty() ? "ai.onnx" : node.domain) +
                                                "', which Onda does not run yet");
  CompileInference inference(*this, frame);
  try {
    inference.Run(*node.op, node);
  } catch (const Error& e) {
    throw AtNode(node, e);
  }
  const std::vector<Fact>& outputs = inference.outputs();
  bool all_constant = !node.outputs.empty();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const TensorPtr constant = ConstantOf(outputs[i]);
    out_->value(node.outputs[i]).fact = constant ? Fact::Constant(constant) : outputs[i];
    all_constant = all_constant && constant;
  }
  try {
    if (all_constant || Fold(node, outputs)) return;
  } catch (const Error& e) {
    throw AtNode(node, e);
  }

  if (node.op->decompose && shared_.options.has_kernel) {
    if (!shared_.options.has_kernel(node, out_->FactsOf(node.inputs), outputs)) {
      Rewrite rewrite(*this, frame, &node, 0);
      if (node.op->decompose(rewrite) && rewrite.replaced) {
        // Others may hold the node's own outputs already: they become copies of the replacement, which cost nothing.
        for (size_t i = 0; i < node.outputs.size(); ++i) {
          if (node.outputs[i] == kNoValue) continue;
          Node identity;
          identity.op_type = "Identity";
          identity.origin = node.origin;
          identity.inputs = {rewrite.replacement.at(i)};
          identity.outputs = {node.outputs[i]};
          AddCanonical(std::move(identity), frame);
        }
        return;
      }
    }
  }
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] == kNoValue && i < outputs.size() && IsRequiredOutput(node, i))
      node.outputs[i] = out_->AddValue(shared_.FreshName(), outputs[i]);
  if (node.name.empty()) node.name = node.origin.name;
  out_->AddNode(std::move(node));
}

}  // namespace onda::canonical
