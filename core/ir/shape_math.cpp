#include "core/ir/shape_math.h"

#include <algorithm>
#include <string>

namespace onda {

int NormalizeAxis(const InferContext& c, int64_t axis, int rank, const char* what) {
  if (axis < -rank || axis >= rank)
    c.Reject(std::string(what) + " " + std::to_string(axis) + " is outside [" + std::to_string(-rank) + ", " +
             std::to_string(rank) + ")");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> NormalizeAxes(const InferContext& c, const std::vector<int64_t>& axes, int rank) {
  std::vector<int> result;
  for (int64_t axis : axes) {
    const int normal = NormalizeAxis(c, axis, rank, "axes entry");
    if (std::find(result.begin(), result.end(), normal) != result.end())
      c.Reject("axes name dimension " + std::to_string(normal) + " twice");
    result.push_back(normal);
  }
  return result;
}

Dims Broadcast(InferContext& c, const Dims& a, const Dims& b) {
  const size_t rank = std::max(a.size(), b.size());
  Dims out;
  out.reserve(rank);
  const Dim one(1);
  for (size_t i = 0; i < rank; ++i) {
    const Dim& x = i + a.size() < rank ? one : a[i + a.size() - rank];
    const Dim& y = i + b.size() < rank ? one : b[i + b.size() - rank];
    if (x == y || y == one) {
      out.push_back(x);
    } else if (x == one) {
      out.push_back(y);
    } else if (x.known() && y.known()) {
      c.Reject("shapes " + ToString(a) + " and " + ToString(b) + " do not broadcast");
    } else if (x.known()) {  // y is 1 or equals x
      out.push_back(x);
    } else if (y.known()) {
      out.push_back(y);
    } else {
      out.push_back(c.FreshDim());
    }
  }
  return out;
}

std::optional<Dims> BroadcastInputs(InferContext& c, size_t first, size_t last) {
  std::optional<Dims> shape = Dims{};
  for (size_t i = first; i < last; ++i) {
    if (!c.has_input(i)) continue;
    if (!c.has_rank(i)) return {};
    shape = Broadcast(c, *shape, *c.shape(i));
  }
  return shape;
}

Dim Product(const Dims& dims, size_t begin, size_t end) {
  Dim product = 1;
  for (size_t i = begin; i < end; ++i) product = product * dims[i];
  return product;
}

Dim MergeDim(const InferContext& c, const Dim& a, const Dim& b, const char* what) {
  if (a.known() && b.known() && !(a == b))
    c.Reject(std::string(what) + ": " + a.ToString() + " and " + b.ToString() + " differ");
  if (a.known() || b.known()) return a.known() ? a : b;
  // Both are true: a name of the model says more than one that inference or the importer made.
  const bool made = a.symbol().starts_with('_') || a.symbol().starts_with('?');
  return made ? b : a;
}

bool IsNonNegative(const Dim& d) { return d.known() ? d.value() >= 0 : d.ToString().find('-') == std::string::npos; }

void InferView(InferContext& c, std::optional<Dims> shape) {
  Fact fact = Fact::TensorOfUnknownRank(c.dtype(0));
  fact.shape = std::move(shape);
  // A shape that is known by its rank alone, 0, is a whole shape too.
  if (c.input(0).static_shape() && fact.static_shape() &&
      CountOf(c.input(0).static_dims()) != CountOf(fact.static_dims()))
    c.Reject("shape " + ToString(*fact.shape) + " has not as many elements as the input");
  const TensorPtr constant = c.Constant(0);
  if (constant && fact.static_shape() && CountOf(fact.static_dims()) == constant->count()) {
    fact.constant = Tensor::Wrap(constant->dtype(), fact.static_dims(), constant->data(), constant);
  } else if (const std::optional<Dims> content = c.Content(0)) {
    fact.content = std::make_shared<const Dims>(*content);
  }
  c.SetOutput(0, std::move(fact));
}

void InferSameAsInput(InferContext& c) {
  Fact fact = c.input(0);
  fact.constant = nullptr;
  fact.content = nullptr;
  c.SetOutput(0, std::move(fact));
}

void InferBroadcast(InferContext& c) { c.SetOutput(0, c.dtype(0), BroadcastInputs(c, 0, c.input_count())); }

}  // namespace onda
