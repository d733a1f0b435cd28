#include "kernels/einsum/contract.h"

#include <optional>

#include "kernels/einsum/einsum.h"

namespace onda::einsum {
namespace {

// A value and the labels of its dimensions.
struct Operand {
  ValueId value;
  std::string labels;
};

bool Has(const std::string& labels, char ch) { return labels.find(ch) != std::string::npos; }

class Contraction {
 public:
  explicit Contraction(RewriteContext& c) : c_(c) {}

  // `kept`: labels that somebody still needs.
  Operand Product(Operand a, Operand b, const std::string& kept) {
    a = SumAway(a, kept + b.labels);
    b = SumAway(b, kept + a.labels);
    std::string batch, rows, columns, sums;
    for (char ch : a.labels) (!Has(b.labels, ch) ? rows : Has(kept, ch) ? batch : sums) += ch;
    for (char ch : b.labels)
      if (!Has(a.labels, ch)) columns += ch;
    if (sums.empty() || (rows.empty() && columns.empty())) return Elementwise(a, b, batch + rows + columns, sums);
    a = Permute(a, batch + rows + sums);
    // Where the sums lie innermost on the right too, its rows are multiplied as they are.
    const bool by_rows = Has(sums, b.labels.back()) && IsFloating(c_.FactOf(b.value).dtype);
    b = Permute(b, by_rows ? batch + columns + sums : batch + sums + columns);
    // Without a batch the rows need not be one dimension: a matrix on the right goes with a stack on the left.
    const bool stacked = batch.empty() && !rows.empty();
    ValueId left = MergeLast(a.value, batch.size() + rows.size(), sums.size());
    if (!stacked) left = MergeBeforeLast(left, batch.size(), rows.size());
    const std::string &inner = by_rows ? sums : columns, &before_inner = by_rows ? columns : sums;
    ValueId right = MergeLast(b.value, batch.size() + before_inner.size(), inner.size());
    right = MergeBeforeLast(right, batch.size(), before_inner.size());
    ValueId product = by_rows ? c_.Add("FusedMatMul", {left, right}, {{"transB", int64_t{1}}}, "com.microsoft")
                              : c_.Add("MatMul", {left, right});
    if (columns.size() != 1 || (!stacked && rows.size() != 1)) {
      std::vector<ValueId> parts;
      // Zeros copy the dimensions of the product itself.
      const size_t copied = batch.size() + (stacked || rows.size() == 1 ? rows.size() : 0);
      if (copied) parts.push_back(c_.Int64s(std::vector<int64_t>(copied, 0)));
      if (copied == batch.size() && !rows.empty())
        parts.push_back(Shape(a.value, batch.size(), batch.size() + rows.size()));
      if (!columns.empty()) {
        const size_t first = batch.size() + (by_rows ? 0 : sums.size());
        parts.push_back(Shape(b.value, first, first + columns.size()));
      }
      product =
          c_.Add("Reshape", {product, parts.size() == 1 ? parts[0] : c_.Add("Concat", parts, {{"axis", int64_t{0}}})});
    }
    return {product, batch + rows + columns};
  }

  Operand SumAway(const Operand& x, const std::string& kept) {
    std::vector<int64_t> axes;
    std::string labels;
    for (size_t i = 0; i < x.labels.size(); ++i) {
      if (Has(kept, x.labels[i])) {
        labels += x.labels[i];
      } else {
        axes.push_back(static_cast<int64_t>(i));
      }
    }
    if (axes.empty()) return x;
    return {c_.Add("ReduceSum", {x.value, c_.Int64s(axes)}, {{"keepdims", int64_t{0}}}), labels};
  }

  Operand Permute(const Operand& x, const std::string& labels) {
    if (x.labels == labels) return x;
    std::vector<int64_t> perm;
    for (char ch : labels) perm.push_back(static_cast<int64_t>(x.labels.find(ch)));
    return {c_.Add("Transpose", {x.value}, {{"perm", perm}}), labels};
  }

 private:
  // The product over all labels, then summed over `sums`.
  Operand Elementwise(const Operand& a, const Operand& b, const std::string& kept, const std::string& sums) {
    const std::string labels = kept + sums;
    const Operand product{c_.Add("Mul", {Spread(a, labels), Spread(b, labels)}), labels};
    return SumAway(product, kept);
  }

