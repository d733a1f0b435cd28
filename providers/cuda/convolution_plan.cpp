// Convolutions and pools through cuDNN. The residual is added before the bias: in that order nearly all plans are
// precompiled kernels, in the other nearly none.
#include <vector>

#include "providers/cuda/cuda_check.h"
#include "providers/cuda/cudnn_builder.h"

namespace onda::cuda {
namespace {

// (n, c, spatial...) of one or two spatial dimensions as two: cuDNN's kernels are made for these.
struct Image {
  std::vector<int64_t> dims;
  std::vector<int64_t> strides;
};
Image ImageOf(int64_t n, int64_t c, const std::array<int64_t, 3>& extent, int32_t spatial, bool channels_last) {
  Image image;
  image.dims = {n, c};
  for (int32_t i = 0; i < spatial; ++i) image.dims.push_back(extent[static_cast<size_t>(i)]);
  if (spatial == 1) image.dims.insert(image.dims.begin() + 2, 1);
  image.strides.resize(image.dims.size());
  int64_t step = 1;
  if (channels_last) image.strides[1] = step, step *= c;
  for (size_t i = image.dims.size(); i-- > 2; step *= image.dims[i]) image.strides[i] = step;
  if (!channels_last) image.strides[1] = step, step *= c;
  image.strides[0] = step;
  return image;
}

// A value per spatial dimension.
std::vector<int64_t> Spatial(const std::array<int64_t, 3>& values, int32_t spatial, int64_t missing) {
  std::vector<int64_t> result(values.begin(), values.begin() + spatial);
  if (spatial == 1) result.insert(result.begin(), missing);
  return result;
}

cudnnPointwiseMode_t ModeOf(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return CUDNN_POINTWISE_RELU_FWD;
    case Activation::kGeluTanh:
      return CUDNN_POINTWISE_GELU_APPROX_TANH_FWD;
    case Activation::kSigmoid:
      return CUDNN_POINTWISE_SIGMOID_FWD;
    case Activation::kSwish:
      return CUDNN_POINTWISE_SWISH_FWD;
    default:
      return CUDNN_POINTWISE_IDENTITY;
  }
}

}  // namespace

