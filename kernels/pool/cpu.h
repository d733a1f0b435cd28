// The parts of this family's CPU kernels.
#ifndef ONDA_KERNELS_POOL_CPU_H_
#define ONDA_KERNELS_POOL_CPU_H_

#include "onda/provider.h"

namespace onda::pool {

extern const OndaKernelDef kMaxPoolBytes;

}  // namespace onda::pool

#endif  // ONDA_KERNELS_POOL_CPU_H_
