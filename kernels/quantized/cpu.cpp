#include "onda/provider.h"

namespace onda::quantized {

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::quantized
