#include "core/passes/rules.h"

namespace onda {
namespace {

// Nothing is computed in another way: what does nothing is dropped.
constexpr Rule kSimplify[] = {
    {"drop-identity", DropIdentity},
    {"merge-transposes", MergeTransposes},
    {"merge-views", MergeViews},
    {"merge-casts", MergeCasts},
};

// Formulas that an operator has a name for.
constexpr Rule kNameFormulas[] = {
    {"fuse-gelu", FuseGelu},     {"fuse-swish", FuseSwish},         {"fuse-layer-norm", FuseLayerNorm},
    {"fuse-rotary", FuseRotary}, {"fuse-attention", FuseAttention},
};

// Attention in its cheapest form, with what its inputs and results pass through.
constexpr Rule kAttention[] = {
    {"fuse-attention-groups", FuseAttentionGroups},
    {"fuse-attention-past", FuseAttentionPast},
    {"flatten-heads", FlattenHeads},
    {"drop-identity", DropIdentity},
    {"merge-transposes", MergeTransposes},
    {"merge-views", MergeViews},
};

// Behind the formulas, which hold where nothing else reads what is in between.
constexpr Rule kCommon[] = {
    {"merge-common", MergeCommon},
};

// Constants are folded into weights ahead of what makes the products other operators.
constexpr Rule kFoldIntoWeights[] = {
    {"fold-batch-norm", FoldBatchNorm},
    {"fuse-conv-bias", FuseConvBias},
    {"fuse-matmul-bias", FuseMatMulBias},
};

constexpr Rule kEpilogues[] = {
    {"fuse-conv-activation", FuseConvActivation},
    {"fuse-skip-layer-norm", FuseSkipLayerNorm},
};

constexpr std::span<const Rule> kStages[] = {kSimplify, kNameFormulas,    kAttention,
                                             kCommon,   kFoldIntoWeights, kEpilogues};

}  // namespace

std::span<const std::span<const Rule>> RewriteStages() { return kStages; }

}  // namespace onda
