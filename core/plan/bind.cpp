#include "core/plan/bind.h"

#include <algorithm>
#include <cstring>

#include "core/ir/at_node.h"
#include "core/plan/binder.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

// Values computed from shapes alone are evaluated while binding, up to so many elements.
constexpr int64_t kMaxEvaluated = 4096;

}  // namespace

const Fact& Binder::FactOf(ValueId id) {
  BoundValue& bound = values_[id];
  const Fact& compiled = graph_.FactOf(id);
  if (bound.state == State::kUnseen) {
    const RuntimeValue& value = frame_[id];
    if (compiled.constant) {
      bound.state = State::kConstant;
    } else {
      if (!value.present())
        throw Error(ErrorCode::kInternal, "value '" + graph_.value(id).name + "' is read before it is made");
      bound.state = State::kFrame;
      bound.fact = value.ToFact();
      bound.fact.channel_block = compiled.channel_block;
      bound.root = id;
      if (value.is_tensor()) plan_->shapes.push_back({id, value.dtype, value.dims, value.instance});
    }
  }
  return bound.state == State::kConstant && compiled.constant ? compiled : bound.fact;
}

TensorPtr Binder::ReadFrame(size_t i) {
  if (i >= node().inputs.size() || node().inputs[i] == kNoValue) return nullptr;
  const ValueId id = node().inputs[i];
  if (!ReadsOnHost(node(), i) || values_[id].state != State::kFrame) return nullptr;
  if (values_[id].root != id) return nullptr;  // a view of this segment, which the frame has behind it only
  const RuntimeValue& value = frame_[id];
  if (value.instance != 0)
    throw Error(ErrorCode::kInternal, "host input '" + graph_.value(id).name + "' lies in a device's memory");
  if (value.dtype == DType::kString || value.count() > kMaxContent) return nullptr;
  if (std::none_of(plan_->contents.begin(), plan_->contents.end(), [&](const auto& key) { return key.id == id; })) {
    Plan::ContentKey key{id, std::vector<int64_t>((value.bytes() + 7) / 8)};
    if (value.bytes()) std::memcpy(key.elements.data(), value.data, value.bytes());
    plan_->contents.push_back(std::move(key));
  }
  return Tensor::Wrap(value.dtype, value.dims, value.data, nullptr);
}

// A content that shapes gave, as a tensor; null where it is not known in full.
TensorPtr Binder::Materialize(const Fact& fact) {
  if (!fact.content || !fact.static_shape() || !(IsInteger(fact.dtype) || fact.dtype == DType::kBool)) return nullptr;
  auto tensor = Tensor::Make(fact.dtype, fact.static_dims());
  if (tensor->count() != static_cast<int64_t>(fact.content->size())) return nullptr;
  for (size_t k = 0; k < fact.content->size(); ++k) {
    if (!(*fact.content)[k].known()) return nullptr;
    StoreInt64(fact.dtype, tensor->mutable_data(), static_cast<int64_t>(k), (*fact.content)[k].value());
  }
  return tensor;
}

// Nodes that work on shapes alone become constants of the plan.
bool Binder::TryEvaluate(const Node& node) {
  // What a device reads has to be there: only values in host memory become constants.
  for (ValueId output : node.outputs)
    if (output != kNoValue && Location(output) != 0) return false;
  for (const Fact& fact : outputs())
    if (fact.channel_block != 1) return false;
  bool all_known = true;
  for (const Fact& fact : outputs()) all_known = all_known && (fact.constant || Materialize(fact));
  std::vector<TensorPtr> results;
  if (all_known) {
    for (const Fact& fact : outputs()) results.push_back(fact.constant ? fact.constant : Materialize(fact));
  } else {
    if (node.op->flags & (kOpRandom | kOpCopy) || node.inputs.empty() || node.instance != 0) return false;
    std::vector<TensorPtr> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) {
        inputs.push_back(nullptr);
        continue;
      }
      const Fact& fact = input(i);
      TensorPtr tensor = fact.constant ? fact.constant : Materialize(fact);
      if (!tensor || tensor->count() > kMaxEvaluated) return false;
      inputs.push_back(std::move(tensor));
    }
    for (size_t i = 0; i < outputs().size(); ++i)
      if (node.has_output(i) && outputs()[i].static_shape() && CountOf(outputs()[i].static_dims()) > kMaxEvaluated)
        return false;
    auto evaluated = EvaluateOnce(program_.compiled().instances().host().KernelsFor(node), node, inputs, outputs(),
                                  kMaxEvaluated * static_cast<int64_t>(sizeof(std::string)));
    if (!evaluated) return false;
    results = std::move(*evaluated);
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.has_output(i)) continue;
    BoundValue& bound = values_[node.outputs[i]];
    bound.state = State::kConstant;
    bound.fact = Fact::Constant(results[i]);
    bound.root = node.outputs[i];
    plan_->constants.push_back(std::move(results[i]));
    produced_.push_back(node.outputs[i]);
  }
  return true;
}

