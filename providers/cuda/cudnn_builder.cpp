#include "providers/cuda/cudnn_builder.h"

#include <algorithm>

#include "providers/cuda/cuda_check.h"

namespace onda::cuda {
namespace {

constexpr int64_t kCandidates = 64;

// Row-major strides.
std::vector<int64_t> Dense(std::span<const int64_t> dims) {
  std::vector<int64_t> strides(dims.size());
  int64_t step = 1;
  for (size_t i = dims.size(); i-- > 0; step *= dims[i]) strides[i] = step;
  return strides;
}

struct Variant {
  DescriptorPtr plan;
  size_t workspace;
};

class CudnnPlan : public RunnablePlan {
 public:
  CudnnPlan(cudnnHandle_t handle, std::vector<Variant> variants, std::vector<int64_t> uids,
            std::vector<std::pair<int64_t, float>> scalars, std::vector<DescriptorPtr> kept)
      : handle_(handle),
        variants_(std::move(variants)),
        uids_(std::move(uids)),
        scalars_(std::move(scalars)),
        kept_(std::move(kept)) {}

  int variants() const override { return static_cast<int>(variants_.size()); }
  size_t workspace_bytes(int variant) const override { return variants_.at(static_cast<size_t>(variant)).workspace; }
  std::string Blob(int variant) const override {
    const Descriptor& plan = *variants_.at(static_cast<size_t>(variant)).plan;
    int64_t bytes = 0;
    Check(cudnnBackendGetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0,
                                   &bytes, nullptr),
          "the size of a cuDNN plan");
    std::string text(static_cast<size_t>(bytes), '\0');
    Check(cudnnBackendGetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, bytes,
                                   &bytes, text.data()),
          "the text of a cuDNN plan");
    return text;
  }

  void Run(int variant, std::span<const Buffer> operands, Buffer workspace, cudaStream_t stream) override {
    std::vector<int64_t> uids = uids_;
    std::vector<void*> pointers;
    for (const Buffer& b : operands) pointers.push_back(b.data);
    for (auto& [uid, value] : scalars_) {
      uids.push_back(uid);
      pointers.push_back(&value);
    }
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.SetInts(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, uids)
        .Set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<int64_t>(pointers.size()),
             pointers.data())
        .Set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace.data)
        .Finalize();
    Check(cudnnSetStream(handle_, stream), "cudnnSetStream");
    Check(cudnnBackendExecute(handle_, variants_.at(static_cast<size_t>(variant)).plan->get(), pack.get()),
          "cudnnBackendExecute");
  }

 private:
  cudnnHandle_t handle_;
  std::vector<Variant> variants_;
  std::vector<int64_t> uids_;
  std::vector<std::pair<int64_t, float>> scalars_;
  std::vector<DescriptorPtr> kept_;
};

size_t WorkspaceOf(const Descriptor& plan) {
  int64_t bytes = 0, count = 0;
  Check(cudnnBackendGetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                 &bytes),
        "the workspace of a cuDNN plan");
  return static_cast<size_t>(bytes);
}

// Whether the engine of a configuration may round fp32 operands for tensor cores.
bool UsesTensorCores(const Descriptor& configuration) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  int64_t count = 0;
  if (cudnnBackendGetAttribute(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                               &count, &handle) != CUDNN_STATUS_SUCCESS)
    return true;
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  if (cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                               CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes) != CUDNN_STATUS_SUCCESS)
    return true;
  return std::find(notes, notes + count, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) != notes + count;
}

// Engine configurations for a graph, best first as the library sees it. None where it refuses the question.
std::vector<DescriptorPtr> Candidates(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  try {
    heuristics.SetChild(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
        .Set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode)
        .Finalize();
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kDeviceLost) throw;
    return {};
  }
  std::vector<DescriptorPtr> configurations;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < kCandidates; ++i) {
    configurations.push_back(std::make_shared<Descriptor>(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    handles.push_back(configurations.back()->get());
  }
  int64_t found = 0;
  if (cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                               kCandidates, &found, handles.data()) != CUDNN_STATUS_SUCCESS)
    return {};
  configurations.resize(static_cast<size_t>(std::min(found, kCandidates)));
  return configurations;
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  Check(cudnnBackendCreateDescriptor(type, &handle_), "cudnnBackendCreateDescriptor");
}
Descriptor::~Descriptor() { cudnnBackendDestroyDescriptor(handle_); }

Descriptor& Descriptor::Set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                            const void* data) {
  Check(cudnnBackendSetAttribute(handle_, name, type, count, data), "cudnnBackendSetAttribute");
  return *this;
}
Descriptor& Descriptor::SetInt(cudnnBackendAttributeName_t name, int64_t value) {
  return Set(name, CUDNN_TYPE_INT64, 1, &value);
}
Descriptor& Descriptor::SetInts(cudnnBackendAttributeName_t name, std::span<const int64_t> values) {
  return Set(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
}
Descriptor& Descriptor::SetFloat(cudnnBackendAttributeName_t name, float value) {
  return Set(name, CUDNN_TYPE_FLOAT, 1, &value);
}
Descriptor& Descriptor::SetType(cudnnBackendAttributeName_t name, cudnnDataType_t type) {
  return Set(name, CUDNN_TYPE_DATA_TYPE, 1, &type);
}
Descriptor& Descriptor::SetChild(cudnnBackendAttributeName_t name, const Descriptor& child) {
  const cudnnBackendDescriptor_t handle = child.get();
  return Set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &handle);
}
Descriptor& Descriptor::Finalize() {
  Check(cudnnBackendFinalize(handle_), "cudnnBackendFinalize");
  return *this;
}

