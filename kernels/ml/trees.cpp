#include "kernels/ml/trees.h"

#include <algorithm>
#include <set>

#include "kernels/simd/stack_buffer.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

enum class Aggregate { kAverage, kSum, kMin, kMax };  // numbered as TreeEnsemble numbers them

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
  explicit Regressor(const NodeView& node) : targets_(std::max<int64_t>(1, node.attributes().Int("n_targets", 1))) {
    const Attributes a = node.attributes();
    if (node.op() == "TreeEnsemble") {
      forest_ = Forest::FromEnsemble(a, targets_);
      aggregate_ = Numbered<Aggregate>(a, "aggregate_function", 1, 4);
      transform_ = Numbered<PostTransform>(a, "post_transform", 0, 5);
    } else {
      forest_ = Forest::FromOldForm(a, "target", targets_);
      aggregate_ = AggregateOf(a);
      transform_ = PostTransformOf(a);
      base_ = BaseValues(a);
      if (!base_.empty() && static_cast<int64_t>(base_.size()) != targets_)
        throw Error(ErrorCode::kInvalidModel, "base_values has not one entry for each target");
    }
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    ForRows(args, forest_, targets_, [&](int64_t r, const double* row, double* scores) {
      StackBuffer<uint8_t, 64> voted(static_cast<size_t>(targets_));
      std::fill_n(scores, targets_, 0.0);
      for (size_t t = 0; t < forest_.trees(); ++t)
        for (const TreeVote& vote : forest_.Walk(t, row))
          Add(&scores[vote.target], vote, &voted[static_cast<size_t>(vote.target)]);
      for (int64_t t = 0; t < targets_; ++t) {
        if (aggregate_ == Aggregate::kAverage) scores[t] /= static_cast<double>(std::max<size_t>(1, forest_.trees()));
        if (!base_.empty()) scores[t] += base_[static_cast<size_t>(t)];
      }
      Apply(transform_, scores, targets_);
      for (int64_t t = 0; t < targets_; ++t) StoreDouble(y.type(), y.data, r * targets_ + t, scores[t]);
    });
  }

 private:
  void Add(double* score, const TreeVote& vote, uint8_t* voted) const {
    const bool first = !*voted;
    *voted = 1;
    switch (aggregate_) {
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

  int64_t targets_;
  Forest forest_;
  Aggregate aggregate_ = Aggregate::kSum;
  PostTransform transform_ = PostTransform::kNone;
  std::vector<double> base_;
};

// Where all leaves vote for one class of two, that vote is the second class's score: a probability where no weight is
// negative, otherwise a margin whose sign decides.
class Classifier {
 public:
  explicit Classifier(const NodeView& node)
      : labels_(node.attributes(), "classlabels_int64s"),
        classes_(std::max<int64_t>(1, labels_.count())),
        forest_(Forest::FromOldForm(node.attributes(), "class", classes_)),
        transform_(PostTransformOf(node.attributes())),
        base_(BaseValues(node.attributes())) {
    std::set<int64_t> voted;
    for (const auto& leaf : forest_.leaves()) {
      for (const TreeVote& vote : leaf) {
        voted.insert(vote.target);
        if (vote.weight < 0) probabilities_ = false;
      }
    }
    if (!base_.empty() && static_cast<int64_t>(base_.size()) != classes_ && (base_.size() != 1 || classes_ != 2))
      throw Error(ErrorCode::kInvalidModel, "base_values has not one entry for each class");
    one_score_ = classes_ <= 2 && voted.size() <= 1;
    voted_ = voted.empty() ? 0 : *voted.begin();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &label = args.output(0), &y = args.output(1);
    const int64_t width = classes_;
    ForRows(args, forest_, width, [&](int64_t r, const double* row, double* scores) {
      std::fill_n(scores, width, 0.0);
      for (size_t i = 0; i < base_.size() && static_cast<int64_t>(i) < classes_; ++i) scores[i] = base_[i];
      for (size_t t = 0; t < forest_.trees(); ++t)
        for (const TreeVote& vote : forest_.Walk(t, row)) scores[vote.target] += vote.weight;
      int64_t best;
      if (one_score_) {
        // One base value belongs to the score, of two the second does.
        const double score =
            base_.size() == 2 ? scores[voted_] - base_[static_cast<size_t>(voted_)] + base_[1] : scores[voted_];
        best = score > (probabilities_ ? 0.5 : 0.0);
        if (classes_ == 1) {  // that class, or 0
          StoreLone(label, r, best != 0);
          Apply(transform_, scores, 1);
          if (y.data) StoreDouble(y.type(), y.data, r, scores[0]);
          return;
        }
        Opposite(score, scores);
      } else {
        best = std::max_element(scores, scores + classes_) - scores;
        Apply(transform_, scores, width);
      }
      labels_.Store(label, r, best);
      if (!y.data) return;
      for (int64_t t = 0; t < width; ++t) StoreDouble(y.type(), y.data, r * width + t, scores[t]);
    });
  }

 private:
  void StoreLone(const TensorView& label, int64_t row, bool is) const {
    if (!label.data) return;
    if (label.type() == DType::kString) {
      label.as<std::string>()[row] = is ? labels_.names[0] : std::string();
    } else {
      label.as<int64_t>()[row] = is && !labels_.integers.empty() ? labels_.integers[0] : 0;
    }
  }

  void Opposite(double score, double* scores) const {
    const bool complement = probabilities_ && transform_ != PostTransform::kLogistic;
    scores[0] = complement ? 1 - score : -score;
    scores[1] = score;
    Apply(transform_, scores, 2);
  }

  Labels labels_;
  int64_t classes_;
  Forest forest_;
  PostTransform transform_;
  std::vector<double> base_;
  bool probabilities_ = true;
  bool one_score_ = false;
  int64_t voted_ = 0;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Regressor>("TreeEnsemble", kDomain),
    MakeKernel<Regressor>("TreeEnsembleRegressor", kDomain),
    MakeKernel<Classifier>("TreeEnsembleClassifier", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> TreeKernels() { return kKernels; }

}  // namespace onda::ml