void Binder::AddView(const Node& node) {
  const ValueId source = node.inputs[0], id = node.outputs[0];
  FactOf(source);
  BoundValue& bound = values_[id];
  const BoundValue& from = values_[source];
  if (from.state == State::kConstant) {
    const TensorPtr& constant = FactOf(source).constant;
    bound.state = State::kConstant;
    bound.fact =
        Fact::Constant(Tensor::Wrap(constant->dtype(), outputs()[0].static_dims(), constant->data(), constant));
    bound.root = id;
    plan_->constants.push_back(bound.fact.constant);
  } else {
    bound.state = from.state;
    bound.fact = outputs()[0];
    bound.root = from.root;
    BoundValue& root = values_[from.root];
    root.last_use = std::max(root.last_use, program_.last_use(id));
  }
  produced_.push_back(id);
}

// A copy of an input that lies in the device's memory already.
bool Binder::ReadsBoundMemory(const Node& node) {
  FactOf(node.inputs[0]);
  const BoundValue& from = values_[node.inputs[0]];
  return from.state == State::kFrame && frame_[from.root].instance != 0 &&
         frame_[from.root].instance == Location(node.outputs[0]);
}

std::shared_ptr<const Plan> Binder::Run() {
  const int32_t size = static_cast<int32_t>(program_.order().size());
  int32_t position = plan_->begin;
  for (; position < size; ++position) {
    const NodeId id = program_.order()[position];
    const Node& node = graph_.node(id);
    const bool view = node.op->flags & kOpView;
    if (RunByEngine(graph_, node)) {
      if (position == plan_->begin) {
        plan_->engine = true;
        for (ValueId input : node.inputs)
          if (input != kNoValue && program_.last_use(input) == position) plan_->released.push_back(input);
        for (const Body& body : node.bodies)
          for (ValueId capture : body.captures)
            if (program_.last_use(capture) == position) plan_->released.push_back(capture);
        plan_->end = position + 1;
        return plan_;
      }
      break;
    }
    try {
      std::vector<const Fact*> facts;
      facts.reserve(node.inputs.size());
      for (ValueId input : node.inputs) facts.push_back(input == kNoValue ? nullptr : &FactOf(input));
      Start(node, std::move(facts));
      Infer(*node.op);
      bool all_static = true;
      for (size_t i = 0; i < node.outputs.size(); ++i)
        if (node.has_output(i) && program_.wanted(node.outputs[i]))
          all_static = all_static && outputs()[i].is_tensor() && outputs()[i].static_shape();
      if (node.op->flags & kOpCopy) {
        if (ReadsBoundMemory(node)) {
          AddView(node);
        } else if (!TryEvaluate(node)) {
          AddCopy(id);
        }
        continue;
      }
      if (TryEvaluate(node)) continue;
      if (!all_static) {
        if (position > plan_->begin) break;
        if (view) Reject("the shape of its output cannot be determined");
        AddStep(id, position, true);
        ++position;
        break;
      }
      if (view) {
        AddView(node);
      } else {
        AddStep(id, position, false);
      }
    } catch (const Error& error) {
      throw AtNode(node, error);
    }
  }
  Finish(position);
  FindCaptureSpans();
  return plan_;
}

std::shared_ptr<const Plan> Bind(const Program& program, int32_t position, const std::vector<RuntimeValue>& frame) {
  return Binder(program, position, frame).Run();
}

}  // namespace onda
