// The part of the family's CUDA table that multiplies 8-bit tensors.
#ifndef ONDA_KERNELS_QUANTIZED_CUDA_PRODUCT_H_
#define ONDA_KERNELS_QUANTIZED_CUDA_PRODUCT_H_

#include <span>

#include "onda/provider.h"

namespace onda::quantized {

std::span<const OndaKernelDef> ProductCudaKernels();

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_CUDA_PRODUCT_H_
