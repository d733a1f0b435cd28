// Sequences and optionals: their meaning for types and shapes. The engine runs them (core/runtime/sequence.cpp).
#include <algorithm>
#include <iterator>
#include <span>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::sequence {
namespace {

Fact WithoutValue(Fact fact) {
  fact.constant = nullptr;
  fact.content = nullptr;
  return fact;
}

// What is known of any element of a sequence: the elements' own dimensions may differ where they are not integers.
Fact AnyElement(InferContext& c, const Fact& sequence) {
  if (!sequence.element) return {};
  Fact fact = WithoutValue(*sequence.element);
  if (fact.is_tensor() && fact.shape)
    for (Dim& d : *fact.shape)
      if (!d.known()) d = c.FreshDim();
  return fact;
}

// What holds for elements of both kinds.
Fact Either(InferContext& c, const Fact& a, const Fact& b) {
  if (!a.known()) return WithoutValue(b);
  if (!b.known()) return WithoutValue(a);
  if (a.kind != b.kind || a.dtype != b.dtype)
    c.Reject("elements of different types: " + a.ToString() + " and " + b.ToString());
  Fact fact = WithoutValue(a);
  if (!fact.is_tensor()) return fact;
  if (!b.shape || !fact.shape || b.rank() != fact.rank()) {
    fact.shape.reset();
    return fact;
  }
  for (int i = 0; i < fact.rank(); ++i)
    if (!((*fact.shape)[i] == (*b.shape)[i])) (*fact.shape)[i] = c.FreshDim();
  return fact;
}

const Fact& SequenceInput(const InferContext& c, size_t i) {
  if (c.input(i).known() && c.input(i).kind != ValueKind::kSequence)
    c.Reject("input " + std::to_string(i) + " must be a sequence");
  return c.input(i);
}

void CheckPosition(const InferContext& c, size_t i) {
  if (c.has_input(i) && c.input(i).static_shape() && CountOf(c.input(i).static_dims()) != 1)
    c.Reject("position must be a scalar");
}

void InferConstruct(InferContext& c) {
  Fact element = WithoutValue(c.input(0));
  for (size_t i = 1; i < c.input_count(); ++i) element = Either(c, element, c.input(i));
  c.SetOutput(0, Fact::Sequence(std::move(element)));
}

void InferEmpty(InferContext& c) {
  const int64_t dtype = c.attributes().Int("dtype", static_cast<int64_t>(DType::kFloat));
  if (dtype <= 0 || dtype >= kDTypeCount)
    c.Reject("attribute 'dtype' is " + std::to_string(dtype) + ", no element type");
  c.SetOutput(0, Fact::Sequence(Fact::TensorOfUnknownRank(static_cast<DType>(dtype))));
}

void InferAt(InferContext& c) {
  CheckPosition(c, 1);
  c.SetOutput(0, AnyElement(c, SequenceInput(c, 0)));
}

void InferInsert(InferContext& c) {
  CheckPosition(c, 2);
  const Fact& sequence = SequenceInput(c, 0);
  c.SetOutput(0, Fact::Sequence(Either(c, sequence.element ? *sequence.element : Fact{}, c.input(1))));
}

void InferErase(InferContext& c) {
  CheckPosition(c, 1);
  c.SetOutput(0, SequenceInput(c, 0));
}

void InferLength(InferContext& c) {
  SequenceInput(c, 0);
  c.SetOutput(0, DType::kInt64, Dims{});
}

void InferConcat(InferContext& c) {
  const Fact element = AnyElement(c, SequenceInput(c, 0));
  const bool stack = c.attributes().Int("new_axis", 0) != 0;
  std::optional<Dims> out = element.shape;
  if (out) {
    const int rank = element.rank() + (stack ? 1 : 0);
    const int axis = NormalizeAxis(c, c.attributes().Int("axis", 0), rank);
    if (stack) out->insert(out->begin() + axis, Dim());
    (*out)[axis] = c.FreshDim();
  }
  c.SetOutput(0, element.dtype, std::move(out));
}

void InferSplit(InferContext& c) {
  Fact element = Fact::TensorOfUnknownRank(c.dtype(0));
  element.shape = c.shape(0);
  if (element.shape) {
    const int axis = NormalizeAxis(c, c.attributes().Int("axis", 0), element.rank());
    Dim& d = (*element.shape)[axis];
    if (!c.has_input(1)) {
      d = 1;
      if (c.attributes().Int("keepdims", 1) == 0) element.shape->erase(element.shape->begin() + axis);
    } else {
      const auto split = c.Int64s(1);
      if (split)
        for (int64_t s : *split)
          if (s < 0 || (s == 0 && c.input(1).rank() == 0)) c.Reject("split holds " + std::to_string(s));
      // One number is the length of every part, but for a shorter last one; several are the lengths of the parts.
      const bool list = split && c.has_rank(1) && c.input(1).rank() == 1;
      const bool even = split && !split->empty() &&
                        (list ? std::count(split->begin(), split->end(), split->front()) == std::ssize(*split)
                              : c.has_rank(1) && d.known() && d.value() % split->at(0) == 0);
      d = even ? Dim(split->at(0)) : c.FreshDim();
    }
  }
  c.SetOutput(0, Fact::Sequence(std::move(element)));
}

void InferOptional(InferContext& c) {
  if (c.has_input(0)) return c.SetOutput(0, Fact::Optional(WithoutValue(c.input(0))));
  const AttributeValue* type = c.node().attributes.Find("type");
  const Fact* fact = type ? std::get_if<Fact>(type) : nullptr;
  if (!fact) c.Reject("needs an input or attribute 'type'");
  c.SetOutput(0, Fact::Optional(*fact));
}

void InferHasElement(InferContext& c) {
  if (!c.has_input(0)) return c.SetContent(0, DType::kBool, {}, {0});
  if (c.input(0).known() && c.input(0).kind != ValueKind::kOptional) return c.SetContent(0, DType::kBool, {}, {1});
  c.SetOutput(0, DType::kBool, Dims{});
}

void InferGetElement(InferContext& c) {
  if (c.input(0).kind != ValueKind::kOptional) return c.SetOutput(0, c.input(0));
  c.SetOutput(0, c.input(0).element ? *c.input(0).element : Fact{});
}

void InferMap(InferContext& c) {
  if (c.node().bodies.empty()) c.Reject("graph attribute 'body' is missing");
  SequenceInput(c, 0);
  std::vector<Fact> inputs;
  for (size_t i = 0; i < c.input_count(); ++i)
    inputs.push_back(c.input(i).kind == ValueKind::kSequence ? AnyElement(c, c.input(i)) : WithoutValue(c.input(i)));
  const std::vector<Fact> outputs = c.InferBody(0, std::move(inputs));
  if (outputs.size() < c.output_count()) c.Reject("the body gives too few outputs");
  for (size_t i = 0; i < c.output_count(); ++i) c.SetOutput(i, Fact::Sequence(WithoutValue(outputs[i])));
}

constexpr OpDef kOps[] = {
    {.name = "SequenceConstruct", .infer = InferConstruct, .flags = kOpHost},
    {.name = "SequenceEmpty", .infer = InferEmpty, .flags = kOpHost},
    {.name = "SequenceAt", .infer = InferAt, .flags = kOpHost},
    {.name = "SequenceInsert", .infer = InferInsert, .flags = kOpHost},
    {.name = "SequenceErase", .infer = InferErase, .flags = kOpHost},
    {.name = "SequenceLength", .infer = InferLength, .flags = kOpHost},
    {.name = "ConcatFromSequence", .infer = InferConcat, .flags = kOpHost},
    {.name = "SplitToSequence", .infer = InferSplit, .flags = kOpHost},
    {.name = "Optional", .infer = InferOptional, .flags = kOpHost},
    {.name = "OptionalHasElement", .infer = InferHasElement, .flags = kOpHost},
    {.name = "OptionalGetElement", .infer = InferGetElement, .flags = kOpHost},
    {.name = "SequenceMap", .infer = InferMap, .flags = kOpHost | kOpControlFlow},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }
std::span<const OndaKernelDef> ReferenceKernels() { return {}; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::sequence
