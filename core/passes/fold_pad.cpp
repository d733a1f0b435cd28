// Conv(Pad(x), W) -> Conv<pads>(x, W), AveragePool(Pad(x)) -> AveragePool<pads, count_include_pad = 1>(x), and
// MaxPool(Pad(x)) -> MaxPool<pads>(x). Holds for constant pads, at least 0 and of spatial dimensions alone, that
// nothing else reads, with zeros; MaxPool's with -inf, or with zeros where x is never below 0, as each window has an
// element of x. The window pads explicitly or not at all; a pool's last window is whole, and AveragePool's own padding
// is counted.
#include <algorithm>
#include <limits>

#include "core/passes/rules.h"

namespace onda {
namespace {

// Pads of the spatial dimensions: all that begin, then all that end. nullopt where the node is no such Pad.
std::optional<std::vector<int64_t>> SpatialPads(const RuleContext& c, const Node& pad) {
  const Fact& x = c.FactOf(pad.inputs[0]);
  if (pad.attributes.view().String("mode", "constant") != "constant" || !x.has_rank() || x.rank() < 3) return {};
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

// The number that is padded with; nullopt where it is not known.
std::optional<double> FillOf(const RuleContext& c, const Node& pad) {
  return pad.has_input(2) ? c.ScalarOf(pad.inputs[2]) : 0.0;
}

// Whether maxima over windows that hold an element of x each stay the same without the padding.
bool LosesToAll(const RuleContext& c, double fill, ValueId x) {
  if (fill == -std::numeric_limits<double>::infinity()) return IsFloating(c.FactOf(x).dtype);
  const Node* producer = c.Producer(x);
  if (fill != 0 || !producer) return false;
  if (c.Is(*producer, "Relu") || c.Is(*producer, "Sigmoid") || c.Is(*producer, "Abs")) return true;
  if (!c.Is(*producer, "Clip") || !producer->has_input(1)) return false;
  const std::optional<double> low = c.ScalarOf(producer->inputs[1]);
  return low && *low >= 0;
}

}  // namespace

std::optional<Patch> FoldPad(const RuleContext& c, const Node& node) {
  const bool average = c.Is(node, "AveragePool"), maximum = c.Is(node, "MaxPool");
  if (!average && !maximum && !c.Is(node, "Conv")) return {};
  const Node* pad = c.ProducedBy(node, 0, "Pad");
  if (!pad || !c.UsedOnce(pad->outputs[0])) return {};
  const std::optional<std::vector<int64_t>> more = SpatialPads(c, *pad);
  const std::optional<double> fill = FillOf(c, *pad);
  if (!more || !fill || !(maximum ? LosesToAll(c, *fill, pad->inputs[0]) : *fill == 0)) return {};
  const Attributes a = node.attributes.view();
  const std::string automatic = a.String("auto_pad", "NOTSET");
  if (automatic != "NOTSET" && automatic != "VALID") return {};
  std::vector<int64_t> pads = automatic == "VALID" ? std::vector<int64_t>{} : a.Ints("pads");
  pads.resize(more->size());
  if (average || maximum) {
    const bool padded = std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; });
    if (a.Int("ceil_mode", 0) != 0 || (average && padded && a.Int("count_include_pad", 0) == 0)) return {};
    // A place among the padding has no index in x, and a window that is spread may miss x.
    const std::vector<int64_t> dilations = a.Ints("dilations");
    if (maximum &&
        (node.has_output(1) || std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; })))
      return {};
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