cudnnDataType_t CudnnType(DType type) {
  switch (type) {
    case DType::kFloat:
      return CUDNN_DATA_FLOAT;
    case DType::kFloat16:
      return CUDNN_DATA_HALF;
    case DType::kBfloat16:
      return CUDNN_DATA_BFLOAT16;
    case DType::kDouble:
      return CUDNN_DATA_DOUBLE;
    case DType::kInt32:
      return CUDNN_DATA_INT32;
    case DType::kBool:
      return CUDNN_DATA_BOOLEAN;
    default:
      throw Error(ErrorCode::kNotImplemented, "cuDNN is not asked for " + std::string(NameOf(type)));
  }
}

DescriptorPtr CudnnBuilder::Tensor(DType type, std::span<const int64_t> dims, std::span<const int64_t> strides,
                                   bool in_memory, bool by_value) {
  auto tensor = std::make_shared<Descriptor>(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const bool inner = !in_memory && !by_value;
  tensor->SetType(CUDNN_ATTR_TENSOR_DATA_TYPE, CudnnType(type))
      .SetInts(CUDNN_ATTR_TENSOR_DIMENSIONS, dims)
      .SetInts(CUDNN_ATTR_TENSOR_STRIDES, strides)
      .SetInt(CUDNN_ATTR_TENSOR_UNIQUE_ID, next_uid_++)
      .SetInt(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, by_value ? 4 : 16)
      .Set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &inner)
      .Set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &by_value)
      .Finalize();
  kept_.push_back(tensor);
  return tensor;
}

DescriptorPtr CudnnBuilder::Operand(DType type, std::span<const int64_t> dims, std::span<const int64_t> strides) {
  operand_uids_.push_back(next_uid_);
  return Tensor(type, dims, strides, true, false);
}
DescriptorPtr CudnnBuilder::Inner(std::span<const int64_t> dims, DType type) {
  return Tensor(type, dims, Dense(dims), false, false);
}
DescriptorPtr CudnnBuilder::Scalar(float value, int rank) {
  scalars_.emplace_back(next_uid_, value);
  const std::vector<int64_t> ones(static_cast<size_t>(rank), 1);
  return Tensor(DType::kFloat, ones, ones, false, true);
}

DescriptorPtr CudnnBuilder::Pointwise(cudnnPointwiseMode_t mode, const DescriptorPtr& x, const DescriptorPtr& b,
                                      const DescriptorPtr& y, int64_t axis) {
  auto what = std::make_shared<Descriptor>(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  what->Set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode)
      .SetType(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (axis >= 0) what->SetInt(CUDNN_ATTR_POINTWISE_AXIS, axis);
  what->Finalize();
  Keep(what);
  auto operation = std::make_shared<Descriptor>(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation->SetChild(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, *what)
      .SetChild(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x)
      .SetChild(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y);
  if (b) operation->SetChild(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  operation->Finalize();
  Add(operation);
  return y;
}

std::unique_ptr<RunnablePlan> CudnnBuilder::MakePlan(cudnnHandle_t handle, const PlanSource& source,
                                                     bool allow_tensor_cores) {
  std::vector<Variant> variants;
  if (!source.blob.empty()) {
    auto plan = std::make_shared<Descriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan->Set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle)
        .Set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<int64_t>(source.blob.size()),
             source.blob.data())
        .Finalize();
    variants.push_back({plan, WorkspaceOf(*plan)});
    return std::make_unique<CudnnPlan>(handle, std::move(variants), operand_uids_, scalars_, kept_);
  }
  auto graph = std::make_shared<Descriptor>(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  std::vector<cudnnBackendDescriptor_t> operations;
  for (const DescriptorPtr& o : operations_) operations.push_back(o->get());
  graph->Set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle)
      .Set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(operations.size()),
           operations.data())
      .Finalize();
  Keep(graph);
  for (const DescriptorPtr& o : operations_) Keep(o);

  std::string why;
  // What the fallback offers is slow and always there, also where fp32 must not be rounded for tensor cores.
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    if (!variants.empty()) break;
    for (const DescriptorPtr& configuration : Candidates(*graph, mode)) {
      if (static_cast<int>(variants.size()) >= source.most) break;
      if (!allow_tensor_cores && UsesTensorCores(*configuration)) continue;
      try {
        auto plan = std::make_shared<Descriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        plan->Set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle)
            .SetChild(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, *configuration)
            .Finalize();
        const size_t workspace = WorkspaceOf(*plan);
        if (workspace > source.workspace) {
          why = "plans need " + std::to_string(workspace) + " bytes of workspace";
          continue;
        }
        variants.push_back({plan, workspace});
        Keep(configuration);
      } catch (const Error& e) {
        why = e.what();  // not every configuration holds on every device; the next may
      }
    }
  }
  if (variants.empty()) throw Error(ErrorCode::kNotImplemented, "cuDNN has no plan" + (why.empty() ? "" : ": " + why));
  return std::make_unique<CudnnPlan>(handle, std::move(variants), operand_uids_, scalars_, kept_);
}

}  // namespace onda::cuda
