#include "kernels/elementwise/upgrade.h"

#include <string>
#include <vector>

#include "core/ir/op_def.h"

namespace onda::elementwise {
namespace {

// x (of shape [..]) with dimensions of 1 appended so that its first one lies at dimension `axis` of a tensor like
// `like`.
ValueId AlignAt(RewriteContext& c, ValueId x, ValueId like, int64_t axis) {
  const Fact &small = c.FactOf(x), &large = c.FactOf(like);
  if (small.has_rank() && large.has_rank()) {
    if (axis < 0) axis += large.rank();
    const int64_t missing = large.rank() - axis - small.rank();
    if (axis < 0 || missing < 0)
      c.Reject("shapes " + ToString(*large.shape) + " and " + ToString(*small.shape) + " cannot be aligned at axis " +
               std::to_string(axis));
    if (missing == 0) return x;
    std::vector<int64_t> axes;
    for (int64_t i = 0; i < missing; ++i) axes.push_back(small.rank() + i);
    return c.Add("Unsqueeze", {x, c.Int64s(axes)});
  }
  // Ranks appear only at run time: Reshape(x, Concat(Shape(x), ones)) with rank(like) - axis - rank(x) ones.
  const ValueId shape = c.Add("Shape", {x}), large_shape = c.Add("Shape", {like});
  ValueId count = c.Add("Sub", {c.Add("Shape", {large_shape}), c.Add("Shape", {shape})});
  if (axis >= 0) {
    count = c.Add("Sub", {count, c.Int64s({axis})});
  } else {  // axis + rank(like) dimensions lie before it
    count = c.Add("Sub", {c.Int64s({-axis}), c.Add("Shape", {shape})});
  }
  const ValueId ones = c.Add("Expand", {c.Int64s({1}), count});
  return c.Add("Reshape", {x, c.Add("Concat", {shape, ones}, {{"axis", int64_t{0}}})}, {{"allowzero", int64_t{1}}});
}

bool IsSingle(const Fact& fact) {
  if (!fact.has_rank()) return false;
  for (const Dim& d : *fact.shape)
    if (!(d == Dim(1))) return false;
  return true;
}

void Rename(RewriteContext& c, std::string op) {
  c.node().op_type = std::move(op);
  c.node().domain = "";
}

}  // namespace

void UpgradeUnary(RewriteContext& c) { c.node().attributes.Remove("consumed_inputs"); }

void UpgradeBinary(RewriteContext& c) {
  if (c.version() >= 7) return;
  c.node().attributes.Remove("consumed_inputs");
  const bool broadcast = c.attributes().Int("broadcast", 0) != 0;
  if (broadcast && c.attributes().Has("axis") && !IsSingle(c.fact(1)))
    c.SetInput(1, AlignAt(c, c.input(1), c.input(0), c.attributes().Int("axis", 0)));
  c.node().attributes.Remove("broadcast");
  c.node().attributes.Remove("axis");
}

void UpgradePRelu(RewriteContext& c) {
  c.node().attributes.Remove("consumed_inputs");
  if (c.version() >= 7) return;
  const Fact &x = c.fact(0), &slope = c.fact(1);
  if (slope.has_rank() && (slope.rank() != 1 || IsSingle(slope))) return;
  if (x.has_rank() && x.rank() < 2) return;
  const ValueId channels = slope.has_rank() ? c.input(1) : c.Add("Reshape", {c.input(1), c.Int64s({-1})});
  c.SetInput(1, AlignAt(c, channels, c.input(0), 1));
}

void UpgradeClip(RewriteContext& c) {
  if (c.version() >= 11) return;
  c.node().attributes.Remove("consumed_inputs");
  const char* names[] = {"min", "max"};
  for (size_t i = 0; i < 2; ++i) {
    if (!c.attributes().Has(names[i])) continue;
    c.SetInput(i + 1, c.ScalarLike(c.attributes().Float(names[i], 0)));
    c.node().attributes.Remove(names[i]);
  }
}

void UpgradeSelu(RewriteContext& c) {
  c.node().attributes.Remove("consumed_inputs");
  if (c.version() >= 6) return;
  if (!c.attributes().Has("alpha")) c.node().attributes.Set("alpha", 1.6732f);
  if (!c.attributes().Has("gamma")) c.node().attributes.Set("gamma", 1.0507f);
}

void UpgradeMicrosoftGelu(RewriteContext& c) { Rename(c, "Gelu"); }

void UpgradeFastGelu(RewriteContext& c) {
  if (c.has_input(1)) c.node().inputs[0] = c.Add("Add", {c.input(0), c.input(1)});
  c.node().inputs.resize(1);
  c.node().attributes.Set("approximate", std::string("tanh"));
  Rename(c, "Gelu");
}

void UpgradeBiasGelu(RewriteContext& c) {
  c.node().inputs = {c.Add("Add", {c.input(0), c.input(1)})};
  Rename(c, "Gelu");
}

void UpgradeQuickGelu(RewriteContext& c) {
  if (!c.attributes().Has("alpha")) c.node().attributes.Set("alpha", 1.702f);
  Rename(c, "Swish");
}

}  // namespace onda::elementwise
