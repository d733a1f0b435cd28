// Products of real types through cuBLASLt: one call for a batch whose items lie at equal distances, else one for each
// group of them. Gemm's addend is the epilogue's bias where it is a row with weight 1, and its residual where it is a
// whole result with weight 1; otherwise it is spread into the result first, which the product is then added to.
#include <algorithm>

#include "kernels/device/activation.h"
#include "kernels/device/broadcast.h"
#include "kernels/device/element.h"
#include "kernels/device/library_plans.h"
#include "kernels/device/vector.h"
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

// y = activation(y); a thread has kWidth elements.
template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    Finish(InOut<T> y, int64_t vectors, ActivationKind kind, Compute<T> alpha, Compute<T> beta) {
  const int64_t i = GlobalThread();
  if (i >= vectors) return;
  Vector<T, kWidth> v = LoadVector<kWidth>(y.data + i * kWidth);
#pragma unroll
  for (int k = 0; k < kWidth; ++k) v.v[k] = Narrow<T>(Apply(kind, Widen(v.v[k]), alpha, beta));
  StoreVector(y.data + i * kWidth, v);
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

// Operands of a product; y += or = alpha * a b.
struct Operands {
  TensorView a, b, y;
  TensorView bias{};  // absent: none
  bool add = false;
  TensorView addend{};  // of y's shape; absent: what lies in y
  // Those of a launch that is yet to come, in memory that is not there.
  Operands Unplaced() const {
    Operands other = *this;
    TensorView* const views[] = {&other.a, &other.b, &other.y, &other.bias, &other.addend};
    for (size_t i = 0; i < 5; ++i) views[i]->data = AtNoPlace(i, 0).data;
    return other;
  }
};

// Calls run(op, operands) for each of the library's operations that make all batch items of p.
template <class Run>
void ForEachOperation(const Operands& o, const Product& p, float alpha, cuda::Activation activation, Run&& run) {
  const auto& [a, b, y, bias, add, addend] = o;
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
  op.has_bias = bias.present();
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
    if (bias.present()) operands[count++] = {bias.data, bias.bytes()};
    if (add) operands[count++] = from(addend.present() ? addend : y, item * p.m * p.n);
    operands[count++] = from(y, item * p.m * p.n);
    run(op, std::span<const Buffer>(operands, count));
  }
}

void RunProduct(const LaunchArgs& args, LibraryPlans& plans, const Operands& o, const Product& p, float alpha,
                cuda::Activation activation) {
  ForEachOperation(o, p, alpha, activation,
                   [&](const LibraryOp& op, std::span<const Buffer> operands) { plans.Execute(args, op, operands); });
}
void PrepareProduct(const LaunchArgs& args, LibraryPlans& plans, const Operands& o, const Product& p, float alpha,
                    cuda::Activation activation) {
  if (p.k == 0 || o.y.count() == 0) return;
  ForEachOperation(o.Unplaced(), p, alpha, activation,
                   [&](const LibraryOp& op, std::span<const Buffer> operands) { plans.Prepare(args, op, operands); });
}
size_t WorkspaceOfProduct(const LibraryPlans& plans, const Operands& o, const Product& p, float alpha,
                          cuda::Activation activation) {
  size_t most = 0;
  if (p.k == 0 || o.y.count() == 0) return most;
  ForEachOperation(o.Unplaced(), p, alpha, activation, [&](const LibraryOp& op, std::span<const Buffer>) {
    most = std::max(most, plans.WorkspaceBytes(op));
  });
  return most;
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
  void Prepare(const LaunchArgs& args) const {
    PrepareProduct(args, plans_, OperandsOf(args.inputs(), args.output(0)), ProductOf(args.inputs()), params_.alpha,
                   cuda::Activation::kNone);
  }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return WorkspaceOfProduct(plans_, OperandsOf(inputs, outputs[0]), ProductOf(inputs), params_.alpha,
                              cuda::Activation::kNone);
  }

  void Launch(const LaunchArgs& args) const {
    if (args.output(0).count() == 0) return;
    const Product p = ProductOf(args.inputs());
    if (p.k == 0) return Zero(args);
    RunProduct(args, plans_, OperandsOf(args.inputs(), args.output(0)), p, params_.alpha, cuda::Activation::kNone);
  }

 private:
  static Operands OperandsOf(TensorViews inputs, const TensorView& y) {
    return {.a = inputs[0], .b = inputs[1], .y = y};
  }
  Product ProductOf(TensorViews inputs) const { return MakeProduct(params_, inputs[0].shape(), inputs[1].shape()); }

  MatMulParams params_;
  mutable LibraryPlans plans_;
};

class Gemm {
 public:
  explicit Gemm(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    GemmActivation(node.attributes());  // throws what is none
    return RejectsTypes(node);
  }
  void Prepare(const LaunchArgs& args) const {
    const Product p = ProductOf(args.inputs());
    PrepareProduct(args, plans_, OperandsOf(args.inputs(), args.output(0), p), p, params_.alpha, activation());
  }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    const Product p = ProductOf(inputs);
    return WorkspaceOfProduct(plans_, OperandsOf(inputs, outputs[0], p), p, params_.alpha, activation());
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &c = args.input(2), &y = args.output(0);
    const int64_t count = y.count();
    if (count == 0) return;
    const Product p = ProductOf(args.inputs());
    const Operands operands = OperandsOf(args.inputs(), y, p);
    const bool add = operands.bias.present() || operands.add;
    if (p.k == 0 && !add) Zero(args);
    if (p.k == 0 ? add : operands.add && !operands.addend.present()) {
      const auto strides = BroadcastStrides<1>(y.shape(), {c.shape()});
      WithReal(y.type(), [&](auto tag) {
        cuda::Launch(args, {.grid = {BlocksFor(count, kThreads)}, .block = {kThreads}},
                     SpreadAddend<typename decltype(tag)::Type>, c, y, count, strides, params_.beta);
      });
    }
    if (p.k > 0) RunProduct(args, plans_, operands, p, params_.alpha, activation());
    if (params_.activation.kind == ActivationKind::kNone || (params_.activation.IsRelu() && p.k > 0)) return;
    WithReal(y.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      constexpr int kWidth = 16 / sizeof(T);
      const auto run = [&](auto kernel, int64_t n) {
        using C = Compute<T>;
        cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, kernel, y, n,
                     params_.activation.kind, static_cast<C>(params_.activation.alpha),
                     static_cast<C>(params_.activation.beta));
      };
      VectorsFit<T>(y.data, count) ? run(Finish<T, kWidth>, count / kWidth) : run(Finish<T, 1>, count);
    });
  }

 private:
  // The library's; all others are a pass over the result.
  cuda::Activation activation() const {
    return params_.activation.IsRelu() ? cuda::Activation::kRelu : cuda::Activation::kNone;
  }
  Product ProductOf(TensorViews inputs) const { return MakeProduct(params_, inputs[0].shape(), inputs[1].shape()); }
  // The addend is a bias, or has been spread into y.
  Operands OperandsOf(TensorViews inputs, const TensorView& y, const Product& p) const {
    const TensorView& c = inputs[2];
    Operands operands{.a = inputs[0], .b = inputs[1], .y = y};
    const bool add = c.present() && params_.beta != 0;
    if (add && params_.beta == 1 && c.count() == p.n && c.rank > 0 && c.dim(c.rank - 1) == p.n)
      operands.bias = c;
    else
      operands.add = add;
    if (operands.add && params_.beta == 1 && c.rank == 2 && c.count() == y.count()) operands.addend = c;
    return operands;
  }

  GemmParams params_;
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
