// A library's operation as text: equal texts are equal operations, in every process and version that writes them.
#ifndef ONDA_PROVIDERS_CUDA_LIBRARY_OP_TEXT_H_
#define ONDA_PROVIDERS_CUDA_LIBRARY_OP_TEXT_H_

#include <string>

#include "providers/cuda/library_op.h"

namespace onda::cuda {

std::string TextOf(const LibraryOp& op);
DType TypeOf(const LibraryOp& op);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_LIBRARY_OP_TEXT_H_