  // x with a dimension of 1 for each label that it lacks, in the order of `labels`.
  ValueId Spread(const Operand& x, const std::string& labels) {
    std::string own;
    std::vector<int64_t> added;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (Has(x.labels, labels[i])) {
        own += labels[i];
      } else if (!own.empty()) {  // leading ones are implied
        added.push_back(static_cast<int64_t>(i));
      }
    }
    const size_t lead = labels.size() - own.size() - added.size();
    for (int64_t& axis : added) axis -= static_cast<int64_t>(lead);
    const ValueId ordered = Permute(x, own).value;
    return added.empty() ? ordered : c_.Add("Unsqueeze", {ordered, c_.Int64s(added)});
  }

  ValueId Shape(ValueId x, size_t begin, size_t end) {
    return c_.Add("Shape", {x}, {{"start", static_cast<int64_t>(begin)}, {"end", static_cast<int64_t>(end)}});
  }

  // The last `count` dimensions, which follow `before` others, as one.
  ValueId MergeLast(ValueId x, size_t before, size_t count) {
    if (count == 1) return x;
    if (count == 0) return c_.Add("Unsqueeze", {x, c_.Int64s({static_cast<int64_t>(before)})});
    std::vector<int64_t> shape(before, 0);
    shape.push_back(-1);
    return c_.Add("Reshape", {x, c_.Int64s(shape)});
  }

  // The `count` dimensions ahead of the last one, which follow `before` others, as one.
  ValueId MergeBeforeLast(ValueId x, size_t before, size_t count) {
    if (count == 1) return x;
    if (count == 0) return c_.Add("Unsqueeze", {x, c_.Int64s({static_cast<int64_t>(before)})});
    std::vector<int64_t> shape(before, 0);
    shape.push_back(-1);
    const ValueId last = c_.Add("Shape", {x}, {{"start", int64_t{-1}}});
    return c_.Add("Reshape", {x, c_.Add("Concat", {c_.Int64s(shape), last}, {{"axis", int64_t{0}}})});
  }

  RewriteContext& c_;
};

// Whether the operands can go through matrix products: known ranks, no diagonals, nothing empty, no summed label that
// is 1 here and more there.
std::optional<Equation> Suitable(RewriteContext& c) {
  const DType t = c.fact(0).dtype;
  if (!IsFloating(t) && t != DType::kInt32 && t != DType::kInt64) return {};
  std::vector<int> ranks;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) {
    if (!c.fact(i).has_rank()) return {};
    for (const Dim& d : *c.fact(i).shape)
      if (d == Dim(0)) return {};
    ranks.push_back(c.fact(i).rank());
  }
  const Equation e = ParseEquation(c.attributes().String("equation", ""), ranks);
  for (size_t i = 0; i < e.terms.size(); ++i) {
    const std::string& term = e.terms[i];
    for (size_t k = 0; k < term.size(); ++k) {
      if (term.find(term[k], k + 1) != std::string::npos) return {};
      if (Has(e.output, term[k])) continue;
      for (size_t j = 0; j < i; ++j) {
        const size_t at = e.terms[j].find(term[k]);
        if (at == std::string::npos) continue;
        const Dim &a = (*c.fact(i).shape)[k], &b = (*c.fact(j).shape)[at];
        if (!(a == b) && (a == Dim(1) || b == Dim(1))) return {};
      }
    }
  }
  return e;
}

}  // namespace

void Contract(RewriteContext& c) {
  const std::optional<Equation> e = Suitable(c);
  if (!e) return;
  Contraction contraction(c);
  Operand result{c.input(0), e->terms[0]};
  for (size_t i = 1; i < e->terms.size(); ++i) {
    std::string kept = e->output;
    for (size_t later = i + 1; later < e->terms.size(); ++later) kept += e->terms[later];
    result = contraction.Product(result, {c.input(i), e->terms[i]}, kept);
  }
  result = contraction.Permute(contraction.SumAway(result, e->output), e->output);
  // A node's output cannot be one of its inputs.
  if (result.value == c.input(0)) result.value = c.Add("Identity", {result.value});
  c.ReplaceOutputs({result.value});
}

}  // namespace onda::einsum
