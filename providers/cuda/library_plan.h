// Plans of cuBLASLt and cuDNN, as device_cuda.cpp executes them.
#ifndef ONDA_PROVIDERS_CUDA_LIBRARY_PLAN_H_
#define ONDA_PROVIDERS_CUDA_LIBRARY_PLAN_H_

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <memory>
#include <span>
#include <string>

#include "providers/cuda/device.h"

namespace onda::cuda {

class RunnablePlan : public LibraryPlan {
 public:
  virtual void Run(int variant, std::span<const Buffer> operands, Buffer workspace, cudaStream_t stream) = 0;
};

// blob: what a plan gave for one of its variants, or "" to ask the library's heuristics.
std::unique_ptr<RunnablePlan> MakeGemmPlan(cublasLtHandle_t handle, const GemmDescription& op, const std::string& blob);
std::unique_ptr<RunnablePlan> MakeConvolutionPlan(cudnnHandle_t handle, const ConvolutionDescription& op,
                                                  const std::string& blob);
std::unique_ptr<RunnablePlan> MakeAttentionPlan(cudnnHandle_t handle, const AttentionDescription& op,
                                                const std::string& blob);
std::unique_ptr<RunnablePlan> MakePoolPlan(cudnnHandle_t handle, const PoolDescription& op, const std::string& blob);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_LIBRARY_PLAN_H_
