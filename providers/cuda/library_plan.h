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

// Where a plan comes from: the library's heuristics, or what another plan gave for one of its variants.
struct PlanSource {
  std::string blob;  // "": the heuristics
  // Of what the heuristics offer: as many variants at most, none with a workspace of more bytes.
  int most = 1;
  size_t workspace = kLibraryWorkspaceBytes;
};
std::unique_ptr<RunnablePlan> MakeGemmPlan(cublasLtHandle_t handle, const GemmDescription& op,
                                           const PlanSource& source);
std::unique_ptr<RunnablePlan> MakeConvolutionPlan(cudnnHandle_t handle, const ConvolutionDescription& op,
                                                  const PlanSource& source);
std::unique_ptr<RunnablePlan> MakeAttentionPlan(cudnnHandle_t handle, const AttentionDescription& op,
                                                const PlanSource& source);
std::unique_ptr<RunnablePlan> MakePoolPlan(cudnnHandle_t handle, const PoolDescription& op, const PlanSource& source);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_LIBRARY_PLAN_H_
