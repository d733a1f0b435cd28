// MaxPool of 8-bit integers over one or two spatial dimensions: the rows of a window first, then its columns.
#include <algorithm>
#include <limits>

#include "kernels/pool/cpu.h"
#include "kernels/pool/pool.h"
#include "kernels/simd/launch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/cpu_bytes.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef ONDA_KERNELS_POOL_BYTES_
#define ONDA_KERNELS_POOL_BYTES_
namespace onda::pool {
// Bytes that vectors may read past a folded row.
inline constexpr int64_t kByteSlack = 128;

// The columns that the windows of a row reach, from the first one's padding on.
inline int64_t ReachOf(const window::Axis& wide) {
  return (wide.out - 1) * wide.stride + (wide.kernel - 1) * wide.dilation + 1;
}
}  // namespace onda::pool
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::pool::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// out[i] = max of rows[k * step + i] over k < count, from i on, in whole vectors; gives what comes behind them.
template <class D, class T = hn::TFromD<D>>
int64_t FoldRows(D d, const T* rows, int64_t count, int64_t step, int64_t n, int64_t i, T* out) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes) {
    auto a = hn::LoadU(d, rows + i);
    for (int64_t k = 1; k < count; ++k) a = hn::Max(a, hn::LoadU(d, rows + k * step + i));
    hn::StoreU(a, d, out + i);
  }
  return i;
}

// y[o] = max of row[o * stride + k * dilation] over k < kernel, likewise; strides are 1 or 2.
template <class D, class T = hn::TFromD<D>>
int64_t FoldColumns(D d, const T* row, const window::Axis& wide, int64_t o, T* y) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; o + lanes <= wide.out; o += lanes) {
    auto load = [&](int64_t k) HWY_ATTR {
      const T* from = row + o * wide.stride + k * wide.dilation;
      if (wide.stride == 1) return hn::LoadU(d, from);
      hn::Vec<D> even, odd;
      hn::LoadInterleaved2(d, from, even, odd);
      return even;
    };
    auto a = load(0);
    for (int64_t k = 1; k < wide.kernel; ++k) a = hn::Max(a, load(k));
    hn::StoreU(a, d, y + o);
  }
  return o;
}

// row: ReachOf(wide) + kByteSlack bytes.
template <class T>
void Plane(const window::Axis& tall, const window::Axis& wide, const T* x, T* row, T* y) {
  const hn::ScalableTag<T> full;
  const hn::CappedTag<T, 16> narrow;
  constexpr T kLeast = std::numeric_limits<T>::min();
  const int64_t reach = ReachOf(wide), begin = std::min(wide.pad_begin, reach), n = std::min(wide.in, reach - begin);
  std::fill_n(row, reach + kByteSlack, kLeast);
  for (int64_t o = 0; o < tall.out; ++o, y += wide.out) {
    const window::Axis::Range rows = tall.Inside(o);
    const int64_t step = tall.dilation * wide.in;
    const T* from = x + (tall.start(o) + rows.first * tall.dilation) * wide.in;
    T* const to = row + begin;
    if (rows.size() <= 0) {
      std::fill_n(to, n, kLeast);
    } else {
      int64_t i = FoldRows(full, from, rows.size(), step, n, 0, to);
      for (i = FoldRows(narrow, from, rows.size(), step, n, i, to); i < n; ++i) {
        to[i] = from[i];
        for (int64_t k = 1; k < rows.size(); ++k) to[i] = std::max(to[i], from[k * step + i]);
      }
    }
    int64_t out = 0;
    if (wide.stride <= 2) {
      out = FoldColumns(full, row, wide, 0, y);
      out = FoldColumns(narrow, row, wide, out, y);
    }
    for (; out < wide.out; ++out) {
      const T* window = row + out * wide.stride;
      y[out] = window[0];
      for (int64_t k = 1; k < wide.kernel; ++k) y[out] = std::max(y[out], window[k * wide.dilation]);
    }
  }
}

void SignedPlane(const window::Axis& tall, const window::Axis& wide, const int8_t* x, int8_t* row, int8_t* y) {
  Plane(tall, wide, x, row, y);
}
void UnsignedPlane(const window::Axis& tall, const window::Axis& wide, const uint8_t* x, uint8_t* row, uint8_t* y) {
  Plane(tall, wide, x, row, y);
}

}  // namespace onda::pool::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::pool {
namespace {

HWY_EXPORT(SignedPlane);
HWY_EXPORT(UnsignedPlane);

class MaxOfBytes {
 public:
  explicit MaxOfBytes(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (type != DType::kInt8 && type != DType::kUint8) return "only 8-bit integers";
    if (node.output(1).present()) return "only without Indices";
    return Params(node.attributes()).window.kernel.size() <= 2 ? "" : "more than two spatial dimensions";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    if (outputs[0].count() == 0) return 0;
    const window::Window w = params_.WindowOf(inputs[0], outputs[0], false);
    return static_cast<size_t>(MaxThreads()) * RowBytes(w[w.rank - 1]);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (y.count() == 0) return;
    const window::Window w = params_.WindowOf(x, y, false);
    const window::Axis &wide = w[w.rank - 1], tall = w.rank == 2 ? w[0] : window::Axis{};
    const int64_t in = tall.in * wide.in, out = tall.out * wide.out, planes = y.count(0, 2);
    const Parallel parallel = ParallelOf(args);
    const int workers = planes * in < 65536 ? 1 : parallel.threads;
    const int64_t chunk = std::max<int64_t>(1, planes / (workers * int64_t{8}));
    const auto on_signed = HWY_DYNAMIC_DISPATCH(SignedPlane);
    const auto on_unsigned = HWY_DYNAMIC_DISPATCH(UnsignedPlane);
    const size_t row_bytes = RowBytes(wide);
    parallel.ForTasks(workers, (planes + chunk - 1) / chunk, [&](int worker, int64_t task) {
      char* const row = static_cast<char*>(args.workspace()) + static_cast<size_t>(worker) * row_bytes;
      for (int64_t c = task * chunk; c < std::min(planes, (task + 1) * chunk); ++c) {
        if (x.type() == DType::kInt8) {
          on_signed(tall, wide, x.as<int8_t>() + c * in, reinterpret_cast<int8_t*>(row), y.as<int8_t>() + c * out);
        } else {
          on_unsigned(tall, wide, x.as<uint8_t>() + c * in, reinterpret_cast<uint8_t*>(row), y.as<uint8_t>() + c * out);
        }
      }
    });
  }

 private:
  static size_t RowBytes(const window::Axis& wide) {
    return (static_cast<size_t>(ReachOf(wide) + kByteSlack) + 63) / 64 * 64;
  }
  Params params_;
};

}  // namespace

const OndaKernelDef kMaxPoolBytes = MakeKernel<MaxOfBytes>("MaxPool");

}  // namespace onda::pool
#endif
