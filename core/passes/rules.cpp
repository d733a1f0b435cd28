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

// Attention in its cheapest form, and transposes out of the way of all others.
constexpr Rule kMovement[] = {
    {"fuse-attention-groups", FuseAttentionGroups},
    {"fuse-attention-past", FuseAttentionPast},
    {"push-transposes", PushTransposes},
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
    {"fold-pad", FoldPad},
    {"fold-batch-norm", FoldBatchNorm},
    {"fold-batch-norm-gemm", FoldBatchNormGemm},
    {"fuse-conv-bias", FuseConvBias},
    {"fuse-matmul-bias", FuseMatMulBias},
    {"merge-views", MergeViews},
};

constexpr Rule kEpilogues[] = {
    {"fuse-conv-activation", FuseConvActivation},
    {"fuse-gemm-activation", FuseGemmActivation},
    {"fuse-skip-layer-norm", FuseSkipLayerNorm},
};

constexpr std::span<const Rule> kStages[] = {kSimplify, kNameFormulas,    kMovement,
                                             kCommon,   kFoldIntoWeights, kEpilogues};

}  // namespace

std::span<const std::span<const Rule>> RewriteStages() { return kStages; }

}  // namespace onda
