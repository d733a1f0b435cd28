// Conv(Pad(x), W) -> Conv<pads>(x, W), and AveragePool(Pad(x)) -> AveragePool<pads, count_include_pad = 1>(x). Holds
// for constant pads with zeros, at least 0 and of spatial dimensions alone, that nothing else reads; the window pads
// explicitly or not at all, and if it is AveragePool's its own padding is counted and its last window is whole.
#include "core/passes/rules.h"

namespace onda {
namespace {

// Pads of the spatial dimensions: all that begin, then all that end. nullopt where the node is no such Pad.
std::optional<std::vector<int64_t>> SpatialPads(const RuleContext& c, const Node& pad) {
  const Fact& x = c.FactOf(pad.inputs[0]);
  if (pad.attributes.view().String("mode", "constant") != "constant" || !x.has_rank() || x.rank() < 3) return {};
  if (pad.has_input(2) && c.ScalarOf(pad.inputs[2]) != 0.0) return {};
  const TensorPtr pads = pad.has_input(1) ? c.ConstantOf(pad.inputs[1]) : nullptr;
  const TensorPtr axes = pad.has_input(3) ? c.ConstantOf(pad.inputs[3]) : nullptr;
  if (!pads || (pad.has_input(3) && !axes)) return {};
  const std::vector<int64_t> given = pads->ToInt64s();
  const int rank = x.rank(), spatial = rank - 2;
  std::vector<int64_t> on = axes ? axes->ToInt64s() : std::vector<int64_t>{};
  for (int i = 0; !axes && i < rank; ++i) on.push_back(i);
  if (given.size() != 2 * on.size()) return {};
  std::vector<int64_t> result(2 * static_cast<size_t>(spatial));
  for (size_t i = 0; i < on.size(); ++i) {
    const int64_t axis = on[i] < 0 ? on[i] + rank : on[i], begin = given[i], end = given[on.size() + i];
    if (begin < 0 || end < 0) return {};
    if (axis < 2) {
      if (begin != 0 || end != 0) return {};
      continue;
    }
    result[axis - 2] = begin;
    result[axis - 2 + spatial] = end;
  }
  return result;
}

}  // namespace

std::optional<Patch> FoldPad(const RuleContext& c, const Node& node) {
  const bool average = c.Is(node, "AveragePool");
  if (!average && !c.Is(node, "Conv")) return {};
  const Node* pad = c.ProducedBy(node, 0, "Pad");
  if (!pad || !c.UsedOnce(pad->outputs[0])) return {};
  const std::optional<std::vector<int64_t>> more = SpatialPads(c, *pad);
  if (!more) return {};
  const Attributes a = node.attributes.view();
  const std::string automatic = a.String("auto_pad", "NOTSET");
  if (automatic != "NOTSET" && automatic != "VALID") return {};
  std::vector<int64_t> pads = automatic == "VALID" ? std::vector<int64_t>{} : a.Ints("pads");
  pads.resize(more->size());
  if (average) {
    const bool padded = std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; });
    if (a.Int("ceil_mode", 0) != 0 || (padded && a.Int("count_include_pad", 0) == 0)) return {};
    // A pool's pads are less than its kernel.
    const std::vector<int64_t> kernel = a.Ints("kernel_shape");
    for (size_t i = 0; i < pads.size(); ++i)
      if (kernel.empty() || pads[i] + (*more)[i] >= kernel[i % kernel.size()]) return {};
  }
  for (size_t i = 0; i < pads.size(); ++i) pads[i] += (*more)[i];
  AttributeMap attributes = node.attributes;
  attributes.Remove("auto_pad");
  attributes.Set("pads", pads);
  if (average) attributes.Set("count_include_pad", int64_t{1});
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = pad->inputs[0];
  Patch patch("the window pads by itself");
  patch.Replace(node.outputs[0], patch.Add(node.op_type, std::move(inputs), std::move(attributes)));
  return patch;
}

}  // namespace onda
