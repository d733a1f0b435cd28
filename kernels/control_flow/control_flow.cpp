// If, Loop and Scan: their meaning for types and shapes. The engine runs them (core/runtime/control_flow.cpp).
#include <span>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/case.h"

namespace onda::control_flow {
namespace {

size_t BodyIndex(const InferContext& c, std::string_view attribute) {
  for (size_t i = 0; i < c.node().bodies.size(); ++i)
    if (c.node().bodies[i].attribute == attribute) return i;
  c.Reject("graph attribute '" + std::string(attribute) + "' is missing");
}

// What holds for both facts.
Fact Common(InferContext& c, const Fact& a, const Fact& b) {
  if (!a.known() || !b.known()) return {};
  if (a.kind != b.kind) return {};
  Fact fact = a;
  fact.constant = nullptr;
  fact.content = nullptr;
  if (a.dtype != b.dtype) fact.dtype = DType::kUndefined;
  if (!a.is_tensor()) {
    if (a.element && b.element) fact.element = std::make_shared<const Fact>(Common(c, *a.element, *b.element));
    return fact;
  }
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) {
    fact.shape.reset();
    return fact;
  }
  for (int i = 0; i < a.rank(); ++i)
    if (!((*a.shape)[i] == (*b.shape)[i])) (*fact.shape)[i] = c.FreshDim();
  return fact;
}

bool SameShape(const Fact& a, const Fact& b) { return a.shape == b.shape; }

void InferIf(InferContext& c) {
  const std::vector<Fact> then_facts = c.InferBody(BodyIndex(c, "then_branch"), {});
  const std::vector<Fact> else_facts = c.InferBody(BodyIndex(c, "else_branch"), {});
  if (then_facts.size() != c.output_count() || else_facts.size() != c.output_count())
    c.Reject("the branches give " + std::to_string(then_facts.size()) + " and " + std::to_string(else_facts.size()) +
             " outputs, the node has " + std::to_string(c.output_count()));
  for (size_t i = 0; i < c.output_count(); ++i) {
    if (then_facts[i].is_tensor() && else_facts[i].is_tensor() && then_facts[i].dtype != else_facts[i].dtype)
      c.Reject("output " + std::to_string(i) + " is " + then_facts[i].ToString() + " in one branch and " +
               else_facts[i].ToString() + " in the other");
    c.SetOutput(i, Common(c, then_facts[i], else_facts[i]));
  }
}

Fact Unvalued(Fact fact) {
  fact.constant = nullptr;
  fact.content = nullptr;
  return fact;
}

// Facts of values that a loop carries: those of the first iteration, weakened until an iteration keeps them.
// fixed_before inputs of the body come first, `skip_outputs` outputs of it precede the carried ones.
std::vector<Fact> InferCarried(InferContext& c, size_t body, const std::vector<Fact>& before,
                               std::vector<Fact>& carried, const std::vector<Fact>& after, size_t skip_outputs) {
  std::vector<Fact> outputs;
  for (int round = 0;; ++round) {
    std::vector<Fact> inputs = before;
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    inputs.insert(inputs.end(), after.begin(), after.end());
    outputs = c.InferBody(body, inputs);
    if (outputs.size() < skip_outputs + carried.size())
      c.Reject("the body gives " + std::to_string(outputs.size()) + " outputs, at least " +
               std::to_string(skip_outputs + carried.size()) + " are needed");
    bool stable = true;
    for (size_t i = 0; i < carried.size(); ++i) {
      const Fact& out = outputs[skip_outputs + i];
      const bool either_optional = carried[i].kind == ValueKind::kOptional || out.kind == ValueKind::kOptional;
      const bool one_kind = !carried[i].known() || !out.known() || either_optional || carried[i].kind == out.kind;
      if (!one_kind || (carried[i].is_tensor() && out.is_tensor() && carried[i].dtype != out.dtype))
        c.Reject("carried value " + std::to_string(i) + " begins as " + carried[i].ToString() + " and becomes " +
                 out.ToString());
      if (!carried[i].is_tensor() || !carried[i].has_rank() || (out.is_tensor() && SameShape(carried[i], out)))
        continue;
      stable = false;
      Fact weaker = carried[i];
      if (round >= 2 || !out.is_tensor() || !out.has_rank() || out.rank() != weaker.rank()) {
        weaker.shape.reset();
      } else {
        for (int d = 0; d < weaker.rank(); ++d)
          if (!((*weaker.shape)[d] == (*out.shape)[d])) (*weaker.shape)[d] = c.FreshDim();
      }
      carried[i] = std::move(weaker);
    }
    if (stable) return outputs;
  }
}

// A sequence may grow by elements of other shapes.
Fact CarriedFact(const Fact& initial) {
  Fact fact = Unvalued(initial);
  if (fact.element && fact.element->is_tensor())
    fact.element = std::make_shared<const Fact>(Fact::TensorOfUnknownRank(fact.element->dtype));
  return fact;
}

// What a loop carries or takes slices of has no default.
void RequireInputs(const InferContext& c, size_t first) {
  for (size_t i = first; i < c.input_count(); ++i)
    if (!c.has_input(i)) c.Reject("input " + std::to_string(i) + " is omitted");
}

void InferLoop(InferContext& c) {
  RequireInputs(c, 2);
  const size_t body = BodyIndex(c, "body");
  std::vector<Fact> carried;
  for (size_t i = 2; i < c.input_count(); ++i) carried.push_back(CarriedFact(c.input(i)));
  // A condition of another type has been refused, or a check has told of it and goes on.
  const DType given = c.dtype(1);
  const bool odd = c.has_input(1) && given != DType::kBool && given != DType::kUndefined;
  Fact condition = odd ? Unvalued(c.input(1)) : Fact::Tensor(DType::kBool, {});
  const std::vector<Fact> outputs =
      InferCarried(c, body, {Fact::Tensor(DType::kInt64, {}), std::move(condition)}, carried, {}, 1);
  if (c.output_count() > outputs.size() - 1)
    c.Reject("the body gives " + std::to_string(outputs.size()) + " outputs, the node has " +
             std::to_string(c.output_count()));
  const Fact& next = outputs[0];
  if (!odd && next.known() && (!next.is_tensor() || (next.dtype != DType::kUndefined && next.dtype != DType::kBool)))
    c.Reject("the body's condition is " + next.ToString() + "; it must be one bool");
  const Dim trips = c.FreshDim();
  for (size_t i = 0; i < c.output_count(); ++i) {
    if (i < carried.size()) {
      c.SetOutput(i, carried[i].is_tensor() || carried[i].known() ? carried[i] : Unvalued(outputs[i + 1]));
      continue;
    }
    Fact fact = Unvalued(outputs[i + 1]);
    if (fact.is_tensor() && fact.has_rank()) fact.shape->insert(fact.shape->begin(), trips);
    c.SetOutput(i, std::move(fact));
  }
}

void InferScan(InferContext& c) {
  RequireInputs(c, 0);
  const size_t body = BodyIndex(c, "body");
  const int64_t scans = c.attributes().Int("num_scan_inputs", 0);
  if (scans < 1 || scans > static_cast<int64_t>(c.input_count()))
    c.Reject("num_scan_inputs is " + std::to_string(scans));
  const int64_t states = static_cast<int64_t>(c.input_count()) - scans;
  const std::vector<int64_t> input_axes = c.attributes().Ints("scan_input_axes");
  const std::vector<int64_t> output_axes = c.attributes().Ints("scan_output_axes");
  std::vector<Fact> carried, slices;
  Dim length = c.FreshDim();
  for (int64_t i = 0; i < states; ++i) carried.push_back(Unvalued(c.input(i)));
  for (int64_t k = 0; k < scans; ++k) {
    Fact fact = Unvalued(c.input(states + k));
    if (fact.is_tensor() && fact.has_rank()) {
      const int axis =
          NormalizeAxis(c, k < static_cast<int64_t>(input_axes.size()) ? input_axes[k] : 0, fact.rank(), "scan axis");
      length = MergeDim(c, (*fact.shape)[axis], length, "lengths of the scan inputs");
      fact.shape->erase(fact.shape->begin() + axis);
    }
    slices.push_back(std::move(fact));
  }
  const std::vector<Fact> outputs = InferCarried(c, body, {}, carried, slices, 0);
  if (c.output_count() > outputs.size())
    c.Reject("the body gives " + std::to_string(outputs.size()) + " outputs, the node has " +
             std::to_string(c.output_count()));
  for (size_t i = 0; i < c.output_count(); ++i) {
    if (static_cast<int64_t>(i) < states) {
      c.SetOutput(i, carried[i]);
      continue;
    }
    Fact fact = Unvalued(outputs[i]);
    const size_t k = i - states;
    if (fact.is_tensor() && fact.has_rank()) {
      const int axis = NormalizeAxis(c, k < output_axes.size() ? output_axes[k] : 0, fact.rank() + 1, "scan axis");
      fact.shape->insert(fact.shape->begin() + axis, length);
    }
    c.SetOutput(i, std::move(fact));
  }
}

// Version 8 has a batch dimension ahead of all and optional lengths per batch element as input 0.
void UpgradeScan(RewriteContext& c) {
  if (c.version() >= 9) return;
  c.node().op_type = "BatchedScan";
  c.node().domain = "onda";
}

void InferBatchedScan(InferContext& c) {
  RequireInputs(c, 1);
  const size_t body = BodyIndex(c, "body");
  const int64_t scans = c.attributes().Int("num_scan_inputs", 0);
  const int64_t states = static_cast<int64_t>(c.input_count()) - 1 - scans;
  if (scans < 1 || states < 0) c.Reject("num_scan_inputs is " + std::to_string(scans));
  std::vector<Fact> carried, slices;
  Dim batch = c.FreshDim(), length = c.FreshDim();
  auto drop_front = [&](Fact fact, Dim& dim) {
    if (!fact.is_tensor() || !fact.has_rank()) return fact;
    if (fact.rank() == 0) c.Reject("an input has no batch or sequence dimension");
    dim = MergeDim(c, (*fact.shape)[0], dim, "batch or sequence lengths of the inputs");
    fact.shape->erase(fact.shape->begin());
    return fact;
  };
  for (int64_t i = 0; i < states; ++i) carried.push_back(drop_front(Unvalued(c.input(1 + i)), batch));
  for (int64_t k = 0; k < scans; ++k)
    slices.push_back(drop_front(drop_front(Unvalued(c.input(1 + states + k)), batch), length));
  const std::vector<Fact> outputs = InferCarried(c, body, {}, carried, slices, 0);
  if (c.output_count() > outputs.size()) c.Reject("the body gives too few outputs");
  for (size_t i = 0; i < c.output_count(); ++i) {
    Fact fact = Unvalued(outputs[i]);
    if (fact.is_tensor() && fact.has_rank()) {
      if (static_cast<int64_t>(i) >= states) fact.shape->insert(fact.shape->begin(), length);
      fact.shape->insert(fact.shape->begin(), batch);
    }
    c.SetOutput(i, std::move(fact));
  }
}

constexpr OpDef kOps[] = {
    {.name = "If", .infer = InferIf, .flags = kOpControlFlow},
    {.name = "Loop", .infer = InferLoop, .flags = kOpControlFlow},
    {.name = "Scan", .infer = InferScan, .upgrade = UpgradeScan, .flags = kOpControlFlow},
    {.name = "BatchedScan", .domain = "onda", .infer = InferBatchedScan, .flags = kOpControlFlow},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }
std::span<const OndaKernelDef> ReferenceKernels() { return {}; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::control_flow
