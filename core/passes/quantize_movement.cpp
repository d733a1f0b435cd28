// Operators that only move elements work on the integers: a dequantization moves behind them, a quantization before
// them, and where the two then meet with one scale and zero point both vanish. Each step leaves the results as they
// are to the last bit: one scale and zero point make (de)quantization a function of single elements, which for MaxPool
// never falls where its input rises, and quantizing what was dequantized alike gives the integer back.
#include <algorithm>
#include <iterator>

#include "core/passes/quantization.h"

namespace onda {
namespace {

// Operators whose elements all come from input 0, with one output.
constexpr std::string_view kMoves[] = {"Reshape", "Flatten",  "Squeeze",  "Unsqueeze",     "Transpose",
                                       "Slice",   "Gather",   "Expand",   "DepthToSpace",  "SpaceToDepth",
                                       "Tile",    "Identity", "GatherND", "GatherElements"};

bool IsMove(const Node& node) {
  if (!node.domain.empty() || node.outputs.size() != 1) return false;
  return std::find(std::begin(kMoves), std::end(kMoves), node.op_type) != std::end(kMoves);
}

bool IsMaxPool(const Node& node) { return node.domain.empty() && node.op_type == "MaxPool" && !node.has_output(1); }

}  // namespace

std::optional<Patch> MoveDequantizeBehind(const RuleContext& c, const Node& node) {
  if (IsMove(node) || IsMaxPool(node)) {
    const std::optional<Dequantized> x = DequantizedOf(c, node.inputs[0]);
    if (!x || !x->by.per_tensor() || x->by.type == DType::kInt32) return {};
    Patch patch("move the integers");
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = x->integers;
    const ValueId moved = patch.Add(node.op_type, std::move(inputs), node.attributes);
    patch.Replace(node.outputs[0], patch.Add("DequantizeLinear", {moved, x->by.Scale(patch), x->by.Zero(patch)}));
    return patch;
  }
  if (!c.Is(node, "Concat")) return {};
  std::optional<Quantization> by;
  std::vector<ValueId> parts;
  for (ValueId id : node.inputs) {
    const std::optional<Dequantized> part = DequantizedOf(c, id);
    if (!part || !part->by.per_tensor() || part->by.type == DType::kInt32 || (by && !(*by == part->by))) return {};
    by = part->by;
    parts.push_back(part->integers);
  }
  if (!by) return {};
  Patch patch("concatenate the integers");
  const ValueId joined = patch.Add("Concat", std::move(parts), node.attributes);
  patch.Replace(node.outputs[0], patch.Add("DequantizeLinear", {joined, by->Scale(patch), by->Zero(patch)}));
  return patch;
}

std::optional<Patch> MoveQuantizeBefore(const RuleContext& c, const Node& node) {
  const std::optional<Quantization> by = QuantizationOf(c, node);
  if (!by || !c.UsedOnce(node.inputs[0])) return {};
  const Node* move = c.Producer(node.inputs[0]);
  if (!move) return {};
  const bool joins = c.Is(*move, "Concat");
  if (!joins && !IsMove(*move) && !IsMaxPool(*move)) return {};
  Patch patch("move the integers");
  std::vector<ValueId> inputs = move->inputs;
  for (size_t i = 0; i < (joins ? inputs.size() : 1); ++i)
    inputs[i] = patch.Add("QuantizeLinear", {inputs[i], by->Scale(patch), by->Zero(patch)});
  patch.Replace(node.outputs[0], patch.Add(move->op_type, std::move(inputs), move->attributes));
  return patch;
}

std::optional<Patch> DropQuantizePair(const RuleContext& c, const Node& node) {
  const std::optional<Quantization> by = QuantizationOf(c, node);
  if (!by) return {};
  const std::optional<Dequantized> x = DequantizedOf(c, node.inputs[0]);
  if (!x || !(x->by == *by)) return {};
  Patch patch("quantized as it was");
  patch.Replace(node.outputs[0], x->integers);
  return patch;
}

}  // namespace onda
