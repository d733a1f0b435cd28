// Quantized convolutions, and element-by-element work between them, on channel blocks of four, the form that they
// compute in: an int32 holds four channels of one position.
//   QLinearConv(x)                              -> Reorder(BlockedQLinearConv(x)), where that saves more memory traffic
//                                                  than the Reorder costs: packing x, unpacking y, and packing y in
//                                                  its readers
//   QLinearConv or Pointwise(Reorder(x), ...)   -> Reorder(BlockedQLinearConv or Pointwise(x, ...))
//   BlockedQLinearConv(Reorder(x))              -> BlockedQLinearConv(x)
// A Reorder that nothing reads any more is dropped. Results are the same to the last bit.
#include <algorithm>

#include "core/passes/rules.h"

namespace onda {
namespace {

constexpr int64_t kBlock = 4;

// The value in blocks of which this one is the row-major form; kNoValue where there is none.
ValueId BlockedFormOf(const RuleContext& c, ValueId value) {
  const Node* reorder = c.Producer(value);
  if (!reorder || !c.Is(*reorder, "Reorder", "onda")) return kNoValue;
  const Attributes a = reorder->attributes.view();
  return a.Int("from", 1) == kBlock && a.Int("to", 1) == 1 ? reorder->inputs[0] : kNoValue;
}

bool HasWholeBlocks(const Fact& fact) {
  return fact.has_rank() && fact.rank() > 2 && (*fact.shape)[1].known() && (*fact.shape)[1].value() % kBlock == 0;
}

// Whether the convolution can read x and write its result in blocks, as far as shapes tell.
bool CanBlock(const RuleContext& c, const Node& conv) {
  const Fact& w = c.FactOf(conv.inputs[3]);
  if (!w.static_shape() || w.rank() != 4 || !HasWholeBlocks(c.FactOf(conv.outputs[0]))) return false;
  const int64_t outputs = (*w.shape)[0].value(), inputs = (*w.shape)[1].value();
  const Attributes a = conv.attributes.view();
  const int64_t groups = a.Int("group", 1);
  if (groups == 1 || inputs % kBlock == 0) return inputs % kBlock == 0 && outputs / groups % kBlock == 0;
  const std::vector<int64_t> strides = a.Ints("strides", {1, 1});
  return inputs == 1 && outputs == groups && (*w.shape)[2].value() == 3 && (*w.shape)[3].value() == 3 &&
         std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s <= 2; });
}

bool SameShape(const RuleContext& c, ValueId a, ValueId b) {
  const Fact &fa = c.FactOf(a), &fb = c.FactOf(b);
  return fa.has_rank() && fb.has_rank() && *fa.shape == *fb.shape;
}

bool IsNumber(const RuleContext& c, ValueId value) {
  const Fact& fact = c.FactOf(value);
  return fact.static_shape() &&
         std::all_of(fact.shape->begin(), fact.shape->end(), [](const Dim& d) { return d == Dim(1); });
}

// Whether the reader would take the value in blocks.
bool Takes(const RuleContext& c, const Node& reader, ValueId value) {
  if (!c.IsHere(reader)) return false;
  if (c.Is(reader, "QLinearConv")) return reader.inputs[0] == value && CanBlock(c, reader);
  if (c.Is(reader, "BlockedQLinearConv", "onda")) return reader.inputs[0] == value;
  if (!c.Is(reader, "Pointwise", "onda")) return false;
  return std::all_of(reader.inputs.begin(), reader.inputs.end(), [&](ValueId input) {
    if (IsNumber(c, input)) return true;
    const Node* producer = c.Producer(input);
    return SameShape(c, input, value) && producer &&
           (BlockedFormOf(c, input) != kNoValue || (c.Is(*producer, "QLinearConv") && CanBlock(c, *producer)) ||
            c.Is(*producer, "Pointwise", "onda"));
  });
}

double ElementsOf(const Fact& fact) {
  double n = 1;
  for (const Dim& d : *fact.shape) n *= d.known() ? static_cast<double>(d.value()) : 64;
  return n;
}

void AddReordered(Patch& patch, const Node& node, ValueId blocked) {
  AttributeMap attributes;
  attributes.Set("from", kBlock);
  patch.Replace(node.outputs[0], patch.Add("Reorder", {blocked}, std::move(attributes), "onda"));
}

std::optional<Patch> BlockConv(const RuleContext& c, const Node& conv) {
  const Fact& w = c.FactOf(conv.inputs[3]);
  const ValueId y = conv.outputs[0], blocked = BlockedFormOf(c, conv.inputs[0]);
  if (!HasWholeBlocks(c.FactOf(y)) || !w.static_shape() || !c.FactOf(conv.inputs[0]).has_rank()) return {};
  double saved = blocked == kNoValue ? 0 : ElementsOf(c.FactOf(conv.inputs[0])) + ElementsOf(c.FactOf(y));
  int32_t taken = 0;
  for (NodeId id : c.Readers(y)) taken += Takes(c, c.graph().node(id), y);
  const double elements = ElementsOf(c.FactOf(y));
  saved += taken * elements;
  if (saved <= (taken < c.Uses(y) ? elements : 0)) return {};
  Patch patch("convolve in channel blocks");
  std::vector<ValueId> inputs = conv.inputs;
  AttributeMap attributes = conv.attributes;
  if (blocked != kNoValue) {
    inputs[0] = blocked;
    attributes.Set("x_block", kBlock);
  }
  attributes.Set("y_block", kBlock);
  AddReordered(patch, conv, patch.Add("BlockedQLinearConv", std::move(inputs), std::move(attributes), "onda"));
  return patch;
}

std::optional<Patch> ReadBlocks(const RuleContext& c, const Node& conv) {
  const ValueId blocked = BlockedFormOf(c, conv.inputs[0]);
  if (blocked == kNoValue || conv.attributes.view().Int("x_block", 1) != 1) return {};
  Patch patch("read channel blocks as they are");
  std::vector<ValueId> inputs = conv.inputs;
  inputs[0] = blocked;
  AttributeMap attributes = conv.attributes;
  attributes.Set("x_block", kBlock);
  patch.Replace(conv.outputs[0], patch.Add("BlockedQLinearConv", std::move(inputs), std::move(attributes), "onda"));
  return patch;
}

std::optional<Patch> BlockPointwise(const RuleContext& c, const Node& node) {
  std::vector<ValueId> inputs = node.inputs;
  bool any = false;
  for (ValueId& input : inputs) {
    if (IsNumber(c, input)) continue;
    if (!SameShape(c, input, node.outputs[0])) return {};
    input = BlockedFormOf(c, input);
    if (input == kNoValue) return {};
    any = true;
  }
  if (!any) return {};
  Patch patch("work in channel blocks");
  AddReordered(patch, node, patch.Add("Pointwise", std::move(inputs), node.attributes, "onda"));
  return patch;
}

}  // namespace

std::optional<Patch> BlockChannels(const RuleContext& c, const Node& node) {
  if (c.Is(node, "QLinearConv")) return BlockConv(c, node);
  if (c.Is(node, "BlockedQLinearConv", "onda")) return ReadBlocks(c, node);
  if (c.Is(node, "Pointwise", "onda")) return BlockPointwise(c, node);
  return {};
}

}  // namespace onda
