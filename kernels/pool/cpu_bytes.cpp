// MaxPool of 8-bit integers over one or two spatial dimensions: the rows of a window first, then its columns.
#include <algorithm>
#include <limits>

#include "kernels/pool/cpu.h"
#include "kernels/pool/pool.h"
#include "kernels/simd/launch.h"

namespace onda::pool {
namespace {

template <class T>
void Plane(const window::Axis& tall, const window::Axis& wide, const T* x, T* row, T* y) {
  constexpr T kLeast = std::numeric_limits<T>::min();
  for (int64_t o = 0; o < tall.out; ++o, y += wide.out) {
    const window::Axis::Range rows = tall.Inside(o);
    std::fill_n(row, wide.in, kLeast);
    for (int64_t k = rows.first; k < rows.last; ++k) {
      const T* from = x + (tall.start(o) + k * tall.dilation) * wide.in;
      for (int64_t i = 0; i < wide.in; ++i) row[i] = std::max(row[i], from[i]);
    }
    std::fill_n(y, wide.out, kLeast);
    for (int64_t k = 0; k < wide.kernel; ++k) {
      // Outputs whose tap k lies inside the row.
      const int64_t shift = k * wide.dilation - wide.pad_begin;
      const int64_t first = shift >= 0 ? 0 : (-shift + wide.stride - 1) / wide.stride;
      const int64_t last = shift >= wide.in ? 0 : std::min(wide.out, (wide.in - 1 - shift) / wide.stride + 1);
      const T* from = row + shift;
      if (wide.stride == 1) {
        for (int64_t i = first; i < last; ++i) y[i] = std::max(y[i], from[i]);
      } else {
        for (int64_t i = first; i < last; ++i) y[i] = std::max(y[i], from[i * wide.stride]);
      }
    }
  }
}

class MaxOfBytes {
 public:
  explicit MaxOfBytes(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (type != DType::kInt8 && type != DType::kUint8) return "only 8-bit integers";
    if (node.output(1).present()) return "only without Indices";
    return Params(node.attributes()).window.kernel.size() <= 2 ? "" : "more than two spatial dimensions";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(MaxThreads()) * RowBytes(inputs[0]);
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
    parallel.ForTasks(workers, (planes + chunk - 1) / chunk, [&](int worker, int64_t task) {
      char* const row = static_cast<char*>(args.workspace()) + static_cast<size_t>(worker) * RowBytes(x);
      for (int64_t c = task * chunk; c < std::min(planes, (task + 1) * chunk); ++c) {
        if (x.type() == DType::kInt8) {
          Plane(tall, wide, x.as<int8_t>() + c * in, reinterpret_cast<int8_t*>(row), y.as<int8_t>() + c * out);
        } else {
          Plane(tall, wide, x.as<uint8_t>() + c * in, reinterpret_cast<uint8_t*>(row), y.as<uint8_t>() + c * out);
        }
      }
    });
  }

 private:
  static size_t RowBytes(const TensorView& x) {
    return (static_cast<size_t>(x.rank > 0 ? x.dim(x.rank - 1) : 0) + 63) / 64 * 64;
  }
  Params params_;
};

}  // namespace

const OndaKernelDef kMaxPoolBytes = MakeKernel<MaxOfBytes>("MaxPool");

}  // namespace onda::pool
