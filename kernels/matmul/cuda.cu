// Products of real types through cuBLASLt: one call for a batch whose items lie at equal distances, else one for each
// group of them. Gemm's addend is the epilogue's bias where it is a row with weight 1; otherwise it is spread into the
// result first, which the product is then added to.
#include "kernels/device/broadcast.h"
#include "kernels/device/element.h"
#include "kernels/device/library_plans.h"
#include "kernels/matmul/matmul.h"
#include "providers/cuda/device.h"

namespace onda::matmul {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// y (m, n) = beta * c, which broadcasts to it.
template <class T>
__global__ void __launch_bounds__(kThreads)
    SpreadAddend(In<T> c, Out<T> y, int64_t count, cuda::Strides<1> strides, float beta) {
  const int64_t i = GlobalThread();
  if (i >= count) return;
  int64_t at[1] = {0};
  strides.Offsets(static_cast<uint32_t>(i), at);
  y[i] = Narrow<T>(Widen(c[at[0]]) * static_cast<Compute<T>>(beta));
}

// A (rows, columns) operand with these strides, as the library takes it.
struct Stored {
  bool transposed;
  int64_t row;
  Stored(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride)
      : transposed(column_stride != 1 && columns != 1) {
    row = transposed ? column_stride : row_stride;
    if (transposed ? columns == 1 : rows == 1) row = transposed ? rows : columns;
  }
};

// y += or = alpha * a b, for all batch items of p.
void RunProduct(const LaunchArgs& args, LibraryPlans& plans, const Product& p, float alpha, const TensorView* bias,
                bool add, cuda::Activation activation) {
  const TensorView &a = args.input(0), &b = args.input(1), &y = args.output(0);
  const Stored left(p.m, p.k, p.a_row, p.a_col), right(p.k, p.n, p.b_row, p.b_col);
  GemmDescription op{.m = p.m, .n = p.n, .k = p.k};
  op.batch = p.rank > 0 ? p.extent[p.rank - 1] : 1;
  op.a_row = left.row;
  op.b_row = right.row;
  op.y_row = p.n;
  if (p.rank > 0) {
    op.a_batch = p.a_stride[p.rank - 1];
    op.b_batch = p.b_stride[p.rank - 1];
  }
  op.y_batch = p.m * p.n;
  op.type = op.out = y.type();
  op.alpha = alpha;
  op.transpose_a = left.transposed;
  op.transpose_b = right.transposed;
  op.has_bias = bias != nullptr;
  op.has_residual = add;
  op.activation = activation;
  const int64_t bytes = BitsOf(y.type()) / 8;
  auto from = [&](const TensorView& t, int64_t offset) {
    return Buffer{t.as<char>() + offset * bytes, t.bytes() - static_cast<size_t>(offset * bytes)};
  };
  for (int64_t item = 0; item < p.batch(); item += op.batch) {
    const Product::Offsets at = p.At(item);
    Buffer operands[5] = {from(a, at.a), from(b, at.b)};
    size_t count = 2;
    if (bias) operands[count++] = {bias->data, bias->bytes()};
    if (add) operands[count++] = from(y, item * p.m * p.n);
    operands[count++] = from(y, item * p.m * p.n);
    plans.Execute(args, op, {operands, count});
  }
}

std::string RejectsTypes(const NodeView& node) {
  const DType type = node.input(0).type();
  return IsFloating(type) && node.input(1).type() == type ? "" : "not for " + std::string(NameOf(type));
}

void Zero(const LaunchArgs& args) {
  const TensorView& y = args.output(0);
  StreamOf(args).device().Fill(y.data, 0, y.bytes(), StreamOf(args));
}

class MatMul {
 public:
  explicit MatMul(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }
  size_t WorkspaceBytes(TensorViews, TensorViews) const { return kLibraryWorkspaceBytes; }

  void Launch(const LaunchArgs& args) const {
    if (args.output(0).count() == 0) return;
    const Product p = MakeProduct(params_, args.input(0).shape(), args.input(1).shape());
    if (p.k == 0) return Zero(args);
    RunProduct(args, plans_, p, params_.alpha, nullptr, false, cuda::Activation::kNone);
  }

 private:
  MatMulParams params_;
  mutable LibraryPlans plans_;
};

class Gemm {
 public:
  explicit Gemm(const NodeView& node)
      : params_(node.attributes()), relu_(node.attributes().String("activation", "") == "Relu") {}

  static std::string Rejects(const NodeView& node) {
    const std::string activation = node.attributes().String("activation", "");
    if (!activation.empty() && activation != "Relu") return "only Relu as activation";
    return RejectsTypes(node);
  }
  size_t WorkspaceBytes(TensorViews, TensorViews) const { return kLibraryWorkspaceBytes; }

  void Launch(const LaunchArgs& args) const {
    const TensorView &c = args.input(2), &y = args.output(0);
    const int64_t count = y.count();
    if (count == 0) return;
    const Product p = MakeProduct(params_, args.input(0).shape(), args.input(1).shape());
    const bool add = c.present() && params_.beta != 0;
    const bool bias = add && params_.beta == 1 && c.count() == p.n && c.rank > 0 && c.dim(c.rank - 1) == p.n;
    if (p.k == 0 && !add) return Zero(args);
    if (add && (!bias || p.k == 0)) {
      const auto strides = BroadcastStrides<1>(y.shape(), {c.shape()});
      WithReal(y.type(), [&](auto tag) {
        cuda::Launch(args, {.grid = {BlocksFor(count, kThreads)}, .block = {kThreads}},
                     SpreadAddend<typename decltype(tag)::Type>, c, y, count, strides, params_.beta);
      });
    }
    if (p.k == 0) {
      if (relu_) throw Error(ErrorCode::kNotImplemented, "an activation of a product without inner dimension");
      return;
    }
    RunProduct(args, plans_, p, params_.alpha, bias ? &c : nullptr, add && !bias,
               relu_ ? cuda::Activation::kRelu : cuda::Activation::kNone);
  }

 private:
  GemmParams params_;
  bool relu_;
  mutable LibraryPlans plans_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<MatMul>("MatMul"),
    MakeKernel<MatMul>("FusedMatMul", "com.microsoft"),
    MakeKernel<Gemm>("Gemm"),
    MakeKernel<Gemm>("FusedGemm", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::matmul
