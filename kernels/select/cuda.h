// The CUDA kernels of the family, by source file.
#ifndef ONDA_KERNELS_SELECT_CUDA_H_
#define ONDA_KERNELS_SELECT_CUDA_H_

#include "kernels/select/select.h"

namespace onda::select {

std::span<const OndaKernelDef> UniqueCudaKernels();

}  // namespace onda::select

#endif  // ONDA_KERNELS_SELECT_CUDA_H_
