#include "core/passes/rules.h"

namespace onda {
namespace {

// Nothing is computed in another way: what does nothing is dropped.
constexpr Rule kSimplify[] = {
    {"drop-identity", DropIdentity},
    {"merge-transposes", MergeTransposes},
};

// Constants are folded into weights ahead of what makes the products other operators.
constexpr Rule kFoldIntoWeights[] = {
    {"fold-batch-norm", FoldBatchNorm},
    {"fuse-conv-bias", FuseConvBias},
};

constexpr Rule kEpilogues[] = {
    {"fuse-conv-activation", FuseConvActivation},
};

constexpr std::span<const Rule> kStages[] = {kSimplify, kFoldIntoWeights, kEpilogues};

}  // namespace

std::span<const std::span<const Rule>> RewriteStages() { return kStages; }

}  // namespace onda
