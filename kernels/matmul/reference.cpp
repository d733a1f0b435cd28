#include <cmath>

#include "kernels/matmul/matmul.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::matmul {
namespace {

// Sum over k of A(i, k) B(k, j) for one batch item: in double, or for integers modulo 2^64.
struct Dot {
  static constexpr int64_t kPolled = 256;
  const Product& p;
  const TensorView &a, &b;
  Product::Offsets at;
  StopPoll& poll;

  double Real(int64_t i, int64_t j) const {
    double sum = 0;
    for (int64_t k = 0; k < p.k; ++k) {
      if (k % kPolled == 0) poll.Work(kPolled);
      sum += LoadDouble(a.type(), a.data, at.a + i * p.a_row + k * p.a_col) *
             LoadDouble(b.type(), b.data, at.b + k * p.b_row + j * p.b_col);
    }
    return sum;
  }
  int64_t Integer(int64_t i, int64_t j) const {
    uint64_t sum = 0;
    for (int64_t k = 0; k < p.k; ++k) {
      if (k % kPolled == 0) poll.Work(kPolled);
      sum += static_cast<uint64_t>(LoadInt64(a.type(), a.data, at.a + i * p.a_row + k * p.a_col)) *
             static_cast<uint64_t>(LoadInt64(b.type(), b.data, at.b + k * p.b_row + j * p.b_col));
    }
    return static_cast<int64_t>(sum);
  }
};

class MatMulReference {
 public:
  explicit MatMulReference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &b = args.input(1), &y = args.output(0);
    const Product p = MakeProduct(params_, a.shape(), b.shape());
    args.ParallelFor(p.batch() * p.m, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t row = begin; row < end; ++row) {
        const Dot dot{p, a, b, p.At(row / p.m), poll};
        for (int64_t j = 0; j < p.n; ++j) {
          if (IsInteger(y.type()) && params_.alpha == 1) {
            StoreInt64(y.type(), y.data, row * p.n + j, dot.Integer(row % p.m, j));
          } else {
            StoreDouble(y.type(), y.data, row * p.n + j, params_.alpha * dot.Real(row % p.m, j));
          }
        }
      }
    });
  }

 private:
  MatMulParams params_;
};

class GemmReference {
 public:
  explicit GemmReference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &b = args.input(1), &c = args.input(2), &y = args.output(0);
    const Product p = MakeProduct(params_, a.shape(), b.shape());
    const bool add = c.present() && params_.beta != 0;
    // C is aligned with the result's last dimensions.
    const bool c_rows = add && c.rank == 2 && c.dim(0) != 1, c_cols = add && c.rank > 0 && c.dim(c.rank - 1) != 1;
    const bool exact = IsInteger(y.type()) && params_.alpha == 1 && params_.beta == 1;
    args.ParallelFor(p.m, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      const Dot dot{p, a, b, {}, poll};
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < p.n; ++j) {
          const int64_t at = (c_rows ? i * (c_cols ? p.n : 1) : 0) + (c_cols ? j : 0);
          if (exact) {
            const uint64_t sum = static_cast<uint64_t>(dot.Integer(i, j)) +
                                 static_cast<uint64_t>(add ? LoadInt64(c.type(), c.data, at) : 0);
            StoreInt64(y.type(), y.data, i * p.n + j, static_cast<int64_t>(sum));
          } else {
            const double sum =
                params_.alpha * dot.Real(i, j) + (add ? params_.beta * LoadDouble(c.type(), c.data, at) : 0.0);
            StoreDouble(y.type(), y.data, i * p.n + j, Apply(params_.activation, sum));
          }
        }
      }
    });
  }

 private:
  GemmParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<MatMulReference>("MatMul"),
    MakeKernel<MatMulReference>("FusedMatMul", "com.microsoft"),
    MakeKernel<GemmReference>("Gemm"),
    MakeKernel<GemmReference>("FusedGemm", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::matmul
