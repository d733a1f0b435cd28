#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/ml/trees.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

[[noreturn]] void Invalid(const std::string& cause) { throw Error(ErrorCode::kInvalidModel, cause); }

// Attribute `name`, floats or a tensor, or `name`_as_tensor.
std::vector<double> Reals(const Attributes& a, const std::string& name) {
  std::vector<double> values;
  const TensorView* tensor = a.Tensor(name + "_as_tensor");
  const OndaAttribute* plain = a.Find(name);
  if (!tensor && plain && plain->kind == kOndaTensor) tensor = a.Tensor(name);
  if (tensor) {
    if (tensor->type() == DType::kString) Invalid(name + " is a tensor of strings, not of numbers");
    for (int64_t i = 0; i < tensor->count(); ++i) values.push_back(LoadDouble(tensor->type(), tensor->data, i));
  } else {
    for (float v : a.Floats(name)) values.push_back(v);
  }
  return values;
}

void RequireSize(size_t size, size_t expected, const char* name) {
  if (size != expected)
    Invalid(std::string(name) + " has " + std::to_string(size) + " entries, not " + std::to_string(expected));
}

int32_t Index(int64_t value, size_t end, const char* name) {
  if (value < 0 || value >= static_cast<int64_t>(end) || value > INT32_MAX)
    Invalid(std::string("an entry of ") + name + " is out of range");
  return static_cast<int32_t>(value);
}

}  // namespace

Forest Forest::FromEnsemble(const Attributes& a, int64_t targets) {
  Forest forest;
  const auto features = a.Ints("nodes_featureids"), yes = a.Ints("nodes_truenodeids"),
             no = a.Ints("nodes_falsenodeids");
  const auto yes_leaf = a.Ints("nodes_trueleafs"), no_leaf = a.Ints("nodes_falseleafs"), roots = a.Ints("tree_roots");
  const auto missing = a.Ints("nodes_missing_value_tracks_true"), target_ids = a.Ints("leaf_targetids");
  const auto splits = Reals(a, "nodes_splits"), modes = Reals(a, "nodes_modes"), weights = Reals(a, "leaf_weights");
  const auto members = Reals(a, "membership_values");
  const size_t n = features.size();
  RequireSize(yes.size(), n, "nodes_truenodeids");
  RequireSize(no.size(), n, "nodes_falsenodeids");
  RequireSize(yes_leaf.size(), n, "nodes_trueleafs");
  RequireSize(no_leaf.size(), n, "nodes_falseleafs");
  RequireSize(splits.size(), n, "nodes_splits");
  RequireSize(modes.size(), n, "nodes_modes");
  if (!missing.empty()) RequireSize(missing.size(), n, "nodes_missing_value_tracks_true");
  RequireSize(target_ids.size(), weights.size(), "leaf_targetids");
  for (size_t i = 0; i < weights.size(); ++i) forest.leaves_.push_back({{target_ids[i], weights[i]}});
  size_t member = 0;
  for (size_t i = 0; i < n; ++i) {
    TreeNode node;
    if (!(modes[i] >= 0 && modes[i] <= 6)) Invalid("an entry of nodes_modes is out of range");
    node.mode = static_cast<BranchMode>(static_cast<int>(modes[i]));
    node.threshold = splits[i];
    node.feature = Index(features[i], INT32_MAX, "nodes_featureids");
    node.missing_is_yes = !missing.empty() && missing[i] != 0;
    node.yes =
        yes_leaf[i] ? ~Index(yes[i], weights.size(), "nodes_truenodeids") : Index(yes[i], n, "nodes_truenodeids");
    node.no = no_leaf[i] ? ~Index(no[i], weights.size(), "nodes_falsenodeids") : Index(no[i], n, "nodes_falsenodeids");
    if (node.mode == BranchMode::kMember) {  // the next set, which NaN ends
      node.first_member = static_cast<int32_t>(forest.members_.size());
      while (member < members.size() && !std::isnan(members[member])) forest.members_.push_back(members[member++]);
      ++member;
      node.end_member = static_cast<int32_t>(forest.members_.size());
    }
    forest.nodes_.push_back(node);
  }
  for (int64_t root : roots) forest.roots_.push_back(Index(root, n, "tree_roots"));
  forest.Check(targets);
  return forest;
}

