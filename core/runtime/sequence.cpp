// Operators on sequences and optionals. Elements are shared, never copied.
#include <algorithm>
#include <functional>
#include <numeric>

#include "core/runtime/host_op.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

using Values = std::vector<RuntimeValue>;

void RunIdentity(HostOpContext& c) { c.outputs[0] = c.input(0); }

const Values& ElementsOf(const HostOpContext& c, size_t i) {
  const RuntimeValue& value = c.input(i);
  if (value.kind != ValueKind::kSequence) c.Fail("input " + std::to_string(i) + " is not a sequence");
  static const Values kNone;
  return value.elements ? *value.elements : kNone;
}

// Input i as a position in a sequence that has `count` places; `absent` where it is omitted.
size_t PositionOf(const HostOpContext& c, size_t i, size_t count, int64_t absent) {
  const int64_t size = static_cast<int64_t>(count);
  if (c.input(i).present() && c.input(i).count() != 1) c.Fail("position must be a scalar");
  const int64_t given = c.input(i).present() ? HostOpContext::ScalarOf(c.input(i)) : absent;
  return static_cast<size_t>(given < 0 ? given + size : given);
}

std::shared_ptr<const Fact> TypeOf(const RuntimeValue& value) {
  Fact fact = value.ToFact();
  if (fact.is_tensor()) fact.shape.reset();
  return std::make_shared<const Fact>(std::move(fact));
}

void RunConstruct(HostOpContext& c) {
  Values elements;
  for (size_t i = 0; i < c.input_count(); ++i) elements.push_back(c.input(i));
  std::shared_ptr<const Fact> type = TypeOf(elements.at(0));
  c.outputs[0] = RuntimeValue::Sequence(std::move(elements), std::move(type));
}

void RunEmpty(HostOpContext& c) {
  const int64_t dtype = c.attributes().Int("dtype", static_cast<int64_t>(DType::kFloat));
  c.outputs[0] =
      RuntimeValue::Sequence({}, std::make_shared<const Fact>(Fact::TensorOfUnknownRank(static_cast<DType>(dtype))));
}

void RunAt(HostOpContext& c) {
  const Values& elements = ElementsOf(c, 0);
  const size_t at = PositionOf(c, 1, elements.size(), 0);
  if (at >= elements.size())
    c.Fail("position " + std::to_string(HostOpContext::ScalarOf(c.input(1))) + " is outside a sequence of " +
           std::to_string(elements.size()));
  c.outputs[0] = elements[at];
}

void RunInsert(HostOpContext& c) {
  Values elements = ElementsOf(c, 0);
  const RuntimeValue& added = c.input(1);
  const std::shared_ptr<const Fact>& type = c.input(0).element_fact;
  if (type && type->is_tensor() && type->dtype != DType::kUndefined &&
      (!added.is_tensor() || added.dtype != type->dtype))
    c.Fail("the new element is " + added.ToFact().ToString() + " in a sequence of " + type->ToString());
  // Negative positions count from the back of what is there, not of what will be.
  const size_t at = PositionOf(c, 2, elements.size(), static_cast<int64_t>(elements.size()));
  if (at > elements.size()) c.Fail("the position is outside a sequence of " + std::to_string(elements.size()));
  elements.insert(elements.begin() + static_cast<int64_t>(at), added);
  c.outputs[0] = RuntimeValue::Sequence(std::move(elements), type ? type : TypeOf(added));
}

void RunErase(HostOpContext& c) {
  Values elements = ElementsOf(c, 0);
  const size_t at = PositionOf(c, 1, elements.size(), -1);
  if (at >= elements.size()) c.Fail("the position is outside a sequence of " + std::to_string(elements.size()));
  elements.erase(elements.begin() + static_cast<int64_t>(at));
  c.outputs[0] = RuntimeValue::Sequence(std::move(elements), c.input(0).element_fact);
}

void RunLength(HostOpContext& c) { c.outputs[0] = c.ScalarInt64(static_cast<int64_t>(ElementsOf(c, 0).size())); }

int64_t ProductOf(const std::vector<int64_t>& dims, size_t begin, size_t end) {
  return std::accumulate(dims.begin() + static_cast<int64_t>(begin), dims.begin() + static_cast<int64_t>(end),
                         int64_t{1}, std::multiplies<>());
}

size_t AxisOf(const HostOpContext& c, size_t rank) {
  const int64_t axis = c.attributes().Int("axis", 0), size = static_cast<int64_t>(rank);
  if (axis < -size || axis >= size) c.Fail("axis " + std::to_string(axis) + " is outside the rank");
  return static_cast<size_t>(axis < 0 ? axis + size : axis);
}

void RunConcat(HostOpContext& c) {
  const Values& elements = ElementsOf(c, 0);
  if (elements.empty()) c.Fail("an empty sequence cannot be concatenated");
  for (const RuntimeValue& e : elements)
    if (!e.is_tensor() || e.dtype != elements[0].dtype || e.dims.size() != elements[0].dims.size())
      c.Fail("the elements differ in type or rank");
  const size_t rank = elements[0].dims.size();
  if (c.attributes().Int("new_axis", 0)) {
    c.outputs[0] = StackValues(c, elements, static_cast<int>(AxisOf(c, rank + 1)));
    return;
  }
  const size_t axis = AxisOf(c, rank);
  std::vector<int64_t> dims = elements[0].dims;
  for (size_t k = 1; k < elements.size(); ++k) {
    for (size_t i = 0; i < rank; ++i)
      if (i != axis && elements[k].dims[i] != dims[i]) c.Fail("the elements differ beside the axis");
    dims[axis] += elements[k].dims[axis];
  }
  RuntimeValue out = c.NewTensor(elements[0].dtype, dims, elements[0].instance);
  ElementMover mover(c, out.instance);
  const int64_t outer = ProductOf(dims, 0, axis), row = ProductOf(dims, axis, rank);
  int64_t start = 0;
  for (const RuntimeValue& e : elements) {
    const int64_t run = ProductOf(e.dims, axis, rank);
    for (int64_t o = 0; o < outer && run > 0; ++o)
      mover.Move(out.dtype, e.data, o * run, out.data, o * row + start, run);
    start += run;
  }
  mover.Finish();
  c.outputs[0] = std::move(out);
}

