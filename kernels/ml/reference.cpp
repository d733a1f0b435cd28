#include <vector>

#include "kernels/ml/ml.h"

namespace onda::ml {

std::span<const OndaKernelDef> ReferenceKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all;
    for (const auto& part : {FeatureKernels(), LabelEncoderKernels(), LinearKernels(), SvmKernels(), TreeKernels()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kernels;
}

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::ml
