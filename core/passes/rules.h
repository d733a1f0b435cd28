// The rewrites of a session, in order: read this file's source as the table of contents.
#ifndef ONDA_CORE_PASSES_RULES_H_
#define ONDA_CORE_PASSES_RULES_H_

#include <optional>
#include <span>

#include "core/passes/patch.h"

namespace onda {

// A stage runs until none of its rules fires. Constants are folded ahead of those that ask for it.
struct RewriteStage {
  std::span<const Rule> rules;
  bool fold_first = false;
};
std::span<const RewriteStage> RewriteStages();

// False for dequantized constants, which stages ahead of the first folding one want to see.
bool FoldsWhileReading(const Node& node);

// One file each; the comment in the file says what is rewritten and when that holds.
std::optional<Patch> DropIdentity(const RuleContext& c, const Node& node);
std::optional<Patch> MoveDequantizeBehind(const RuleContext& c, const Node& node);
std::optional<Patch> MoveQuantizeBefore(const RuleContext& c, const Node& node);
std::optional<Patch> DropQuantizePair(const RuleContext& c, const Node& node);
std::optional<Patch> QuantizeConv(const RuleContext& c, const Node& node);
std::optional<Patch> QuantizeMatMul(const RuleContext& c, const Node& node);
std::optional<Patch> MergeTransposes(const RuleContext& c, const Node& node);
std::optional<Patch> ViewsBeforeTransposes(const RuleContext& c, const Node& node);
std::optional<Patch> ViewsBehindMasks(const RuleContext& c, const Node& node);
std::optional<Patch> MergeViews(const RuleContext& c, const Node& node);
std::optional<Patch> MergeCasts(const RuleContext& c, const Node& node);
std::optional<Patch> PushTransposes(const RuleContext& c, const Node& node);
std::optional<Patch> MergeCommon(const RuleContext& c, const Node& node);
std::optional<Patch> FoldBatchNorm(const RuleContext& c, const Node& node);
std::optional<Patch> FoldBatchNormGemm(const RuleContext& c, const Node& node);
std::optional<Patch> FoldPad(const RuleContext& c, const Node& node);
std::optional<Patch> FuseGelu(const RuleContext& c, const Node& node);
std::optional<Patch> FuseSwish(const RuleContext& c, const Node& node);
std::optional<Patch> FuseLayerNorm(const RuleContext& c, const Node& node);
std::optional<Patch> FuseGroupNorm(const RuleContext& c, const Node& node);
std::optional<Patch> FuseRotary(const RuleContext& c, const Node& node);
std::optional<Patch> FuseAttention(const RuleContext& c, const Node& node);
std::optional<Patch> FuseAttentionGroups(const RuleContext& c, const Node& node);
std::optional<Patch> FuseAttentionPast(const RuleContext& c, const Node& node);
std::optional<Patch> FlattenHeads(const RuleContext& c, const Node& node);
std::optional<Patch> FuseSkipLayerNorm(const RuleContext& c, const Node& node);
std::optional<Patch> FuseMatMulBias(const RuleContext& c, const Node& node);
std::optional<Patch> FuseConvBias(const RuleContext& c, const Node& node);
std::optional<Patch> FuseGemmActivation(const RuleContext& c, const Node& node);
std::optional<Patch> FuseConvActivation(const RuleContext& c, const Node& node);
std::optional<Patch> ChannelsLast(const RuleContext& c, const Node& node);
std::optional<Patch> TransposeAsView(const RuleContext& c, const Node& node);
std::optional<Patch> FusePointwise(const RuleContext& c, const Node& node);
std::optional<Patch> BlockChannels(const RuleContext& c, const Node& node);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_RULES_H_
