#include "core/passes/rules.h"

namespace onda {
namespace {

// Nothing is computed in another way: what does nothing is dropped.
constexpr Rule kSimplify[] = {
    {"drop-identity", DropIdentity},
    {"merge-transposes", MergeTransposes},
    {"views-before-transposes", ViewsBeforeTransposes},
    {"views-behind-masks", ViewsBehindMasks},
    {"merge-views", MergeViews},
    {"merge-casts", MergeCasts},
};

// Integers instead of what they are dequantized to. Movement first: it brings pairs together.
constexpr Rule kQuantizedMovement[] = {
    {"move-dequantize-behind", MoveDequantizeBehind},
    {"move-quantize-before", MoveQuantizeBefore},
    {"drop-quantize-pair", DropQuantizePair},
};
constexpr Rule kQuantizedProducts[] = {
    {"quantize-conv", QuantizeConv},
    {"quantize-matmul", QuantizeMatMul},
};

// Formulas that an operator has a name for.
constexpr Rule kNameFormulas[] = {
    {"fuse-gelu", FuseGelu},
    {"fuse-swish", FuseSwish},
    {"fuse-layer-norm", FuseLayerNorm},
    {"fuse-group-norm", FuseGroupNorm},
    {"fuse-rotary", FuseRotary},
    {"fuse-attention", FuseAttention},
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

// The form that a device convolves in, and what it brings about.
constexpr Rule kChannelsLast[] = {
    {"merge-common", MergeCommon},       {"channels-last", ChannelsLast},       {"transpose-as-view", TransposeAsView},
    {"push-transposes", PushTransposes}, {"merge-transposes", MergeTransposes}, {"drop-identity", DropIdentity},
    {"merge-views", MergeViews},
};

// Last: whatever element-by-element work no other operator took in.
constexpr Rule kRegions[] = {
    {"fuse-pointwise", FusePointwise},
};

// Layouts of what is there now.
constexpr Rule kLayouts[] = {
    {"block-channels", BlockChannels},
};

constexpr RewriteStage kStages[] = {
    {kSimplify},          {kQuantizedMovement},
    {kQuantizedProducts}, {kNameFormulas, /*fold_first=*/true},
    {kMovement},          {kCommon},
    {kFoldIntoWeights},   {kEpilogues},
    {kChannelsLast},      {kRegions},
    {kLayouts},
};

}  // namespace

std::span<const RewriteStage> RewriteStages() { return kStages; }

bool FoldsWhileReading(const Node& node) { return node.op_type != "DequantizeLinear"; }

}  // namespace onda
