#include "kernels/ml/trees.h"

#include <algorithm>
#include <set>

#include "kernels/simd/stack_buffer.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

Aggregate AggregateOf(const Attributes& a) {
  const std::string name = a.String("aggregate_function", "SUM");
  const char* names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  for (int i = 0; i < 4; ++i)
    if (name == names[i]) return static_cast<Aggregate>(i);
  throw Error(ErrorCode::kInvalidModel, "aggregate_function is '" + name + "'");
}

template <class Enum>
Enum Numbered(const Attributes& a, const char* name, int64_t absent, int64_t end) {
  const int64_t value = a.Int(name, absent);
  if (value < 0 || value >= end)
    throw Error(ErrorCode::kInvalidModel, std::string(name) + " is " + std::to_string(value));
  return static_cast<Enum>(value);
}

std::vector<double> BaseValues(const Attributes& a) {
  std::vector<double> values;
  if (const TensorView* tensor = a.Tensor("base_values_as_tensor")) {
    for (int64_t i = 0; i < tensor->count(); ++i) values.push_back(LoadDouble(tensor->type(), tensor->data, i));
  } else {
    for (float v : a.Floats("base_values")) values.push_back(v);
  }
  return values;
}

// fn(row, values of the row, scratch of `targets` doubles) for every row, in parallel.
template <class Fn>
void ForRows(const LaunchArgs& args, const Forest& forest, int64_t targets, Fn fn) {
  const TensorView& x = args.input(0);
  const Matrix m(x);
  if (m.columns < forest.features())
    throw Error(ErrorCode::kInvalidArgument, "the trees ask for feature " + std::to_string(forest.features() - 1) +
                                                 " of " + std::to_string(m.columns));
  const int64_t grain = 1 + 512 / (1 + static_cast<int64_t>(forest.trees()));
  args.ParallelFor(m.rows, grain, [&](int64_t begin, int64_t end) {
    StackBuffer<double, 256> row(static_cast<size_t>(m.columns));
    StackBuffer<double, 64> scores(static_cast<size_t>(targets) + 1);
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < m.columns; ++c)
        row[static_cast<size_t>(c)] = LoadDouble(x.type(), x.data, r * m.columns + c);
      fn(r, row.data(), scores.data());
    }
  });
}

// TreeEnsemble and TreeEnsembleRegressor.
class Regressor {
 public:
  explicit Regressor(const NodeView& node) : m_(node) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    ForRows(args, m_.forest, m_.targets, [&](int64_t r, const double* row, double* scores) {
      StackBuffer<uint8_t, 64> voted(static_cast<size_t>(m_.targets));
      std::fill_n(scores, m_.targets, 0.0);
      for (size_t t = 0; t < m_.forest.trees(); ++t)
        for (const TreeVote& vote : m_.forest.Walk(t, row))
          Add(&scores[vote.target], vote, &voted[static_cast<size_t>(vote.target)]);
      for (int64_t t = 0; t < m_.targets; ++t) {
        if (m_.aggregate == Aggregate::kAverage)
          scores[t] /= static_cast<double>(std::max<size_t>(1, m_.forest.trees()));
        if (!m_.base.empty()) scores[t] += m_.base[static_cast<size_t>(t)];
      }
      Apply(m_.transform, scores, m_.targets);
      for (int64_t t = 0; t < m_.targets; ++t) StoreDouble(y.type(), y.data, r * m_.targets + t, scores[t]);
    });
  }

 private:
  void Add(double* score, const TreeVote& vote, uint8_t* voted) const {
    const bool first = !*voted;
    *voted = 1;
    switch (m_.aggregate) {
      case Aggregate::kSum:
      case Aggregate::kAverage:
        *score += vote.weight;
        return;
      case Aggregate::kMin:
        *score = first ? vote.weight : std::min(*score, vote.weight);
        return;
      case Aggregate::kMax:
        *score = first ? vote.weight : std::max(*score, vote.weight);
        return;
    }
  }

  TreeRegression m_;
};

