#include "kernels/cuda_table.h"

#include <vector>

namespace onda {

// A family without a cuda.cu has no such function.
#define ONDA_OPS(family)                                      \
  namespace family {                                          \
  [[gnu::weak]] std::span<const OndaKernelDef> CudaKernels(); \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

std::span<const OndaKernelDef* const> CudaKernels() {
  static const std::vector<const OndaKernelDef*> kernels = [] {
    std::vector<const OndaKernelDef*> all;
    auto add = [&](std::span<const OndaKernelDef> (*family)()) {
      if (!family) return;
      for (const OndaKernelDef& def : family()) all.push_back(&def);
    };
#define ONDA_OPS(family) add(family::CudaKernels);
#include "kernels/ops.inc"
#undef ONDA_OPS
    return all;
  }();
  return kernels;
}

}  // namespace onda
