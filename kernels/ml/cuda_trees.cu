// Decision trees: a warp per row. Its lanes walk 32 trees at a time; then one lane adds the votes of their leaves, in
// the order of the trees, and finishes the row.
#include <algorithm>

#include "kernels/device/constants.h"
#include "kernels/device/number.h"
#include "kernels/device/warp.h"
#include "kernels/ml/cuda_models.h"
#include "kernels/ml/trees.h"

namespace onda::ml {
namespace {

using namespace cuda;

constexpr int kThreads = 128;

struct DeviceVote {
  double weight;
  int32_t target;
};

// leaf_ends[i]: the end of leaf i's votes, which begin where those of the leaf before end.
struct ForestShape {
  int64_t rows, features, trees, targets;
  DType type;
};

// The leaf that a row ends in.
__device__ int32_t Walk(const TreeNode* nodes, const double* members, int32_t at, const uint8_t* x, int64_t row,
                        const ForestShape& f) {
  while (at >= 0) {
    const TreeNode& node = nodes[at];
    const double value = LoadNumber<double>(f.type, x, row * f.features + node.feature);
    bool yes = false;
    switch (node.mode) {
      case BranchMode::kLessOrEqual:
        yes = value <= node.threshold;
        break;
      case BranchMode::kLess:
        yes = value < node.threshold;
        break;
      case BranchMode::kGreaterOrEqual:
        yes = value >= node.threshold;
        break;
      case BranchMode::kGreater:
        yes = value > node.threshold;
        break;
      case BranchMode::kEqual:
        yes = value == node.threshold;
        break;
      case BranchMode::kNotEqual:
        yes = value != node.threshold;
        break;
      case BranchMode::kMember:
        for (int32_t i = node.first_member; i < node.end_member && !yes; ++i) yes = members[i] == value;
        break;
    }
    if (isnan(value) && (node.missing_is_yes || node.mode != BranchMode::kNotEqual)) yes = node.missing_is_yes;
    at = yes ? node.yes : node.no;
  }
  return ~at;
}

// vote(target, weight) by lane 0 for all votes of all trees.
template <class Vote>
__device__ void CollectVotes(const TreeNode* nodes, const double* members, const int32_t* roots,
                             const int32_t* leaf_ends, const DeviceVote* votes, const uint8_t* x, int64_t row,
                             const ForestShape& f, const Vote& vote) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int64_t first = 0; first < f.trees; first += kWarp) {
    const int32_t leaf = first + lane < f.trees ? Walk(nodes, members, roots[first + lane], x, row, f) : -1;
    for (int from = 0; from < kWarp; ++from) {
      const int32_t now = __shfl_sync(kAllLanes, leaf, from);
      if (now < 0 || lane != 0) continue;
      for (int32_t v = now == 0 ? 0 : leaf_ends[now - 1]; v < leaf_ends[now]; ++v)
        vote(votes[v].target, votes[v].weight);
    }
  }
}

// scores (rows, targets), and as many flags.
__global__ void __launch_bounds__(kThreads)
    Regress(In<uint8_t> x, In<TreeNode> nodes, In<double> members, In<int32_t> roots, In<int32_t> leaf_ends,
            In<DeviceVote> votes, In<double> base, InOut<double> scores, InOut<uint8_t> voted, Out<uint8_t> y,
            ForestShape f, Aggregate aggregate, PostTransform transform, DType y_type) {
  const int64_t row = GlobalThread() / kWarp;
  if (row >= f.rows) return;  // whole warps
  const bool first = threadIdx.x % kWarp == 0;
  double* const mine = scores.data + row * f.targets;
  uint8_t* const seen = voted.data + row * f.targets;
  for (int64_t t = 0; first && t < f.targets; ++t) mine[t] = 0, seen[t] = 0;
  CollectVotes(nodes.data, members.data, roots.data, leaf_ends.data, votes.data, x.data, row, f,
               [&](int32_t target, double weight) {
                 double& score = mine[target];
                 if (aggregate == Aggregate::kSum || aggregate == Aggregate::kAverage)
                   score += weight;
                 else if (!seen[target])
                   score = weight;
                 else if (aggregate == Aggregate::kMin)
                   score = weight < score ? weight : score;
                 else
                   score = score < weight ? weight : score;
                 seen[target] = 1;
               });
  if (!first) return;
  for (int64_t t = 0; t < f.targets; ++t) {
    if (aggregate == Aggregate::kAverage) mine[t] /= static_cast<double>(f.trees > 0 ? f.trees : 1);
    if (base) mine[t] += base[t];
  }
  TransformScores(transform, mine, f.targets);
  for (int64_t t = 0; t < f.targets; ++t) StoreReal(y_type, y.data, row * f.targets + t, mine[t]);
}

struct ClassSettings {
  int64_t base_count, label_count, voted;
  bool probabilities, one_score;
  PostTransform transform;
};

