#include <vector>

#include "kernels/elementwise/elementwise.h"

namespace onda::elementwise {

std::span<const OndaKernelDef> CpuKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all;
    for (const auto& part : {UnaryCpuKernels(), BinaryCpuKernels(), WhereCpuKernels(), ClipCpuKernels()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kernels;
}

}  // namespace onda::elementwise
