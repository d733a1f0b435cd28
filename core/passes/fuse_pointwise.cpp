// Chains of element-by-element operators -> onda.Pointwise, whose results are those of the chain to the last bit. A
// region ends at a node whose result something else reads, and takes in every producer of the same shape all of whose
// readers are inside; a dequantization of one scale and zero point is taken in (again) whoever else reads it. Chains
// longer than a program may be become several regions.
#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "core/passes/rules.h"

namespace onda {
namespace {

// Limits of the operator; see kernels/pointwise/pointwise.h.
constexpr size_t kMaxInputs = 12, kMaxSteps = 32;

struct Step {
  std::string op;
  std::vector<ValueId> operands;
  float alpha = 0, beta = 0;
};

bool IsByte(DType t) { return t == DType::kInt8 || t == DType::kUint8; }

// What attributes give a function of one operand.
struct Unary {
  std::string_view op;
  std::string_view alpha_name = "";
  float alpha = 0;
  std::string_view beta_name = "";
  float beta = 0;
};
constexpr Unary kUnary[] = {
    {"Abs"},
    {"Neg"},
    {"Sign"},
    {"Floor"},
    {"Ceil"},
    {"Round"},
    {"Exp"},
    {"Log"},
    {"Sqrt"},
    {"Reciprocal"},
    {"Sin"},
    {"Cos"},
    {"Atan"},
    {"Tanh"},
    {"Erf"},
    {"Sigmoid"},
    {"Softplus"},
    {"Softsign"},
    {"Relu"},
    {"Gelu"},
    {"HardSwish"},
    {"Mish"},
    {"LeakyRelu", "alpha", 0.01f},
    {"Elu", "alpha", 1},
    {"Selu", "alpha", 1.67326319217681884765625f, "gamma", 1.05070102214813232421875f},
    {"HardSigmoid", "alpha", 0.2f, "beta", 0.5f},
    {"ThresholdedRelu", "alpha", 1},
    {"Swish", "alpha", 1},
};
constexpr std::string_view kBinary[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "PRelu"};
constexpr std::string_view kCompare[] = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
constexpr std::string_view kLogic[] = {"And", "Or", "Xor"};

template <class Names>
bool Holds(const Names& names, std::string_view op) {
  return std::find(std::begin(names), std::end(names), op) != std::end(names);
}

// A scale and zero point for the whole tensor.
bool ReadQuantization(const RuleContext& c, const Node& node, Step& step) {
  const std::optional<double> scale = c.ScalarOf(node.inputs[1]);
  std::optional<double> zero = 0;
  if (node.has_input(2)) zero = c.ScalarOf(node.inputs[2]);
  const Attributes a = node.attributes.view();
  if (!scale || !zero || c.FactOf(node.inputs[1]).dtype != DType::kFloat || a.Int("block_size", 0) != 0) return false;
  const int64_t precision = a.Int("precision", 0);
  if (precision != 0 && precision != static_cast<int64_t>(DType::kFloat)) return false;
  step.alpha = static_cast<float>(*scale), step.beta = static_cast<float>(*zero);
  return true;
}

// The node as a step; nullopt where it is none.
std::optional<Step> StepOf(const RuleContext& c, const Node& node) {
  if (!node.domain.empty() || node.outputs.size() != 1 || node.inputs.empty() || !node.has_input(0)) return {};
  const Fact &x = c.FactOf(node.inputs[0]), &y = c.FactOf(node.outputs[0]);
  if (!y.has_rank() || !x.is_tensor()) return {};
  const Attributes a = node.attributes.view();
  Step step{node.op_type, {node.inputs[0]}};
  if (IsFloatOrHalf(x.dtype) && node.inputs.size() == 1) {
    for (const Unary& unary : kUnary) {
      if (unary.op != node.op_type) continue;
      if (!unary.alpha_name.empty()) step.alpha = a.Float(unary.alpha_name, unary.alpha);
      if (!unary.beta_name.empty()) step.beta = a.Float(unary.beta_name, unary.beta);
      if (step.op == "Gelu" && a.String("approximate", "none") == "tanh") step.op = "GeluTanh";
      return step;
    }
  }
  if (node.op_type == "Clip" && IsFloatOrHalf(x.dtype)) {
    step.alpha = -std::numeric_limits<float>::infinity(), step.beta = std::numeric_limits<float>::infinity();
    for (size_t i = 1; i < 3; ++i) {
      if (!node.has_input(i)) continue;
      const std::optional<double> limit = c.ScalarOf(node.inputs[i]);
      if (!limit) return {};
      (i == 1 ? step.alpha : step.beta) = static_cast<float>(*limit);
    }
    if (step.alpha > step.beta) return {};
    return step;
  }
  if (node.op_type == "Cast") {
    const bool from_whole = x.dtype == DType::kBool || x.dtype == DType::kInt32 || IsByte(x.dtype);
    const bool to_real = IsFloatOrHalf(y.dtype), single = y.dtype == DType::kFloat;
    if ((IsFloatOrHalf(x.dtype) && to_real) || (from_whole && single) ||
        (x.dtype == DType::kFloat && y.dtype == DType::kBool))
      return step;
    return {};
  }
  if (node.op_type == "Not" && x.dtype == DType::kBool) return step;
  if (node.op_type == "DequantizeLinear" && y.dtype == DType::kFloat && IsByte(x.dtype))
    return ReadQuantization(c, node, step) ? std::optional(step) : std::nullopt;
  if (node.op_type == "QuantizeLinear" && x.dtype == DType::kFloat && IsByte(y.dtype))
    return ReadQuantization(c, node, step) ? std::optional(step) : std::nullopt;
  if (node.inputs.size() == 2 && node.has_input(1) && c.FactOf(node.inputs[1]).dtype == x.dtype) {
    step.operands.push_back(node.inputs[1]);
    if (IsFloatOrHalf(x.dtype) && (Holds(kBinary, node.op_type) || Holds(kCompare, node.op_type))) {
      if (node.op_type == "Mean" && x.dtype != DType::kFloat) return {};
      return step;
    }
    if (IsFloatOrHalf(x.dtype) && node.op_type == "Pow" && c.ScalarOf(node.inputs[1])) return step;
    if (x.dtype == DType::kBool && Holds(kLogic, node.op_type)) return step;
  }
  if (node.op_type == "Where" && node.inputs.size() == 3 && IsFloatOrHalf(y.dtype)) {
    step.operands = node.inputs;
    return step;
  }
  return {};
}

bool SameShape(const RuleContext& c, ValueId a, ValueId b) {
  const Fact &fa = c.FactOf(a), &fb = c.FactOf(b);
  return fa.has_rank() && fb.has_rank() && *fa.shape == *fb.shape;
}

struct Region {
  ValueId result;
  std::vector<ValueId> order;  // results of the steps, producers first
  std::map<ValueId, Step> steps;
  std::vector<ValueId> operands;  // what is read from outside
};

// The region that ends at `result`. `cut`: results that would have been taken in, had there been room.
Region Collect(const RuleContext& c, ValueId result, Step last, std::vector<ValueId>& cut) {
  Region region{result, {result}, {}, {}};
  std::map<ValueId, int32_t> uses;  // by the steps so far
  std::set<ValueId> inputs;
  // Producers come before their readers: from the last one back, all readers of a value have been seen before it.
  std::set<std::pair<NodeId, ValueId>> waiting;
  auto read = [&](const Step& step) {
    for (ValueId id : step.operands) {
      ++uses[id];
      waiting.emplace(c.graph().value(id).producer, id);
    }
  };
  read(last);
  region.steps.emplace(result, std::move(last));
  while (!waiting.empty()) {
    const ValueId id = std::prev(waiting.end())->second;
    waiting.erase(std::prev(waiting.end()));
    const Node* producer = c.Producer(id);
    std::optional<Step> step;
    if (producer && SameShape(c, id, result) && !c.ConstantOf(id)) step = StepOf(c, *producer);
    const bool inside =
        step && step->op != "QuantizeLinear" && (uses[id] == c.Uses(id) || step->op == "DequantizeLinear");
    if (inside && region.order.size() < kMaxSteps && inputs.size() + waiting.size() + 3 <= kMaxInputs) {
      read(*step);
      region.order.push_back(id);
      region.steps.emplace(id, std::move(*step));
      continue;
    }
    inputs.insert(id);
    if (inside && step->op != "DequantizeLinear") cut.push_back(id);
  }
  std::reverse(region.order.begin(), region.order.end());
  for (ValueId id : region.order)
    for (ValueId operand : region.steps.at(id).operands)
      if (inputs.erase(operand)) region.operands.push_back(operand);
  return region;
}

// The region as a node; operands that are themselves results of regions are in `made`.
ValueId Write(const RuleContext& c, const Region& region, const std::map<ValueId, ValueId>& made, Patch& patch) {
  std::map<ValueId, size_t> number;
  std::vector<ValueId> inputs;
  for (ValueId id : region.operands) {
    number[id] = inputs.size();
    const auto it = made.find(id);
    inputs.push_back(it == made.end() ? id : it->second);
  }
  std::vector<std::string> texts;
  std::vector<int64_t> types;
  std::vector<float> parameters;
  for (ValueId id : region.order) {
    const Step& step = region.steps.at(id);
    std::string text = step.op;
    for (ValueId operand : step.operands) text += " " + std::to_string(number.at(operand));
    number[id] = inputs.size() + texts.size();
    texts.push_back(std::move(text));
    types.push_back(static_cast<int64_t>(c.FactOf(id).dtype));
    parameters.insert(parameters.end(), {step.alpha, step.beta});
  }
  AttributeMap attributes;
  attributes.Set("steps", texts);
  attributes.Set("types", types);
  if (std::any_of(parameters.begin(), parameters.end(), [](float p) { return p != 0; }))
    attributes.Set("parameters", parameters);
  return patch.Add("Pointwise", std::move(inputs), std::move(attributes), "onda");
}

// Whether all that reads the value are steps of its shape, so that it lies inside a region or between two.
bool IsInner(const RuleContext& c, ValueId value) {
  const std::span<const NodeId> readers = c.Readers(value);
  if (readers.empty() || static_cast<size_t>(c.Uses(value)) != readers.size()) return false;
  for (NodeId id : readers) {
    const Node& reader = c.graph().node(id);
    if (!c.IsHere(reader) || !StepOf(c, reader) || !SameShape(c, reader.outputs[0], value) ||
        c.Is(reader, "DequantizeLinear"))
      return false;
  }
  return true;
}

}  // namespace

std::optional<Patch> FusePointwise(const RuleContext& c, const Node& node) {
  const std::optional<Step> last = StepOf(c, node);
  const ValueId y = node.outputs.empty() ? kNoValue : node.outputs[0];
  if (!last || (!IsFloatOrHalf(c.FactOf(y).dtype) && !IsByte(c.FactOf(y).dtype))) return {};
  // Inside a longer chain the region of its end takes the node in.
  if (IsInner(c, y)) return {};
  // What has no room in one region ends another.
  std::vector<Region> regions;
  std::vector<ValueId> ends{y};
  for (size_t i = 0; i < ends.size(); ++i) {
    Region region = Collect(c, ends[i], i == 0 ? *last : *StepOf(c, *c.Producer(ends[i])), ends);
    if (region.order.size() < 2 || region.operands.size() > kMaxInputs) {
      if (i == 0) return {};
      continue;
    }
    regions.push_back(std::move(region));
  }
  // Producers first.
  std::sort(regions.begin(), regions.end(), [&](const Region& a, const Region& b) {
    return c.graph().value(a.result).producer < c.graph().value(b.result).producer;
  });
  Patch patch("one pass over " + std::to_string(regions.back().order.size()) + " operators");
  std::map<ValueId, ValueId> made;
  for (const Region& region : regions) made[region.result] = Write(c, region, made, patch);
  patch.Replace(y, made.at(y));
  return patch;
}

}  // namespace onda
