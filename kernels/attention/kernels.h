// The parts of the family's kernel tables. RotaryKernels and the others serve as references and are fast enough.
#ifndef ONDA_KERNELS_ATTENTION_KERNELS_H_
#define ONDA_KERNELS_ATTENTION_KERNELS_H_

#include <span>

#include "onda/provider.h"

namespace onda::attention {

std::span<const OndaKernelDef> RotaryKernels();     // rotary_kernel.cpp
std::span<const OndaKernelDef> LinearKernels();     // linear_kernel.cpp
std::span<const OndaKernelDef> MicrosoftKernels();  // group_query_kernel.cpp

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_KERNELS_H_