std::unique_ptr<RunnablePlan> MakeConvolutionPlan(cudnnHandle_t handle, const ConvolutionDescription& op,
                                                  const PlanSource& source) {
  CudnnBuilder builder;
  const Image x = ImageOf(op.n, op.c, op.in, op.dims, op.channels_last);
  const Image w = op.transposed ? ImageOf(op.c, op.k / op.groups, op.window, op.dims, op.channels_last)
                                : ImageOf(op.k, op.c / op.groups, op.window, op.dims, op.channels_last);
  const Image y = ImageOf(op.n, op.k, op.out, op.dims, op.channels_last);
  const DescriptorPtr x_tensor = builder.Operand(op.type, x.dims, x.strides);
  const DescriptorPtr w_tensor = builder.Operand(op.type, w.dims, w.strides);
  DescriptorPtr bias, residual;
  if (op.has_bias) {
    std::vector<int64_t> dims(y.dims.size(), 1), strides(y.dims.size(), 1);
    dims[1] = op.k;
    strides[0] = op.k;
    bias = builder.Operand(op.type, dims, strides);
  }
  if (op.has_residual) residual = builder.Operand(op.type, y.dims, y.strides);
  const DescriptorPtr y_tensor = builder.Operand(op.type, y.dims, y.strides);

  int steps = op.has_residual + op.has_bias + (op.activation != Activation::kNone);
  auto next = [&] { return steps == 0 ? y_tensor : builder.Inner(y.dims); };

  const int64_t spatial = static_cast<int64_t>(y.dims.size()) - 2;
  auto window = std::make_shared<Descriptor>(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  window->SetInt(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, spatial)
      .SetType(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, op.type == DType::kDouble ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT)
      .Set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .SetInts(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, Spatial(op.pad_begin, op.dims, 0))
      .SetInts(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, Spatial(op.pad_end, op.dims, 0))
      .SetInts(CUDNN_ATTR_CONVOLUTION_DILATIONS, Spatial(op.dilation, op.dims, 1))
      .SetInts(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, Spatial(op.stride, op.dims, 1))
      .Finalize();
  builder.Keep(window);
  DescriptorPtr value = next();
  // The transpose is what the gradient of a convolution's input is made by.
  const bool back = op.transposed;
  auto convolution = std::make_shared<Descriptor>(back ? CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR
                                                       : CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  convolution
      ->SetChild(back ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC
                      : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                 *window)
      .SetChild(back ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                *x_tensor)
      .SetChild(back ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                *w_tensor)
      .SetChild(back ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                *value);
  const auto alpha =
      back ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA;
  const auto beta =
      back ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA;
  if (op.type == DType::kDouble) {
    const double one = 1, zero = 0;
    convolution->Set(alpha, CUDNN_TYPE_DOUBLE, 1, &one).Set(beta, CUDNN_TYPE_DOUBLE, 1, &zero);
  } else {
    convolution->SetFloat(alpha, 1).SetFloat(beta, 0);
  }
  convolution->Finalize();
  builder.Add(convolution);
  if (op.has_residual) --steps, value = builder.Pointwise(CUDNN_POINTWISE_ADD, value, residual, next());
  if (op.has_bias) --steps, value = builder.Pointwise(CUDNN_POINTWISE_ADD, value, bias, next());
  if (op.activation != Activation::kNone) --steps, builder.Pointwise(ModeOf(op.activation), value, nullptr, next());
  return builder.MakePlan(handle, source, op.type != DType::kFloat || op.tf32);
}

std::unique_ptr<RunnablePlan> MakePoolPlan(cudnnHandle_t handle, const PoolDescription& op, const PlanSource& source) {
  CudnnBuilder builder;
  const Image x = ImageOf(op.n, op.c, op.in, op.dims, op.channels_last);
  const Image y = ImageOf(op.n, op.c, op.out, op.dims, op.channels_last);
  const DescriptorPtr x_tensor = builder.Operand(op.type, x.dims, x.strides);
  const DescriptorPtr y_tensor = builder.Operand(op.type, y.dims, y.strides);
  const cudnnResampleMode_t mode = !op.average        ? CUDNN_RESAMPLE_MAXPOOL
                                   : op.count_padding ? CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING
                                                      : CUDNN_RESAMPLE_AVGPOOL_EXCLUDE_PADDING;
  const cudnnPaddingMode_t padding = op.average ? CUDNN_ZERO_PAD : CUDNN_NEG_INF_PAD;
  // Paddings and strides are fractions: numerator and denominator.
  auto fractions = [&](cudnnBackendAttributeName_t name, Descriptor& d, const std::array<int64_t, 3>& values,
                       int64_t missing) {
    std::vector<cudnnFraction_t> list;
    for (const int64_t v : Spatial(values, op.dims, missing)) list.push_back({v, 1});
    d.Set(name, CUDNN_TYPE_FRACTION, static_cast<int64_t>(list.size()), list.data());
  };
  auto window = std::make_shared<Descriptor>(CUDNN_BACKEND_RESAMPLE_DESCRIPTOR);
  window->Set(CUDNN_ATTR_RESAMPLE_MODE, CUDNN_TYPE_RESAMPLE_MODE, 1, &mode)
      .SetType(CUDNN_ATTR_RESAMPLE_COMP_TYPE, CUDNN_DATA_FLOAT)
      .SetInt(CUDNN_ATTR_RESAMPLE_SPATIAL_DIMS, static_cast<int64_t>(y.dims.size()) - 2)
      .Set(CUDNN_ATTR_RESAMPLE_PADDING_MODE, CUDNN_TYPE_PADDING_MODE, 1, &padding);
  fractions(CUDNN_ATTR_RESAMPLE_PRE_PADDINGS, *window, op.pad_begin, 0);
  fractions(CUDNN_ATTR_RESAMPLE_POST_PADDINGS, *window, op.pad_end, 0);
  fractions(CUDNN_ATTR_RESAMPLE_STRIDES, *window, op.stride, 1);
  fractions(CUDNN_ATTR_RESAMPLE_WINDOW_DIMS, *window, op.window, 1);
  window->Finalize();
  builder.Keep(window);
  auto pool = std::make_shared<Descriptor>(CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR);
  pool->SetChild(CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC, *window)
      .SetChild(CUDNN_ATTR_OPERATION_RESAMPLE_FWD_XDESC, *x_tensor)
      .SetChild(CUDNN_ATTR_OPERATION_RESAMPLE_FWD_YDESC, *y_tensor)
      .Finalize();
  builder.Add(pool);
  return builder.MakePlan(handle, source, true);
}

}  // namespace onda::cuda
