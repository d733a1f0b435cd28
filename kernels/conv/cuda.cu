// Convolutions of one to three spatial dimensions, and their transposes, through cuDNN: of convolutions, bias, residual
// and activation are in the same plan. What it does not take goes to our own kernel (cuda_direct.cu).
#include <initializer_list>
#include <optional>

#include "kernels/conv/conv.h"
#include "kernels/conv/cuda_direct.h"
#include "kernels/device/library_plans.h"

namespace onda::conv {
namespace {

using window::Order;

// What the library applies to a result; nullopt where it has no such function.
std::optional<cuda::Activation> LibraryActivation(const Activation& a) {
  switch (a.kind) {
    case ActivationKind::kNone:
      return cuda::Activation::kNone;
    case ActivationKind::kClamp:
      return a.IsRelu() ? std::optional(cuda::Activation::kRelu) : std::nullopt;
    case ActivationKind::kSigmoid:
      return cuda::Activation::kSigmoid;
    case ActivationKind::kSilu:
      return cuda::Activation::kSwish;
    default:
      return {};
  }
}

// The library's plans. tensors: its operands, and those that are absent.
class Library {
 public:
  bool Run(const LaunchArgs& args, const cuda::ConvolutionDescription& op,
           std::initializer_list<const TensorView*> tensors) {
    cuda::Buffer operands[5];
    size_t count = 0;
    for (const TensorView* t : tensors)
      if (t->present()) operands[count++] = {t->data, t->bytes()};
    return plans_.TryExecute(args, op, {operands, count});
  }
  void Prepare(const LaunchArgs& args, const cuda::ConvolutionDescription& op,
               std::initializer_list<const TensorView*> tensors) {
    cuda::Buffer operands[5];
    size_t count = 0;
    for (const TensorView* t : tensors)
      if (t->present()) operands[count] = cuda::AtNoPlace(count, t->bytes()), ++count;
    plans_.Prepare(args, op, {operands, count});
  }
  size_t WorkspaceBytes(const std::optional<cuda::ConvolutionDescription>& op) const {
    return op ? plans_.WorkspaceBytes(*op) : 0;
  }

 private:
  cuda::LibraryPlans plans_;
};

cuda::ConvolutionDescription DescriptionOf(const window::Window& window, const TensorView& x, const TensorView& y,
                                           int64_t groups, Order order = Order::kChannelsFirst) {
  cuda::ConvolutionDescription op;
  op.dims = window.rank;
  op.n = x.dim(0);
  op.c = x.dim(window::ChannelAxis(order, x.rank));
  op.k = y.dim(window::ChannelAxis(order, y.rank));
  op.groups = groups;
  op.channels_last = order == Order::kChannelsLast;
  for (int i = 0; i < window.rank; ++i) {
    const window::Axis& a = window[i];
    const size_t at = static_cast<size_t>(i);
    op.in[at] = a.in;
    op.out[at] = a.out;
    op.window[at] = a.kernel;
    op.stride[at] = a.stride;
    op.dilation[at] = a.dilation;
    op.pad_begin[at] = a.pad_begin;
    op.pad_end[at] = a.pad_end;
  }
  op.type = x.type();
  return op;
}

std::string RejectsTypes(const NodeView& node) {
  const FactView& x = node.input(0);
  if (!IsFloating(x.type())) return "only real types";
  for (int i = 1; i < node.input_count(); ++i)
    if (node.input(i).present() && node.input(i).type() != x.type()) return "only operands of the input's type";
  return "";
}

template <Order kOrder>
class Conv {
 public:
  explicit Conv(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }
  void Prepare(const LaunchArgs& args) const {
    const TensorViews in = args.inputs();
    if (const auto op = OperationOf(in, args.output(0)))
      library_.Prepare(args, *op, {&in[0], &in[1], &in[2], &in[3], &args.output(0)});
  }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return library_.WorkspaceBytes(OperationOf(inputs, outputs[0]));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &bias = args.input(2), &z = args.input(3),
                     &y = args.output(0);
    if (y.count() == 0) return;
    if (const auto op = OperationOf(args.inputs(), y); op && library_.Run(args, *op, {&x, &w, &bias, &z, &y})) {
      if (!LibraryActivation(params_.activation)) RunFinish(args, TensorView{}, params_.activation, y, kOrder);
      return;
    }
    RunDirect(args,
              {WindowOf(args.inputs(), y), x.dim(0), params_.groups, w.dim(window::ChannelAxis(kOrder, w.rank)),
               w.dim(0) / params_.groups, false, kOrder == Order::kChannelsLast, params_.activation},
              x, w, bias, z, y);
  }

