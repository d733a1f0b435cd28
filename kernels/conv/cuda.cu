// Convolutions of one to three spatial dimensions through cuDNN, with bias, residual and activation in the same plan.
#include <array>
#include <limits>
#include <optional>

#include "kernels/conv/conv.h"
#include "kernels/device/library_plans.h"

namespace onda::conv {
namespace {

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

class Conv {
 public:
  explicit Conv(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(0);
    if (!IsFloating(x.type())) return "only real types";
    for (int i = 1; i < node.input_count(); ++i)
      if (node.input(i).present() && node.input(i).type() != x.type()) return "only operands of the input's type";
    if (x.rank < 3 || x.rank > 5) return "only one to three spatial dimensions";
    return LibraryActivation(ConvParams(node.attributes()).activation) ? "" : "no such activation in the library";
  }

  size_t WorkspaceBytes(TensorViews, TensorViews) const { return cuda::kLibraryWorkspaceBytes; }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &bias = args.input(2), &z = args.input(3),
                     &y = args.output(0);
    if (y.count() == 0) return;
    const window::Window window =
        window::Resolve(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    cuda::ConvolutionDescription op;
    op.dims = window.rank;
    op.n = x.dim(0);
    op.c = x.dim(1);
    op.k = y.dim(1);
    op.groups = params_.groups;
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
    op.has_bias = bias.present();
    op.has_residual = z.present();
    op.activation = *LibraryActivation(params_.activation);
    cuda::Buffer operands[5];
    size_t count = 0;
    for (const TensorView* t : {&x, &w, &bias, &z, &y})
      if (t->present()) operands[count++] = {t->data, t->bytes()};
    plans_.Execute(args, op, {operands, count});
  }

 private:
  ConvParams params_;
  mutable cuda::LibraryPlans plans_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Conv>("Conv"), MakeKernel<Conv>("FusedConv", "com.microsoft")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::conv