__global__ void __launch_bounds__(kThreads)
    Classify(In<uint8_t> x, In<TreeNode> nodes, In<double> members, In<int32_t> roots, In<int32_t> leaf_ends,
             In<DeviceVote> votes, In<double> base, In<int64_t> labels, InOut<double> scores, Out<int64_t> label,
             Out<uint8_t> y, ForestShape f, ClassSettings s, DType y_type) {
  const int64_t row = GlobalThread() / kWarp, classes = f.targets;
  if (row >= f.rows) return;  // whole warps
  const bool first = threadIdx.x % kWarp == 0;
  double* const mine = scores.data + row * classes;
  for (int64_t t = 0; first && t < classes; ++t) mine[t] = t < s.base_count ? base[t] : 0;
  CollectVotes(nodes.data, members.data, roots.data, leaf_ends.data, votes.data, x.data, row, f,
               [&](int32_t target, double weight) { mine[target] += weight; });
  if (!first) return;
  int64_t best;
  if (s.one_score) {
    // One base value belongs to the score, of two the second does.
    const double score = s.base_count == 2 ? mine[s.voted] - base[s.voted] + base[1] : mine[s.voted];
    best = score > (s.probabilities ? 0.5 : 0.0);
    if (classes == 1) {  // that class, or 0
      if (label) label[row] = best != 0 && s.label_count > 0 ? labels[0] : 0;
      TransformScores(s.transform, mine, 1);
      if (y) StoreReal(y_type, y.data, row, mine[0]);
      return;
    }
    mine[0] = s.probabilities && s.transform != PostTransform::kLogistic ? 1 - score : -score;
    mine[1] = score;
  } else {
    best = Greatest(mine, classes);
  }
  TransformScores(s.transform, mine, classes);
  if (label) label[row] = best < s.label_count ? labels[best] : best;
  for (int64_t t = 0; y && t < classes; ++t) StoreReal(y_type, y.data, row * classes + t, mine[t]);
}

// A forest's lists on the device.
struct DeviceForest {
  DeviceForest(const Forest& forest, const std::vector<double>& base_values, const std::vector<int64_t>& label_values) {
    std::vector<int32_t> ends;
    std::vector<DeviceVote> all;
    for (const auto& leaf : forest.leaves()) {
      for (const TreeVote& vote : leaf) all.push_back({vote.weight, static_cast<int32_t>(vote.target)});
      ends.push_back(static_cast<int32_t>(all.size()));
    }
    nodes = constants.Add(forest.nodes());
    members = constants.Add(forest.members());
    roots = constants.Add(forest.roots());
    leaf_ends = constants.Add(ends);
    votes = constants.Add(all);
    base = constants.Add(base_values);
    labels = constants.Add(label_values);
  }
  DeviceConstants constants;
  DeviceConstants::List nodes, members, roots, leaf_ends, votes, base, labels;
};

template <bool kClasses>
class Cuda {
 public:
  using Model = std::conditional_t<kClasses, TreeClassification, TreeRegression>;

  explicit Cuda(const NodeView& node) : model_(node), device_(model_.forest, model_.base, LabelsOf(model_)) {}

  static std::string Rejects(const NodeView& node) {
    if (!IsNumber(node.input(0).type())) return "not for " + std::string(NameOf(node.input(0).type()));
    return node.attributes().Has("classlabels_strings") ? "labels are strings" : "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(Matrix(inputs[0]).rows * TargetsOf(model_)) * (sizeof(double) + 1);
  }

  void Prepare(const LaunchArgs& args) const { device_.constants.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Matrix m(x);
    if (m.rows == 0) return;
    if (m.columns < model_.forest.features())
      throw Error(ErrorCode::kInvalidArgument, "the trees ask for feature " +
                                                   std::to_string(model_.forest.features() - 1) + " of " +
                                                   std::to_string(m.columns));
    const int64_t targets = TargetsOf(model_);
    const ForestShape f{m.rows, m.columns, static_cast<int64_t>(model_.forest.trees()), targets, x.type()};
    const size_t count = static_cast<size_t>(m.rows * targets);
    const cuda::Buffer scores = WorkspaceOf(args, 0, count * sizeof(double));
    auto list = [&](const DeviceConstants::List& l) { return device_.constants.On(StreamOf(args), l); };
    const LaunchConfig config{.grid = {BlocksFor(m.rows, kThreads / kWarp)}, .block = {kThreads}};
    if constexpr (kClasses) {
      const ClassSettings s{static_cast<int64_t>(model_.base.size()),
                            static_cast<int64_t>(model_.labels.integers.size()),
                            model_.voted,
                            model_.probabilities,
                            model_.one_score,
                            model_.transform};
      cuda::Launch(args, config, Classify, x, list(device_.nodes), list(device_.members), list(device_.roots),
                   list(device_.leaf_ends), list(device_.votes), list(device_.base), list(device_.labels), scores,
                   args.output(0), args.output(1), f, s, args.output(1).type());
    } else {
      cuda::Launch(args, config, Regress, x, list(device_.nodes), list(device_.members), list(device_.roots),
                   list(device_.leaf_ends), list(device_.votes), list(device_.base), scores,
                   WorkspaceOf(args, count * sizeof(double), count), args.output(0), f, model_.aggregate,
                   model_.transform, args.output(0).type());
    }
  }

 private:
  static int64_t TargetsOf(const TreeRegression& m) { return m.targets; }
  static int64_t TargetsOf(const TreeClassification& m) { return m.classes; }
  static std::vector<int64_t> LabelsOf(const TreeRegression&) { return {}; }
  static const std::vector<int64_t>& LabelsOf(const TreeClassification& m) { return m.labels.integers; }

  Model model_;
  DeviceForest device_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("TreeEnsemble", kDomain),
    MakeKernel<Cuda<false>>("TreeEnsembleRegressor", kDomain),
    MakeKernel<Cuda<true>>("TreeEnsembleClassifier", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> TreeCudaKernels() { return kKernels; }

}  // namespace onda::ml