 private:
  window::Window WindowOf(TensorViews in, const TensorView& y) const {
    return window::Resolve(params_, window::SpatialOf(kOrder, in[0].shape()), window::SpatialOf(kOrder, y.shape()),
                           window::SpatialOf(kOrder, in[1].shape()));
  }
  // The library's, where it may be asked.
  std::optional<cuda::ConvolutionDescription> OperationOf(TensorViews in, const TensorView& y) const {
    if (y.count() == 0 || in[0].count() == 0) return {};
    const window::Window window = WindowOf(in, y);
    if (window.rank > 3) return {};
    cuda::ConvolutionDescription op = DescriptionOf(window, in[0], y, params_.groups, kOrder);
    op.has_bias = in[2].present();
    op.has_residual = in[3].present();
    op.activation = LibraryActivation(params_.activation).value_or(cuda::Activation::kNone);
    return op;
  }

  ConvParams params_;
  mutable Library library_;
};

class ConvTranspose {
 public:
  explicit ConvTranspose(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }
  void Prepare(const LaunchArgs& args) const {
    const TensorViews in = args.inputs();
    if (const auto op = OperationOf(in, args.output(0))) library_.Prepare(args, *op, {&in[0], &in[1], &args.output(0)});
  }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return library_.WorkspaceBytes(OperationOf(inputs, outputs[0]));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &bias = args.input(2), &y = args.output(0);
    if (y.count() == 0) return;
    if (const auto op = OperationOf(args.inputs(), y); op && library_.Run(args, *op, {&x, &w, &y})) {
      if (bias.present()) RunFinish(args, bias, {}, y);
      return;
    }
    RunDirect(
        args,
        {WindowOf(args.inputs(), y), x.dim(0), params_.groups, x.dim(1) / params_.groups, w.dim(1), true, false, {}}, x,
        w, bias, TensorView{}, y);
  }

 private:
  window::Window WindowOf(TensorViews in, const TensorView& y) const {
    return ResolveTranspose(params_, in[0].shape().subspan(2), y.shape().subspan(2), in[1].shape().subspan(2));
  }
  // The library's, where it may be asked.
  std::optional<cuda::ConvolutionDescription> OperationOf(TensorViews in, const TensorView& y) const {
    if (y.count() == 0 || in[0].count() == 0) return {};
    const window::Window window = WindowOf(in, y);
    if (!LibraryTakes(window)) return {};
    cuda::ConvolutionDescription op = DescriptionOf(window, in[0], y, params_.groups);
    op.transposed = true;
    return op;
  }
  // Whether it is the transpose of a convolution: the library knows it as the gradient of that.
  static bool LibraryTakes(const window::Window& window) {
    for (int i = 0; i < window.rank; ++i) {
      const window::Axis& a = window[i];
      const int64_t reach = a.out + a.pad_begin + a.pad_end - a.dilation * (a.kernel - 1) - 1;
      if (a.pad_begin < 0 || a.pad_end < 0 || reach < 0 || reach / a.stride + 1 != a.in) return false;
    }
    return window.rank <= 3;
  }

  ConvTransposeParams params_;
  mutable Library library_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Conv<Order::kChannelsFirst>>("Conv"),
    MakeKernel<Conv<Order::kChannelsFirst>>("FusedConv", "com.microsoft"),
    MakeKernel<Conv<Order::kChannelsLast>>("ChannelsLastConv", "onda"),
    MakeKernel<ConvTranspose>("ConvTranspose"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::conv
