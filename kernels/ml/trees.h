// Decision trees, from the attributes of TreeEnsemble and of the older TreeEnsembleRegressor and
// TreeEnsembleClassifier.
#ifndef ONDA_KERNELS_ML_TREES_H_
#define ONDA_KERNELS_ML_TREES_H_

#include <cstdint>
#include <vector>

#include "kernels/ml/ml.h"

namespace onda::ml {

enum class BranchMode : uint8_t { kLessOrEqual, kLess, kGreaterOrEqual, kGreater, kEqual, kNotEqual, kMember };

// A child that is negative is leaf ~child.
struct TreeNode {
  double threshold = 0;
  int32_t feature = 0;
  int32_t yes = 0, no = 0;  // children
  int32_t first_member = 0, end_member = 0;
  BranchMode mode = BranchMode::kLessOrEqual;
  bool missing_is_yes = false;  // where the feature is NaN
};

struct TreeVote {
  int64_t target;
  double weight;
};

class Forest {
 public:
  // Both throw kInvalidModel where the lists contradict each other or a branch leads back to itself.
  static Forest FromEnsemble(const Attributes& attributes, int64_t targets);
  // votes is "target" or "class": the prefix of the leaves' attributes.
  static Forest FromOldForm(const Attributes& attributes, const std::string& votes, int64_t targets);

  size_t trees() const { return roots_.size(); }
  int64_t features() const { return features_; }
  const std::vector<std::vector<TreeVote>>& leaves() const { return leaves_; }
  const std::vector<TreeNode>& nodes() const { return nodes_; }
  const std::vector<int32_t>& roots() const { return roots_; }
  const std::vector<double>& members() const { return members_; }
  // The votes of the leaf that a row of values ends in.
  const std::vector<TreeVote>& Walk(size_t tree, const double* row) const;

 private:
  void Check(int64_t targets);
  std::vector<TreeNode> nodes_;
  std::vector<std::vector<TreeVote>> leaves_;
  std::vector<int32_t> roots_;  // as children
  std::vector<double> members_;
  int64_t features_ = 0;  // one more than the greatest feature that a node asks for
};

// What TreeEnsemble and TreeEnsembleRegressor do with the votes for a target.
enum class Aggregate { kAverage, kSum, kMin, kMax };  // numbered as TreeEnsemble numbers them

// The forest and settings of both, and of TreeEnsembleClassifier. Constructors throw kInvalidModel.
struct TreeRegression {
  explicit TreeRegression(const NodeView& node);
  int64_t targets;
  Forest forest;
  Aggregate aggregate = Aggregate::kSum;
  PostTransform transform = PostTransform::kNone;
  std::vector<double> base;  // empty, or one for each target
};
// Where all leaves vote for one class of two, that vote is the second class's score: a probability where no weight is
// negative, otherwise a margin whose sign decides.
struct TreeClassification {
  explicit TreeClassification(const NodeView& node);
  Labels labels;
  int64_t classes;
  Forest forest;
  PostTransform transform;
  std::vector<double> base;
  bool probabilities = true;
  bool one_score = false;
  int64_t voted = 0;  // the class of one_score
};

}  // namespace onda::ml

#endif  // ONDA_KERNELS_ML_TREES_H_
