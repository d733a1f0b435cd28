// Det and Inverse by elimination with row pivots in double: a block per matrix, which lies in the workspace.
#include "kernels/device/block.h"
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "providers/cuda/device.h"

namespace onda::linalg {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// The largest magnitude and its row; of equal ones the first. NaN is passed over.
struct Entry {
  double magnitude;
  int64_t row;
};
struct Larger {
  __device__ Entry operator()(Entry a, Entry b) const {
    return b.magnitude > a.magnitude || (b.magnitude == a.magnitude && b.row < a.row) ? b : a;
  }
};

// m (n, width) has its largest entry of column k, from row k on, swapped to row k. The sign of the swap, or 0 where
// there is no entry but 0. All threads call it, and see the result.
__device__ int Pivot(double* m, int64_t n, int64_t width, int64_t k) {
  Entry best{fabs(m[k * width + k]), k};
  for (int64_t r = k + 1 + threadIdx.x; r < n; r += kThreads) best = Larger()(best, {fabs(m[r * width + k]), r});
  // In two steps, as whole entries are not exchanged between lanes.
  const double largest = BlockReduce(best.magnitude, Maximum(), -1.0);
  const int64_t row = BlockReduce(best.magnitude == largest ? best.row : n, Minimum(), n);
  if (row == n) return 1;  // NaN: goes on as it is
  if (row != k) {
    for (int64_t i = threadIdx.x; i < width; i += kThreads) {
      const double kept = m[k * width + i];
      m[k * width + i] = m[row * width + i];
      m[row * width + i] = kept;
    }
  }
  __syncthreads();
  return m[k * width + k] == 0 ? 0 : row == k ? 1 : -1;
}

__global__ void __launch_bounds__(kThreads)
    Determinants(In<uint8_t> x, InOut<double> work, Out<uint8_t> y, int64_t n, DType type) {
  double* const m = work.data + int64_t{blockIdx.x} * n * n;
  for (int64_t i = threadIdx.x; i < n * n; i += kThreads)
    m[i] = LoadNumber<double>(type, x.data, int64_t{blockIdx.x} * n * n + i);
  __syncthreads();
  double det = 1;
  for (int64_t k = 0; k < n; ++k) {
    const int sign = Pivot(m, n, n, k);
    const double pivot = m[k * n + k];
    det *= sign * pivot;
    if (sign == 0) break;  // of all threads
    const int64_t left = n - k - 1;
    for (int64_t i = threadIdx.x; i < left * left; i += kThreads) {
      const int64_t r = k + 1 + i / left, j = k + 1 + i % left;
      m[r * n + j] -= m[r * n + k] / pivot * m[k * n + j];
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) StoreReal(type, y.data, blockIdx.x, det);
}

// work (matrices, n, 2n): [m | 1].
__global__ void __launch_bounds__(kThreads) Inverses(In<uint8_t> x, InOut<double> work, Out<uint8_t> y,
                                                     InOut<int32_t> status, int64_t n, DType type, int32_t node) {
  const int64_t w = 2 * n, at = int64_t{blockIdx.x} * n * n;
  double* const m = work.data + 2 * at;
  for (int64_t i = threadIdx.x; i < n * w; i += kThreads) {
    const int64_t r = i / w, j = i % w;
    m[i] = j < n ? LoadNumber<double>(type, x.data, at + r * n + j) : static_cast<double>(j - n == r);
  }
  __syncthreads();
  for (int64_t k = 0; k < n; ++k) {
    const int sign = Pivot(m, n, w, k);
    if (sign == 0 && threadIdx.x == 0) ReportError(status.data, node, kOndaBadContent);
    const double pivot = sign == 0 ? 1 : m[k * w + k];
    __syncthreads();
    for (int64_t j = k + threadIdx.x; j < w; j += kThreads) m[k * w + j] /= pivot;
    __syncthreads();
    // Column k itself is read by all, and not needed any more.
    for (int64_t i = threadIdx.x; i < n * (w - k - 1); i += kThreads) {
      const int64_t r = i / (w - k - 1), j = k + 1 + i % (w - k - 1);
      if (r != k) m[r * w + j] -= m[r * w + k] * m[k * w + j];
    }
    __syncthreads();
  }
  for (int64_t i = threadIdx.x; i < n * n; i += kThreads) StoreReal(type, y.data, at + i, m[i / n * w + n + i % n]);
}

template <bool kInverse>
class Cuda {
 public:
  explicit Cuda(const NodeView&) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return IsFloating(type) && node.output(0).type() == type ? "" : "not for " + std::string(NameOf(type));
  }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(inputs[0].count()) * (kInverse ? 2 : 1) * sizeof(double);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = x.dim(x.rank - 1), matrices = x.count(0, x.rank - 2);
    const cuda::Buffer work = WorkspaceOf(args, 0, WorkspaceBytes(args.inputs(), args.inputs()));
    const LaunchConfig config{.grid = {BlocksFor(matrices, 1)}, .block = {kThreads}};
    if constexpr (!kInverse) {
      cuda::Launch(args, config, Determinants, x, work, y, n, x.type());
    } else if (n > 0) {
      cuda::Launch(args, config, Inverses, x, work, y, StatusOf(args), n, x.type(), args.node());
    }
  }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("Det"),
    MakeKernel<Cuda<true>>("Inverse", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::linalg
