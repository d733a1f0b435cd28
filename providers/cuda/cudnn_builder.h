// A small layer over cuDNN's backend API: descriptors that are built from attributes, and plans for a graph of them.
#ifndef ONDA_PROVIDERS_CUDA_CUDNN_BUILDER_H_
#define ONDA_PROVIDERS_CUDA_CUDNN_BUILDER_H_

#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "providers/cuda/library_plan.h"

namespace onda::cuda {

// One backend descriptor. Attributes are set, then it is finalised and no longer changes.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  cudnnBackendDescriptor_t get() const { return handle_; }
  Descriptor& Set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void* data);
  Descriptor& SetInt(cudnnBackendAttributeName_t name, int64_t value);
  Descriptor& SetInts(cudnnBackendAttributeName_t name, std::span<const int64_t> values);
  Descriptor& SetFloat(cudnnBackendAttributeName_t name, float value);
  Descriptor& SetType(cudnnBackendAttributeName_t name, cudnnDataType_t type);
  Descriptor& SetChild(cudnnBackendAttributeName_t name, const Descriptor& child);
  Descriptor& Finalize();

 private:
  cudnnBackendDescriptor_t handle_ = nullptr;
};
using DescriptorPtr = std::shared_ptr<Descriptor>;

cudnnDataType_t CudnnType(DType type);

// Operations that feed each other.
class CudnnBuilder {
 public:
  // A tensor in memory, which becomes the next operand; scalars by value are not in memory.
  DescriptorPtr Operand(DType type, std::span<const int64_t> dims, std::span<const int64_t> strides);
  // A value between operations.
  DescriptorPtr Inner(std::span<const int64_t> dims, DType type = DType::kFloat);
  // One float that the plan passes by value.
  DescriptorPtr Scalar(float value, int rank);
  // y = mode(x) or mode(x, b).
  DescriptorPtr Pointwise(cudnnPointwiseMode_t mode, const DescriptorPtr& x, const DescriptorPtr& b,
                          const DescriptorPtr& y, int64_t axis = -1);
  void Add(DescriptorPtr operation) { operations_.push_back(std::move(operation)); }
  void Keep(DescriptorPtr descriptor) { kept_.push_back(std::move(descriptor)); }

  // allow_tensor_cores: fp32 through TF32 is wanted.
  std::unique_ptr<RunnablePlan> MakePlan(cudnnHandle_t handle, const PlanSource& source, bool allow_tensor_cores);

 private:
  DescriptorPtr Tensor(DType type, std::span<const int64_t> dims, std::span<const int64_t> strides, bool in_memory,
                       bool by_value);
  int64_t next_uid_ = 1;
  std::vector<int64_t> operand_uids_;
  std::vector<std::pair<int64_t, float>> scalars_;
  std::vector<DescriptorPtr> operations_;
  std::vector<DescriptorPtr> kept_;
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_CUDNN_BUILDER_H_
