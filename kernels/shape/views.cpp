// Operators whose output has the elements of their input in the same order.
#include "kernels/shape/views.h"

#include <algorithm>

#include "core/ir/shape_math.h"

namespace onda::shape {
namespace {

// Removes from both lists what they share, so that a quotient of products stays simple.
void Cancel(Dims& numerator, Dims& denominator) {
  for (auto it = denominator.begin(); it != denominator.end();) {
    const auto same = std::find(numerator.begin(), numerator.end(), *it);
    // Known numbers are left: 0 cannot be cancelled.
    if (it->known() || same == numerator.end()) {
      ++it;
      continue;
    }
    numerator.erase(same);
    it = denominator.erase(it);
  }
}

// The dimension that -1 stands for: what the others leave of the elements.
Dim Remainder(InferContext& c, Dims left, Dims taken) {
  Cancel(left, taken);
  const Dim all = Product(left), others = Product(taken);
  if (others.known() && others.value() == 0) c.Reject("-1 has no meaning beside a dimension of 0");
  if (all.known() && others.known() && all.value() % others.value() != 0)
    c.Reject("the elements do not divide into dimensions of " + others.ToString());
  return FloorDiv(all, others);
}

}  // namespace

void InferReshape(InferContext& c) {
  c.RequireRank(1, 1);
  const std::optional<Dims> target = c.Content(1);
  if (!target) {
    if (c.has_rank(1) && (*c.shape(1))[0].known()) {
      InferView(c, c.FreshDims(static_cast<int>((*c.shape(1))[0].value())));
    } else {
      InferView(c, {});
    }
    return;
  }
  const bool allow_zero = c.attributes().Int("allowzero", 0) != 0;
  const std::optional<Dims>& from = c.shape(0);
  Dims out, left, taken;
  if (from) left = *from;
  int unknown = -1;
  bool zero = false;
  for (size_t i = 0; i < target->size(); ++i) {
    const Dim& d = (*target)[i];
    if (d == Dim(-1)) {
      if (unknown >= 0) c.Reject("shape " + ToString(*target) + " has more than one -1");
      unknown = static_cast<int>(i);
      out.push_back(1);
    } else if (d == Dim(0) && !allow_zero) {
      if (from && i >= from->size())
        c.Reject("shape " + ToString(*target) + " copies dimension " + std::to_string(i) + " that the input lacks");
      out.push_back(from ? (*from)[i] : c.FreshDim());
      if (from) left[i] = 1;  // on both sides of the quotient
    } else {
      if (d.known() && d.value() < 0) c.Reject("shape " + ToString(*target) + " has a negative dimension");
      zero = zero || d == Dim(0);
      out.push_back(d);
      taken.push_back(d);
    }
  }
  if (unknown >= 0) {
    if (zero) c.Reject("shape " + ToString(*target) + " has both 0 and -1");
    out[unknown] = from ? Remainder(c, left, taken) : c.FreshDim();
  } else if (from) {
    const Dim before = Product(*from), after = Product(out);
    if (before.known() && after.known() && !(before == after))
      c.Reject("shape " + ToString(out) + " has not as many elements as the input");
  }
  InferView(c, std::move(out));
}

void InferSqueeze(InferContext& c) {
  if (!c.has_rank(0)) return InferView(c, {});
  const Dims& in = *c.shape(0);
  Dims out;
  if (!c.has_input(1)) {
    for (const Dim& d : in) {
      if (!d.known()) return InferView(c, {});  // it may be 1
      if (d.value() != 1) out.push_back(d);
    }
    return InferView(c, std::move(out));
  }
  const auto axes = c.Int64s(1);
  if (!axes) {
    if (!c.has_rank(1) || c.input(1).rank() != 1 || !(*c.shape(1))[0].known()) return InferView(c, {});
    const int64_t rank = static_cast<int64_t>(in.size()) - (*c.shape(1))[0].value();
    if (rank < 0) c.Reject("more axes than dimensions");
    return InferView(c, c.FreshDims(static_cast<int>(rank)));
  }
  const std::vector<int> dropped = NormalizeAxes(c, *axes, static_cast<int>(in.size()));
  for (int i = 0; i < static_cast<int>(in.size()); ++i) {
    if (std::find(dropped.begin(), dropped.end(), i) == dropped.end()) {
      out.push_back(in[i]);
    } else if (in[i].known() && in[i].value() != 1) {
      c.Reject("dimension " + std::to_string(i) + " is not 1");
    }
  }
  InferView(c, std::move(out));
}

void InferUnsqueeze(InferContext& c) {
  if (!c.has_rank(0)) return InferView(c, {});
  const Dims& in = *c.shape(0);
  const auto axes = c.Int64s(1);
  if (!axes) {
    if (!c.has_rank(1) || c.input(1).rank() != 1 || !(*c.shape(1))[0].known()) return InferView(c, {});
    // FreshDims refuses ranks far below this limit.
    const int64_t added = std::min<int64_t>((*c.shape(1))[0].value(), 1 << 20);
    return InferView(c, c.FreshDims(static_cast<int>(static_cast<int64_t>(in.size()) + added)));
  }
  const int rank = static_cast<int>(in.size() + axes->size());
  const std::vector<int> added = NormalizeAxes(c, *axes, rank);
  Dims out;
  size_t next = 0;
  for (int i = 0; i < rank; ++i)
    out.push_back(std::find(added.begin(), added.end(), i) == added.end() ? in[next++] : Dim(1));
  InferView(c, std::move(out));
}

void InferFlatten(InferContext& c) {
  if (!c.has_rank(0)) return InferView(c, c.FreshDims(2));
  const Dims& in = *c.shape(0);
  const int64_t rank = static_cast<int64_t>(in.size());
  int64_t axis = c.attributes().Int("axis", 1);
  if (axis < -rank || axis > rank)
    c.Reject("axis " + std::to_string(axis) + " is outside [" + std::to_string(-rank) + ", " + std::to_string(rank) +
             "]");
  if (axis < 0) axis += rank;
  InferView(c, Dims{Product(in, 0, axis), Product(in, axis, in.size())});
}

void InferIdentity(InferContext& c) {
  if (c.input(0).is_tensor()) return InferView(c, c.shape(0));
  c.SetOutput(0, c.input(0));
}

}  // namespace onda::shape
