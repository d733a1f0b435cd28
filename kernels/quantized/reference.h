// The parts of this family's references.
#ifndef ONDA_KERNELS_QUANTIZED_REFERENCE_H_
#define ONDA_KERNELS_QUANTIZED_REFERENCE_H_

#include "onda/provider.h"

namespace onda::quantized {

extern const OndaKernelDef kQuantizeReference, kDequantizeReference, kDynamicQuantizeReference;
extern const OndaKernelDef kMatMulIntegerReference, kQLinearMatMulReference, kConvIntegerReference,
    kQLinearConvReference, kBlockedConvReference;

// Stores value, an integer or beyond their range, clamped to what the type holds; floats are rounded.
void StoreSaturated(DType type, void* data, int64_t i, double value, bool saturate = true);

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_REFERENCE_H_
