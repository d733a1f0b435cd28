// Convolutions of one to three spatial dimensions, and their transposes, through cuDNN: of convolutions, bias, residual
// and activation are in the same plan. What it does not take goes to our own kernel (cuda_direct.cu).
#include <initializer_list>
#include <limits>
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
      if (a.alpha == 0 && a.beta == std::numeric_limits<float>::infinity()) return cuda::Activation::kRelu;
      return {};
    case ActivationKind::kSigmoid:
      return cuda::Activation::kSigmoid;
    case ActivationKind::kSilu:
      return cuda::Activation::kSwish;
    default:
      return {};
  }
}

// The library's plans.
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
  size_t WorkspaceBytes(TensorViews, TensorViews) const { return cuda::kLibraryWorkspaceBytes; }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &bias = args.input(2), &z = args.input(3),
                     &y = args.output(0);
    if (y.count() == 0) return;
    const window::Window window =
        window::Resolve(params_, window::SpatialOf(kOrder, x.shape()), window::SpatialOf(kOrder, y.shape()),
                        window::SpatialOf(kOrder, w.shape()));
    if (window.rank <= 3 && x.count() > 0) {
      const std::optional<cuda::Activation> fused = LibraryActivation(params_.activation);
      cuda::ConvolutionDescription op = DescriptionOf(window, x, y, params_.groups, kOrder);
      op.has_bias = bias.present();
      op.has_residual = z.present();
      op.activation = fused.value_or(cuda::Activation::kNone);
      if (library_.Run(args, op, {&x, &w, &bias, &z, &y})) {
        if (!fused) RunFinish(args, TensorView{}, params_.activation, y, kOrder);
        return;
      }
    }
    RunDirect(args,
              {window, x.dim(0), params_.groups, w.dim(window::ChannelAxis(kOrder, w.rank)), w.dim(0) / params_.groups,
               false, kOrder == Order::kChannelsLast, params_.activation},
              x, w, bias, z, y);
  }

 private:
  ConvParams params_;
  mutable Library library_;
};

class ConvTranspose {
 public:
  explicit ConvTranspose(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }
  size_t WorkspaceBytes(TensorViews, TensorViews) const { return cuda::kLibraryWorkspaceBytes; }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &bias = args.input(2), &y = args.output(0);
    if (y.count() == 0) return;
    const window::Window window =
        ResolveTranspose(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    cuda::ConvolutionDescription op;
    if (LibraryTakes(window) && x.count() > 0) {
      op = DescriptionOf(window, x, y, params_.groups);
      op.transposed = true;
      if (library_.Run(args, op, {&x, &w, &y})) {
        if (bias.present()) RunFinish(args, bias, {}, y);
        return;
      }
    }
    RunDirect(args, {window, x.dim(0), params_.groups, x.dim(1) / params_.groups, w.dim(1), true, false, {}}, x, w,
              bias, TensorView{}, y);
  }

 private:
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
