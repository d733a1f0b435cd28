// The CUDA kernels of the family, by source file.
#ifndef ONDA_KERNELS_POOL_CUDA_H_
#define ONDA_KERNELS_POOL_CUDA_H_

#include "kernels/pool/pool.h"

namespace onda::pool {

std::span<const OndaKernelDef> WindowCudaKernels();

}  // namespace onda::pool

#endif  // ONDA_KERNELS_POOL_CUDA_H_
