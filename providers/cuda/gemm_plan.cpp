// Products through cuBLASLt. The library is column-major: a row-major (m, n) result is its (n, m) one, so that it is
// given b first, and the bias of n elements lies along its rows, where the epilogue wants it.
#include <algorithm>
#include <cstring>
#include <vector>

#include "providers/cuda/cuda_check.h"
#include "providers/cuda/library_plan.h"

namespace onda::cuda {
namespace {

cudaDataType TypeOf(DType type) {
  switch (type) {
    case DType::kFloat:
      return CUDA_R_32F;
    case DType::kFloat16:
      return CUDA_R_16F;
    case DType::kBfloat16:
      return CUDA_R_16BF;
    case DType::kDouble:
      return CUDA_R_64F;
    case DType::kInt8:
      return CUDA_R_8I;
    case DType::kInt32:
      return CUDA_R_32I;
    default:
      throw Error(ErrorCode::kNotImplemented, "cuBLASLt has no products of " + std::string(NameOf(type)));
  }
}

struct Layout {
  cublasLtMatrixLayout_t handle = nullptr;
  Layout(DType type, int64_t rows, int64_t columns, int64_t leading, int64_t batch, int64_t stride) {
    Check(cublasLtMatrixLayoutCreate(&handle, TypeOf(type), static_cast<uint64_t>(rows), static_cast<uint64_t>(columns),
                                     leading),
          "cublasLtMatrixLayoutCreate");
    const int32_t count = static_cast<int32_t>(batch);
    cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count));
    cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof(stride));
  }
  ~Layout() { cublasLtMatrixLayoutDestroy(handle); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
};

class GemmPlan : public RunnablePlan {
 public:
  GemmPlan(cublasLtHandle_t handle, const GemmDescription& op)
      : handle_(handle),
        op_(op),
        b_(op.type, op.transpose_b ? op.k : op.n, op.transpose_b ? op.n : op.k, op.b_row, op.batch, op.b_batch),
        a_(op.type, op.transpose_a ? op.m : op.k, op.transpose_a ? op.k : op.m, op.a_row, op.batch, op.a_batch),
        y_(op.out, op.n, op.m, op.y_row, op.batch, op.y_batch) {
    const cublasComputeType_t compute = op.type == DType::kDouble             ? CUBLAS_COMPUTE_64F
                                        : op.type == DType::kInt8             ? CUBLAS_COMPUTE_32I
                                        : op.type == DType::kFloat && op.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                              : CUBLAS_COMPUTE_32F;
    const cudaDataType scale = op.type == DType::kDouble ? CUDA_R_64F
                               : op.type == DType::kInt8 ? CUDA_R_32I
                                                         : CUDA_R_32F;
    Check(cublasLtMatmulDescCreate(&matmul_, compute, scale), "cublasLtMatmulDescCreate");
    const cublasOperation_t b = op.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                            a = op.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    Set(CUBLASLT_MATMUL_DESC_TRANSA, b);
    Set(CUBLASLT_MATMUL_DESC_TRANSB, a);
    Set(CUBLASLT_MATMUL_DESC_EPILOGUE, Epilogue());
    if (op.has_bias) Set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, TypeOf(op.out));
  }
  ~GemmPlan() override { cublasLtMatmulDescDestroy(matmul_); }

  void AskHeuristics(int most, size_t workspace) {
    cublasLtMatmulPreference_t preference;
    Check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                         sizeof(workspace));
    const uint32_t alignment = 16;
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      cublasLtMatmulPreferenceSetAttribute(preference, attribute, &alignment, sizeof(alignment));
    algorithms_.resize(static_cast<size_t>(most));
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle_, matmul_, b_.handle, a_.handle, y_.handle, y_.handle, preference, most, algorithms_.data(), &found);
    cublasLtMatmulPreferenceDestroy(preference);
    Check(status, "cublasLtMatmulAlgoGetHeuristic");
    algorithms_.resize(static_cast<size_t>(found));
    std::erase_if(algorithms_, [](const auto& a) { return a.state != CUBLAS_STATUS_SUCCESS; });
    if (algorithms_.empty()) throw Error(ErrorCode::kNotImplemented, "cuBLASLt has no algorithm for the product");
  }

  void Restore(const std::string& blob) {
    cublasLtMatmulHeuristicResult_t result{};
    if (blob.size() != sizeof(result.algo))
      throw Error(ErrorCode::kInvalidArgument, "a stored product is of another size");
    std::memcpy(&result.algo, blob.data(), blob.size());
    Check(cublasLtMatmulAlgoCheck(handle_, matmul_, b_.handle, a_.handle, y_.handle, y_.handle, &result.algo, &result),
          "cublasLtMatmulAlgoCheck");
    algorithms_ = {result};
  }

  int variants() const override { return static_cast<int>(algorithms_.size()); }
  size_t workspace_bytes(int variant) const override {
    return algorithms_.at(static_cast<size_t>(variant)).workspaceSize;
  }
  std::string Blob(int variant) const override {
    const auto& algorithm = algorithms_.at(static_cast<size_t>(variant)).algo;
    return {reinterpret_cast<const char*>(&algorithm), sizeof(algorithm)};
  }

  void Run(int variant, std::span<const Buffer> operands, Buffer workspace, cudaStream_t stream) override {
    size_t next = 2;
    if (op_.has_bias) Set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(operands[next++].data));
    const void* residual = op_.has_residual ? operands[next++].data : nullptr;
    void* y = operands[next].data;
    const auto& algorithm = algorithms_.at(static_cast<size_t>(variant));
    // Of the scale type.
    union Scalar {
      float f;
      double d;
      int32_t i;
    } alpha, beta;
    if (op_.type == DType::kDouble) {
      alpha.d = op_.alpha, beta.d = residual != nullptr;
    } else if (op_.type == DType::kInt8) {
      alpha.i = static_cast<int32_t>(op_.alpha), beta.i = residual != nullptr;
    } else {
      alpha.f = op_.alpha, beta.f = residual != nullptr;
    }
    Check(cublasLtMatmul(handle_, matmul_, &alpha, operands[1].data, b_.handle, operands[0].data, a_.handle, &beta,
                         residual ? residual : y, y_.handle, y, y_.handle, &algorithm.algo, workspace.data,
                         algorithm.workspaceSize, stream),
          "cublasLtMatmul");
  }

 private:
  template <class T>
  void Set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    Check(cublasLtMatmulDescSetAttribute(matmul_, attribute, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
  }
  cublasLtEpilogue_t Epilogue() const {
    switch (op_.activation) {
      case Activation::kNone:
        return op_.has_bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
      case Activation::kRelu:
        return op_.has_bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
      case Activation::kGeluTanh:
        return op_.has_bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
      default:
        throw Error(ErrorCode::kNotImplemented, "cuBLASLt has no such epilogue");
    }
  }

  cublasLtHandle_t handle_;
  GemmDescription op_;
  Layout b_, a_, y_;
  cublasLtMatmulDesc_t matmul_ = nullptr;
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms_;
};

}  // namespace

std::unique_ptr<RunnablePlan> MakeGemmPlan(cublasLtHandle_t handle, const GemmDescription& op,
                                           const PlanSource& source) {
  auto plan = std::make_unique<GemmPlan>(handle, op);
  source.blob.empty() ? plan->AskHeuristics(source.most, source.workspace) : plan->Restore(source.blob);
  return plan;
}

}  // namespace onda::cuda
