#include <cmath>
#include <utility>

#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::linalg {
namespace {

int64_t SizeOf(const TensorView& x) { return x.dim(x.rank - 1); }

// Swaps the row of the largest entry of column k, from row k on, to row k. Rows are `width` wide. Returns whether there
// is an entry other than 0; flips sign for a swap.
bool Pivot(double* m, int64_t n, int64_t width, int64_t k, double* sign) {
  int64_t best = k;
  for (int64_t r = k + 1; r < n; ++r)
    if (std::fabs(m[r * width + k]) > std::fabs(m[best * width + k])) best = r;
  if (best != k) {
    for (int64_t i = 0; i < width; ++i) std::swap(m[k * width + i], m[best * width + i]);
    *sign = -*sign;
  }
  return m[k * width + k] != 0;
}

// Gaussian elimination with row pivots, in double.
class Det {
 public:
  explicit Det(const NodeView&) {}
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(SizeOf(inputs[0]) * SizeOf(inputs[0])) * sizeof(double);
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = SizeOf(x), matrices = y.count();
    double* m = static_cast<double*>(args.workspace());
    StopPoll poll(args);
    for (int64_t i = 0; i < matrices; ++i) {
      for (int64_t k = 0; k < n * n; ++k) m[k] = LoadDouble(x.type(), x.data, i * n * n + k);
      double det = 1;
      for (int64_t k = 0; k < n; ++k) {
        if (!Pivot(m, n, n, k, &det)) {
          det = 0;
          break;
        }
        det *= m[k * n + k];
        for (int64_t r = k + 1; r < n; ++r) {
          poll.Work(n - k);
          const double f = m[r * n + k] / m[k * n + k];
          for (int64_t j = k + 1; j < n; ++j) m[r * n + j] -= f * m[k * n + j];
        }
      }
      StoreDouble(y.type(), y.data, i, det);
    }
  }
};

// Gauss-Jordan elimination of [m | 1].
class Inverse {
 public:
  explicit Inverse(const NodeView&) {}
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(SizeOf(inputs[0]) * SizeOf(inputs[0])) * 2 * sizeof(double);
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (x.count() == 0) return;
    const int64_t n = SizeOf(x), w = 2 * n, matrices = x.count(0, x.rank - 2);
    double* m = static_cast<double*>(args.workspace());
    StopPoll poll(args);
    for (int64_t i = 0; i < matrices; ++i) {
      for (int64_t r = 0; r < n; ++r)
        for (int64_t j = 0; j < n; ++j) {
          m[r * w + j] = LoadDouble(x.type(), x.data, (i * n + r) * n + j);
          m[r * w + n + j] = r == j;
        }
      double sign = 1;
      for (int64_t k = 0; k < n; ++k) {
        if (!Pivot(m, n, w, k, &sign)) throw Error(ErrorCode::kRuntime, "a matrix is singular");
        const double pivot = m[k * w + k];
        for (int64_t j = k; j < w; ++j) m[k * w + j] /= pivot;
        for (int64_t r = 0; r < n; ++r) {
          poll.Work(w - k);
          const double f = m[r * w + k];
          if (r == k || f == 0) continue;
          for (int64_t j = k; j < w; ++j) m[r * w + j] -= f * m[k * w + j];
        }
      }
      for (int64_t r = 0; r < n; ++r)
        for (int64_t j = 0; j < n; ++j) StoreDouble(y.type(), y.data, (i * n + r) * n + j, m[r * w + n + j]);
    }
  }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Det>("Det"),
    MakeKernel<Inverse>("Inverse", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::linalg