class Classifier {
 public:
  explicit Classifier(const NodeView& node) : m_(node) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &label = args.output(0), &y = args.output(1);
    const int64_t width = m_.classes;
    ForRows(args, m_.forest, width, [&](int64_t r, const double* row, double* scores) {
      std::fill_n(scores, width, 0.0);
      for (size_t i = 0; i < m_.base.size() && static_cast<int64_t>(i) < m_.classes; ++i) scores[i] = m_.base[i];
      for (size_t t = 0; t < m_.forest.trees(); ++t)
        for (const TreeVote& vote : m_.forest.Walk(t, row)) scores[vote.target] += vote.weight;
      int64_t best;
      if (m_.one_score) {
        // One base value belongs to the score, of two the second does.
        const double score = m_.base.size() == 2
                                 ? scores[m_.voted] - m_.base[static_cast<size_t>(m_.voted)] + m_.base[1]
                                 : scores[m_.voted];
        best = score > (m_.probabilities ? 0.5 : 0.0);
        if (m_.classes == 1) {  // that class, or 0
          StoreLone(label, r, best != 0);
          Apply(m_.transform, scores, 1);
          if (y.data) StoreDouble(y.type(), y.data, r, scores[0]);
          return;
        }
        Opposite(score, scores);
      } else {
        best = std::max_element(scores, scores + m_.classes) - scores;
        Apply(m_.transform, scores, width);
      }
      m_.labels.Store(label, r, best);
      if (!y.data) return;
      for (int64_t t = 0; t < width; ++t) StoreDouble(y.type(), y.data, r * width + t, scores[t]);
    });
  }

 private:
  void StoreLone(const TensorView& label, int64_t row, bool is) const {
    if (!label.data) return;
    if (label.type() == DType::kString) {
      label.as<std::string>()[row] = is ? m_.labels.names[0] : std::string();
    } else {
      label.as<int64_t>()[row] = is && !m_.labels.integers.empty() ? m_.labels.integers[0] : 0;
    }
  }

  void Opposite(double score, double* scores) const {
    const bool complement = m_.probabilities && m_.transform != PostTransform::kLogistic;
    scores[0] = complement ? 1 - score : -score;
    scores[1] = score;
    Apply(m_.transform, scores, 2);
  }

  TreeClassification m_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Regressor>("TreeEnsemble", kDomain),
    MakeKernel<Regressor>("TreeEnsembleRegressor", kDomain),
    MakeKernel<Classifier>("TreeEnsembleClassifier", kDomain),
};

}  // namespace

TreeRegression::TreeRegression(const NodeView& node)
    : targets(std::max<int64_t>(1, node.attributes().Int("n_targets", 1))) {
  const Attributes a = node.attributes();
  if (node.op() == "TreeEnsemble") {
    forest = Forest::FromEnsemble(a, targets);
    aggregate = Numbered<Aggregate>(a, "aggregate_function", 1, 4);
    transform = Numbered<PostTransform>(a, "post_transform", 0, 5);
  } else {
    forest = Forest::FromOldForm(a, "target", targets);
    aggregate = AggregateOf(a);
    transform = PostTransformOf(a);
    base = BaseValues(a);
    if (!base.empty() && static_cast<int64_t>(base.size()) != targets)
      throw Error(ErrorCode::kInvalidModel, "base_values has not one entry for each target");
  }
}

TreeClassification::TreeClassification(const NodeView& node)
    : labels(node.attributes(), "classlabels_int64s"),
      classes(std::max<int64_t>(1, labels.count())),
      forest(Forest::FromOldForm(node.attributes(), "class", classes)),
      transform(PostTransformOf(node.attributes())),
      base(BaseValues(node.attributes())) {
  std::set<int64_t> targets;
  for (const auto& leaf : forest.leaves()) {
    for (const TreeVote& vote : leaf) {
      targets.insert(vote.target);
      if (vote.weight < 0) probabilities = false;
    }
  }
  if (!base.empty() && static_cast<int64_t>(base.size()) != classes && (base.size() != 1 || classes != 2))
    throw Error(ErrorCode::kInvalidModel, "base_values has not one entry for each class");
  one_score = classes <= 2 && targets.size() <= 1;
  voted = targets.empty() ? 0 : *targets.begin();
}

std::span<const OndaKernelDef> TreeKernels() { return kKernels; }

}  // namespace onda::ml