Forest Forest::FromOldForm(const Attributes& a, const std::string& votes, int64_t targets) {
  Forest forest;
  const auto trees = a.Ints("nodes_treeids"), ids = a.Ints("nodes_nodeids"), features = a.Ints("nodes_featureids");
  const auto yes = a.Ints("nodes_truenodeids"), no = a.Ints("nodes_falsenodeids");
  const auto missing = a.Ints("nodes_missing_value_tracks_true");
  const auto modes = a.Strings("nodes_modes");
  const auto thresholds = Reals(a, "nodes_values");
  const size_t n = ids.size();
  RequireSize(trees.size(), n, "nodes_treeids");
  RequireSize(features.size(), n, "nodes_featureids");
  RequireSize(yes.size(), n, "nodes_truenodeids");
  RequireSize(no.size(), n, "nodes_falsenodeids");
  RequireSize(modes.size(), n, "nodes_modes");
  RequireSize(thresholds.size(), n, "nodes_values");
  if (!missing.empty()) RequireSize(missing.size(), n, "nodes_missing_value_tracks_true");

  // Where each (tree, node) lies: an inner node at its place, a leaf as ~leaf.
  std::map<std::pair<int64_t, int64_t>, int32_t> places;
  std::vector<size_t> inner;
  static constexpr const char* kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                           "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  for (size_t i = 0; i < n; ++i) {
    int32_t place;
    if (modes[i] == "LEAF") {
      place = ~static_cast<int32_t>(forest.leaves_.size());
      forest.leaves_.emplace_back();
    } else {
      const auto mode = std::find(std::begin(kModes), std::end(kModes), modes[i]);
      if (mode == std::end(kModes)) Invalid("nodes_modes has '" + modes[i] + "'");
      place = static_cast<int32_t>(forest.nodes_.size());
      TreeNode node;
      node.mode = static_cast<BranchMode>(mode - std::begin(kModes));
      node.threshold = thresholds[i];
      node.feature = Index(features[i], INT32_MAX, "nodes_featureids");
      node.missing_is_yes = !missing.empty() && missing[i] != 0;
      forest.nodes_.push_back(node);
      inner.push_back(i);
    }
    if (!places.emplace(std::pair(trees[i], ids[i]), place).second)
      Invalid("node " + std::to_string(ids[i]) + " of tree " + std::to_string(trees[i]) + " is given twice");
    if (std::find(trees.begin(), trees.begin() + static_cast<int64_t>(i), trees[i]) ==
        trees.begin() + static_cast<int64_t>(i))
      forest.roots_.push_back(place);  // the first node of a tree is its root
  }
  auto place_of = [&](int64_t tree, int64_t id) {
    const auto found = places.find({tree, id});
    if (found == places.end())
      Invalid("node " + std::to_string(id) + " of tree " + std::to_string(tree) + " does not exist");
    return found->second;
  };
  for (size_t k = 0; k < inner.size(); ++k) {
    forest.nodes_[k].yes = place_of(trees[inner[k]], yes[inner[k]]);
    forest.nodes_[k].no = place_of(trees[inner[k]], no[inner[k]]);
  }

  const auto vote_trees = a.Ints(votes + "_treeids"), vote_nodes = a.Ints(votes + "_nodeids"),
             vote_ids = a.Ints(votes + "_ids");
  const auto weights = Reals(a, votes + "_weights");
  RequireSize(vote_nodes.size(), vote_trees.size(), "the list of votes' nodes");
  RequireSize(vote_ids.size(), vote_trees.size(), "the list of votes' targets");
  RequireSize(weights.size(), vote_trees.size(), "the list of weights");
  for (size_t i = 0; i < weights.size(); ++i) {
    const int32_t place = place_of(vote_trees[i], vote_nodes[i]);
    if (place < 0) forest.leaves_[static_cast<size_t>(~place)].push_back({vote_ids[i], weights[i]});
  }
  forest.Check(targets);
  return forest;
}

void Forest::Check(int64_t targets) {
  for (const auto& leaf : leaves_)
    for (const TreeVote& vote : leaf)
      if (vote.target < 0 || vote.target >= targets) Invalid("a leaf votes for target " + std::to_string(vote.target));
  for (const TreeNode& node : nodes_) features_ = std::max<int64_t>(features_, node.feature + 1);
  // Depth first; a node that is met again while its own branches are being followed would never end.
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(nodes_.size(), kNew);
  std::vector<int32_t> stack;
  for (int32_t root : roots_) {
    if (root >= 0) stack.push_back(root);
    while (!stack.empty()) {
      const int32_t at = stack.back();
      if (state[at] != kNew) {
        state[at] = kDone;
        stack.pop_back();
        continue;
      }
      state[at] = kOpen;
      for (int32_t child : {nodes_[at].yes, nodes_[at].no}) {
        if (child < 0 || state[child] == kDone) continue;
        if (state[child] == kOpen) Invalid("a tree's branch leads back to itself");
        stack.push_back(child);
      }
    }
  }
}

const std::vector<TreeVote>& Forest::Walk(size_t tree, const double* row) const {
  int32_t at = roots_[tree];
  while (at >= 0) {
    const TreeNode& node = nodes_[at];
    const double x = row[node.feature];
    bool yes = false;
    switch (node.mode) {
      case BranchMode::kLessOrEqual:
        yes = x <= node.threshold;
        break;
      case BranchMode::kLess:
        yes = x < node.threshold;
        break;
      case BranchMode::kGreaterOrEqual:
        yes = x >= node.threshold;
        break;
      case BranchMode::kGreater:
        yes = x > node.threshold;
        break;
      case BranchMode::kEqual:
        yes = x == node.threshold;
        break;
      case BranchMode::kNotEqual:
        yes = x != node.threshold;
        break;
      case BranchMode::kMember:
        for (int32_t i = node.first_member; i < node.end_member && !yes; ++i) yes = members_[i] == x;
        break;
    }
    if (std::isnan(x) && (node.missing_is_yes || node.mode != BranchMode::kNotEqual)) yes = node.missing_is_yes;
    at = yes ? node.yes : node.no;
  }
  return leaves_[static_cast<size_t>(~at)];
}

}  // namespace onda::ml
