// The CUDA kernels of all families. Not part of the core library: the CUDA provider and its simulator build it.
#ifndef ONDA_KERNELS_CUDA_TABLE_H_
#define ONDA_KERNELS_CUDA_TABLE_H_

#include <span>

#include "onda/provider.h"

namespace onda {

// In the order of ops.inc, best first where one operator has several.
std::span<const OndaKernelDef* const> CudaKernels();

}  // namespace onda

#endif  // ONDA_KERNELS_CUDA_TABLE_H_
