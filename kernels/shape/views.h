// Inference of the operators that give their input another shape.
#ifndef ONDA_KERNELS_SHAPE_VIEWS_H_
#define ONDA_KERNELS_SHAPE_VIEWS_H_

#include "core/ir/op_def.h"

namespace onda::shape {

void InferReshape(InferContext& c);
void InferSqueeze(InferContext& c);
void InferUnsqueeze(InferContext& c);
void InferFlatten(InferContext& c);
void InferIdentity(InferContext& c);

}  // namespace onda::shape

#endif  // ONDA_KERNELS_SHAPE_VIEWS_H_
