// Attention through cuDNN: the chain of products and a softmax that its engines take as one.
#include <limits>
#include <vector>

#include "providers/cuda/cuda_check.h"
#include "providers/cuda/cudnn_builder.h"

namespace onda::cuda {
namespace {

std::vector<int64_t> Strides(const std::array<int64_t, 3>& s) { return {s[0], s[1], s[2], 1}; }

DescriptorPtr Product(CudnnBuilder& builder, const DescriptorPtr& a, const DescriptorPtr& b, const DescriptorPtr& y) {
  auto what = std::make_shared<Descriptor>(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  what->SetType(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).Finalize();
  builder.Keep(what);
  auto product = std::make_shared<Descriptor>(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  product->SetChild(CUDNN_ATTR_OPERATION_MATMUL_DESC, *what)
      .SetChild(CUDNN_ATTR_OPERATION_MATMUL_ADESC, *a)
      .SetChild(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *b)
      .SetChild(CUDNN_ATTR_OPERATION_MATMUL_CDESC, *y)
      .Finalize();
  builder.Add(product);
  return y;
}

DescriptorPtr Reduce(CudnnBuilder& builder, cudnnReduceTensorOp_t mode, const DescriptorPtr& x,
                     const DescriptorPtr& y) {
  auto what = std::make_shared<Descriptor>(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  what->Set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &mode)
      .SetType(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .Finalize();
  builder.Keep(what);
  auto reduction = std::make_shared<Descriptor>(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  reduction->SetChild(CUDNN_ATTR_OPERATION_REDUCTION_DESC, *what)
      .SetChild(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *x)
      .SetChild(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, *y)
      .Finalize();
  builder.Add(reduction);
  return y;
}

// y = condition ? x : other.
void Select(CudnnBuilder& builder, const DescriptorPtr& condition, const DescriptorPtr& x, const DescriptorPtr& other,
            const DescriptorPtr& y) {
  auto what = std::make_shared<Descriptor>(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  const cudnnPointwiseMode_t mode = CUDNN_POINTWISE_BINARY_SELECT;
  what->Set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode)
      .SetType(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT)
      .Finalize();
  builder.Keep(what);
  auto select = std::make_shared<Descriptor>(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  select->SetChild(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, *what)
      .SetChild(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x)
      .SetChild(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *other)
      .SetChild(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *condition)
      .SetChild(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y)
      .Finalize();
  builder.Add(select);
}

}  // namespace

std::unique_ptr<RunnablePlan> MakeAttentionPlan(cudnnHandle_t handle, const AttentionDescription& op,
                                                const PlanSource& source) {
  if (op.type != DType::kFloat16 && op.type != DType::kBfloat16)
    throw Error(ErrorCode::kNotImplemented, "cuDNN's attention is for half types");
  if (op.causal && op.kv_length != op.q_length)
    throw Error(ErrorCode::kNotImplemented, "causal attention through cuDNN needs as many queries as keys");
  CudnnBuilder builder;
  const std::vector<int64_t> scores{op.batch, op.heads, op.q_length, op.kv_length};
  const std::vector<int64_t> rows{op.batch, op.heads, op.q_length, 1};
  const DescriptorPtr q =
      builder.Operand(op.type, std::vector<int64_t>{op.batch, op.heads, op.q_length, op.head}, Strides(op.q_stride));
  // Keys enter transposed, through their strides.
  const DescriptorPtr k = builder.Operand(op.type, std::vector<int64_t>{op.batch, op.kv_heads, op.head, op.kv_length},
                                          std::vector<int64_t>{op.k_stride[0], op.k_stride[1], 1, op.k_stride[2]});
  const DescriptorPtr v = builder.Operand(op.type, std::vector<int64_t>{op.batch, op.kv_heads, op.kv_length, op.v_head},
                                          Strides(op.v_stride));
  DescriptorPtr mask;
  if (op.has_mask) {
    std::vector<int64_t> dims = scores, strides(op.mask_stride.begin(), op.mask_stride.end());
    for (size_t i = 0; i < 4; ++i)
      if (strides[i] == 0) dims[i] = 1, strides[i] = 1;
    mask = builder.Operand(op.type, dims, strides);
  }
  const DescriptorPtr y =
      builder.Operand(op.type, std::vector<int64_t>{op.batch, op.heads, op.q_length, op.v_head}, Strides(op.y_stride));

  DescriptorPtr s = Product(builder, q, k, builder.Inner(scores));
  s = builder.Pointwise(CUDNN_POINTWISE_MUL, s, builder.Scalar(op.scale, 4), builder.Inner(scores));
  if (mask) s = builder.Pointwise(CUDNN_POINTWISE_ADD, s, mask, builder.Inner(scores));
  if (op.causal) {
    const DescriptorPtr row =
        builder.Pointwise(CUDNN_POINTWISE_GEN_INDEX, s, nullptr, builder.Inner(scores, DType::kInt32), 2);
    const DescriptorPtr column =
        builder.Pointwise(CUDNN_POINTWISE_GEN_INDEX, s, nullptr, builder.Inner(scores, DType::kInt32), 3);
    const DescriptorPtr sees =
        builder.Pointwise(CUDNN_POINTWISE_CMP_GE, row, column, builder.Inner(scores, DType::kBool));
    const DescriptorPtr masked = builder.Inner(scores);
    Select(builder, sees, s, builder.Scalar(-std::numeric_limits<float>::infinity(), 4), masked);
    s = masked;
  }
  const DescriptorPtr max = Reduce(builder, CUDNN_REDUCE_TENSOR_MAX, s, builder.Inner(rows));
  s = builder.Pointwise(CUDNN_POINTWISE_SUB, s, max, builder.Inner(scores));
  s = builder.Pointwise(CUDNN_POINTWISE_EXP, s, nullptr, builder.Inner(scores));
  const DescriptorPtr sum = Reduce(builder, CUDNN_REDUCE_TENSOR_ADD, s, builder.Inner(rows));
  s = builder.Pointwise(CUDNN_POINTWISE_DIV, s, sum, builder.Inner(scores, op.type));
  Product(builder, s, v, y);
  return builder.MakePlan(handle, source, true);
}

}  // namespace onda::cuda
