// Brings elementwise nodes of every version to canonical form.
#ifndef ONDA_KERNELS_ELEMENTWISE_UPGRADE_H_
#define ONDA_KERNELS_ELEMENTWISE_UPGRADE_H_

namespace onda {
class RewriteContext;
}

namespace onda::elementwise {

// Version 1 listed inputs whose memory might be overwritten.
void UpgradeUnary(RewriteContext& c);
// Before version 7 the second input broadcast only on request, aligned at `axis`.
void UpgradeBinary(RewriteContext& c);
// Before version 7 a slope of one dimension belonged to dimension 1 of the input.
void UpgradePRelu(RewriteContext& c);
// Before version 11 the limits were attributes.
void UpgradeClip(RewriteContext& c);
// Version 1 had rounded defaults.
void UpgradeSelu(RewriteContext& c);

// Names of com.microsoft.
void UpgradeMicrosoftGelu(RewriteContext& c);
void UpgradeFastGelu(RewriteContext& c);
void UpgradeBiasGelu(RewriteContext& c);
void UpgradeQuickGelu(RewriteContext& c);
void UpgradeBiasDropout(RewriteContext& c);

// Experimental operators of ONNX 1.0.
void UpgradeAffine(RewriteContext& c);
void UpgradeParametricSoftplus(RewriteContext& c);
void UpgradeScaledTanh(RewriteContext& c);
void UpgradeScale(RewriteContext& c);
void UpgradeImageScaler(RewriteContext& c);

}  // namespace onda::elementwise

#endif  // ONDA_KERNELS_ELEMENTWISE_UPGRADE_H_
