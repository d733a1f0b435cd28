// The parts of this family's CPU kernels.
#ifndef ONDA_KERNELS_QUANTIZED_CPU_H_
#define ONDA_KERNELS_QUANTIZED_CPU_H_

#include "onda/provider.h"

namespace onda::quantized {

extern const OndaKernelDef kQuantizeCpu, kDequantizeCpu, kDynamicQuantizeCpu;
extern const OndaKernelDef kMatMulIntegerCpu, kQLinearMatMulCpu, kConvIntegerCpu, kQLinearConvCpu;
extern const OndaKernelDef kDepthwiseIntegerCpu, kDepthwiseLinearCpu;
extern const OndaKernelDef kDirectIntegerCpu, kDirectLinearCpu, kDirectBlockedCpu, kDepthwiseBlockedCpu;

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_CPU_H_
