// Plain versions of the operations of cuBLASLt and cuDNN.
#ifndef ONDA_TESTS_CUDA_SIM_LIBRARY_REFERENCE_H_
#define ONDA_TESTS_CUDA_SIM_LIBRARY_REFERENCE_H_

#include <span>
#include <string>
#include <vector>

#include "providers/cuda/launch.h"
#include "providers/cuda/library_op.h"

namespace onda::cuda_sim {

// Bytes and directions of the operands, in the description's order. The error of a description that no library takes is
// thrown as kNotImplemented.
struct Operand {
  size_t bytes;
  bool written;
};
std::vector<Operand> OperandsOf(const cuda::LibraryOp& op);

// Computes in double; memory is open.
void ComputeLibraryOp(const cuda::LibraryOp& op, std::span<const cuda::Buffer> operands);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_LIBRARY_REFERENCE_H_