void RunSplit(HostOpContext& c) {
  const RuntimeValue &x = c.input(0), &split = c.input(1);
  const size_t rank = x.dims.size(), axis = AxisOf(c, rank);
  const int64_t size = x.dims[axis];
  std::vector<int64_t> parts;
  if (split.present() && split.dims.size() == 1) {
    int64_t sum = 0;
    for (int64_t i = 0; i < split.dims[0]; ++i) {
      parts.push_back(LoadInt64(split.dtype, split.data, i));
      if (parts.back() < 0 || parts.back() > size) c.Fail("split holds " + std::to_string(parts.back()));
      sum += parts.back();
    }
    if (sum != size) c.Fail("split adds up to " + std::to_string(sum) + " where the axis has " + std::to_string(size));
  } else {
    const int64_t chunk = split.present() ? HostOpContext::ScalarOf(split) : 1;
    if (chunk <= 0) c.Fail("split is " + std::to_string(chunk));
    for (int64_t at = 0; at < size; at += std::min(chunk, size - at)) parts.push_back(std::min(chunk, size - at));
  }
  const bool keep = split.present() || c.attributes().Int("keepdims", 1) != 0;
  const int64_t outer = ProductOf(x.dims, 0, axis), inner = ProductOf(x.dims, axis + 1, rank);
  Values elements;
  ElementMover mover(c, x.instance);
  int64_t start = 0;
  for (int64_t part : parts) {
    std::vector<int64_t> dims = x.dims;
    dims[axis] = part;
    if (!keep) dims.erase(dims.begin() + static_cast<int64_t>(axis));
    RuntimeValue element = c.NewTensor(x.dtype, std::move(dims), x.instance);
    const int64_t run = part * inner;
    for (int64_t o = 0; o < outer && run > 0; ++o)
      mover.Move(x.dtype, x.data, (o * size + start) * inner, element.data, o * run, run);
    start += part;
    elements.push_back(std::move(element));
  }
  mover.Finish();
  c.outputs[0] = RuntimeValue::Sequence(std::move(elements), TypeOf(x));
}

void RunOptional(HostOpContext& c) {
  RuntimeValue& out = c.outputs[0];
  out.kind = ValueKind::kOptional;
  if (c.input(0).present()) {
    out.elements = std::make_shared<const Values>(Values{c.input(0)});
    out.element_fact = TypeOf(c.input(0));
  } else {
    out.elements = std::make_shared<const Values>();
    out.element_fact = c.output_fact(0).element;
  }
}

bool HasElement(const RuntimeValue& value) {
  if (value.kind != ValueKind::kOptional) return value.present();
  return value.elements && !value.elements->empty();
}

void RunHasElement(HostOpContext& c) { c.outputs[0] = c.ScalarBool(HasElement(c.input(0))); }

void RunGetElement(HostOpContext& c) {
  if (!HasElement(c.input(0))) c.Fail("the optional is empty");
  c.outputs[0] = c.input(0).kind == ValueKind::kOptional ? c.input(0).elements->at(0) : c.input(0);
}

void RunMap(HostOpContext& c) {
  const size_t count = ElementsOf(c, 0).size();
  for (size_t i = 1; i < c.input_count(); ++i)
    if (c.input(i).kind == ValueKind::kSequence && ElementsOf(c, i).size() != count)
      c.Fail("input " + std::to_string(i) + " has " + std::to_string(ElementsOf(c, i).size()) +
             " elements, input 0 has " + std::to_string(count));
  std::vector<Values> results(c.outputs.size());
  for (size_t k = 0; k < count; ++k) {
    c.CheckStop();
    Values inputs;
    for (size_t i = 0; i < c.input_count(); ++i)
      inputs.push_back(c.input(i).kind == ValueKind::kSequence ? ElementsOf(c, i)[k] : c.input(i));
    Values outputs = c.RunBody("body", std::move(inputs));
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(outputs.at(i)));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    std::shared_ptr<const Fact> type = results[i].empty() ? c.output_fact(i).element : TypeOf(results[i][0]);
    c.outputs[i] = RuntimeValue::Sequence(std::move(results[i]), std::move(type));
  }
}

constexpr HostOpEntry kEntries[] = {
    {"", "Identity", RunIdentity},
    {"", "SequenceConstruct", RunConstruct},
    {"", "SequenceEmpty", RunEmpty},
    {"", "SequenceAt", RunAt},
    {"", "SequenceInsert", RunInsert},
    {"", "SequenceErase", RunErase},
    {"", "SequenceLength", RunLength},
    {"", "ConcatFromSequence", RunConcat},
    {"", "SplitToSequence", RunSplit},
    {"", "Optional", RunOptional},
    {"", "OptionalHasElement", RunHasElement},
    {"", "OptionalGetElement", RunGetElement},
    {"", "SequenceMap", RunMap},
};

}  // namespace

std::span<const HostOpEntry> SequenceHostOps() { return kEntries; }

}  // namespace onda
