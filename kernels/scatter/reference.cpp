#include <cmath>
#include <complex>

#include "kernels/scatter/scatter.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/indices.h"
#include "kernels/simd/stop_poll.h"
#include "kernels/simd/strided_copy.h"

namespace onda::scatter {
namespace {

template <class T>
T Combine(Reduction r, T a, T b) {
  switch (r) {
    case Reduction::kAdd:
      return a + b;
    case Reduction::kMul:
      return a * b;
    case Reduction::kMax:
      return a < b ? b : a;
    case Reduction::kMin:
      return b < a ? b : a;
    default:
      return b;
  }
}

// NaN wins, as in numpy.
double CombineReal(Reduction r, double a, double b) {
  if ((r == Reduction::kMax || r == Reduction::kMin) && (std::isnan(a) || std::isnan(b))) return a + b;
  return Combine(r, a, b);
}

template <class T>
void CombineComplex(Reduction r, T* y, const T* u) {
  const std::complex<T> value = r == Reduction::kAdd ? std::complex<T>(y[0], y[1]) + std::complex<T>(u[0], u[1])
                                                     : std::complex<T>(y[0], y[1]) * std::complex<T>(u[0], u[1]);
  y[0] = value.real();
  y[1] = value.imag();
}

// y[j, j + n) takes in u[i, i + n).
void Update(Reduction r, DType type, const void* u, int64_t i, void* y, int64_t j, int64_t n) {
  if (r == Reduction::kNone) return n == 1 ? CopyElement(type, u, i, y, j) : CopyRun(type, u, i, y, j, n);
  if (type == DType::kFloat) {
    const float* from = static_cast<const float*>(u) + i;
    float* to = static_cast<float*>(y) + j;
    for (int64_t k = 0; k < n; ++k) to[k] = static_cast<float>(CombineReal(r, to[k], from[k]));
    return;
  }
  for (int64_t k = 0; k < n; ++k) {
    if (type == DType::kComplex64) {
      CombineComplex(r, static_cast<float*>(y) + 2 * (j + k), static_cast<const float*>(u) + 2 * (i + k));
    } else if (type == DType::kComplex128) {
      CombineComplex(r, static_cast<double*>(y) + 2 * (j + k), static_cast<const double*>(u) + 2 * (i + k));
    } else if (type == DType::kUint64) {
      uint64_t& to = static_cast<uint64_t*>(y)[j + k];
      to = Combine(r, to, static_cast<const uint64_t*>(u)[i + k]);
    } else if (type == DType::kInt64) {  // sums and products wrap around
      int64_t& to = static_cast<int64_t*>(y)[j + k];
      const int64_t from = static_cast<const int64_t*>(u)[i + k];
      to = r == Reduction::kAdd || r == Reduction::kMul
               ? static_cast<int64_t>(Combine(r, static_cast<uint64_t>(to), static_cast<uint64_t>(from)))
               : Combine(r, to, from);
    } else if (IsInteger(type) || type == DType::kBool) {
      StoreInt64(type, y, j + k, Combine(r, LoadInt64(type, y, j + k), LoadInt64(type, u, i + k)));
    } else {
      StoreDouble(type, y, j + k, CombineReal(r, LoadDouble(type, y, j + k), LoadDouble(type, u, i + k)));
    }
  }
}

class ScatterElements {
 public:
  explicit ScatterElements(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &updates = args.input(2), &y = args.output(0);
    CopyTensor(args, x, y);
    const int64_t count = indices.count();
    if (count == 0) return;
    const int axis = static_cast<int>(params_.axis < 0 ? params_.axis + x.rank : params_.axis), last = x.rank - 1;
    const Strides strides(x.shape());
    const int64_t width = indices.dim(last), step = axis == last ? 0 : 1;
    StopPoll poll(args);
    for (int64_t row = 0; row < count / width; ++row) {
      int64_t rest = row, base = 0;
      for (int k = last; k-- > 0; rest /= indices.dim(k))
        if (k != axis) base += rest % indices.dim(k) * strides.at[k];
      for (int64_t i = 0; i < width; ++i) {
        poll.Work(4);
        const int64_t at = row * width + i, to = CheckedIndex(LoadIndex(indices, at), x.dim(axis)) * strides.at[axis];
        Update(params_.reduction, y.type(), updates.data, at, y.data, base + i * step + to, 1);
      }
    }
  }

 private:
  Params params_;
};

class ScatterND {
 public:
  explicit ScatterND(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &updates = args.input(2), &y = args.output(0);
    CopyTensor(args, x, y);
    const int depth = static_cast<int>(indices.dim(indices.rank - 1));
    const Strides strides(x.shape());
    const int64_t tuples = indices.count(0, indices.rank - 1), block = x.count(depth, x.rank);
    StopPoll poll(args);
    for (int64_t i = 0; i < tuples; ++i) {
      poll.Work(4 + block);
      const int64_t to = TupleOffset(indices, i * depth, depth, x.dims, strides.at);
      Update(params_.reduction, y.type(), updates.data, i * block, y.data, to, block);
    }
  }

 private:
  Params params_;
};

class TensorScatter {
 public:
  explicit TensorScatter(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &update = args.input(1), &starts = args.input(2), &y = args.output(0);
    CopyTensor(args, x, y);
    const int axis = static_cast<int>(params_.axis < 0 ? params_.axis + x.rank : params_.axis);
    const int64_t size = x.dim(axis), length = update.dim(axis), inner = x.count(axis + 1, x.rank);
    const int64_t prefixes = x.count(0, axis), per_batch = x.count(1, axis);
    StopPoll poll(args);
    for (int64_t p = 0; p < prefixes; ++p) {
      const int64_t start = starts.present() ? starts.as<int64_t>()[p / per_batch] : 0;
      if (start < 0 || (!params_.circular && start > size - length))
        throw Error(ErrorCode::kRuntime, "write index " + std::to_string(start) + " with " + std::to_string(length) +
                                             " positions does not fit a cache of " + std::to_string(size));
      for (int64_t s = 0; s < length; ++s) {
        const int64_t to = params_.circular ? (start % size + s) % size : start + s;
        poll.Work(4 + inner / 8);
        CopyRun(y.type(), update.data, (p * length + s) * inner, y.data, (p * size + to) * inner, inner);
      }
    }
  }

 private:
  TensorScatterParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<ScatterElements>("ScatterElements"),
    MakeKernel<ScatterND>("ScatterND"),
    MakeKernel<TensorScatter>("TensorScatter"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

// Work is one pass over the updates, whose order matters where indices repeat: the references are what runs.
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::scatter
