// A program as CUDA C++ source.
#ifndef ONDA_KERNELS_POINTWISE_CUDA_SOURCE_H_
#define ONDA_KERNELS_POINTWISE_CUDA_SOURCE_H_

#include <span>
#include <string>

#include "kernels/pointwise/pointwise.h"

namespace onda::pointwise {

// Neighbours that a thread of the kernel takes where vectors fit.
inline constexpr int kSourceVector = 4;
// Threads of a block, which the kernel is compiled for.
inline constexpr int kSourceThreads = 256;

// Why there is no source for the program, or "".
std::string RejectsSource(const Program& program, std::span<const DType> inputs);

// Source of the kernel "Pointwise", whose parameters are InList<uint8_t> inputs, Out<uint8_t> y, int64_t n,
// Strides<kMaxInputs> and bool vectors; see cuda.cu. The same program gives the same text.
std::string SourceOf(const Program& program, std::span<const DType> inputs);

}  // namespace onda::pointwise

#endif  // ONDA_KERNELS_POINTWISE_CUDA_SOURCE_H_
