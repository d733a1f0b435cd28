#include <algorithm>

#include "kernels/select/select.h"
#include "kernels/select/unique.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/stop_poll.h"

namespace onda::select {
namespace {

class OneHot {
 public:
  explicit OneHot(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &indices = args.input(0), &values = args.input(2), &y = args.output(0);
    const int axis = static_cast<int>(params_.axis < 0 ? params_.axis + y.rank : params_.axis);
    const int64_t depth = y.dim(axis), inner = indices.count(axis, indices.rank), count = indices.count();
    StopPoll poll(args);
    for (int64_t i = 0, n = y.count(), run = 0; i < n; i += run) {
      run = std::min<int64_t>(n - i, 1 << 16);
      FillRun(y.type(), values.data, 0, y.data, i, run);
      poll.Work(run / 4);
    }
    for (int64_t at = 0; at < count; ++at) {
      poll.Work();
      int64_t index;
      if (IsInteger(indices.type())) {
        index = LoadInt64(indices.type(), indices.data, at);
        if (indices.type() == DType::kUint64 && index < 0) continue;
      } else {
        const double real = LoadDouble(indices.type(), indices.data, at);
        if (!(real > -0x1p62 && real < 0x1p62)) continue;
        index = static_cast<int64_t>(real);
      }
      if (index < 0 && params_.wrap_negative) index += depth;
      if (index < 0 || index >= depth) continue;
      CopyElement(y.type(), values.data, 1, y.data, (at / inner * depth + index) * inner + at % inner);
    }
  }

 private:
  OneHotParams params_;
};

class Compress {
 public:
  explicit Compress(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &condition = args.input(1);
    const auto [outer, length, inner, axis] = params_.ExtentsOf(x);
    const int64_t looked_at = std::min(length, condition.count());
    const uint8_t* keep = condition.as<uint8_t>();
    int64_t kept = 0;
    for (int64_t i = 0; i < looked_at; ++i) kept += keep[i] != 0;
    TensorView y = args.output(0);
    if (y.data == nullptr) {
      std::vector<int64_t> dims{kept};
      if (params_.axis) {
        dims.assign(x.dims, x.dims + x.rank);
        dims[axis] = kept;
      }
      y = args.AllocateOutput(0, dims);
    }
    int64_t to = 0;
    StopPoll poll(args);
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < looked_at; ++i) {
        poll.Work(keep[i] ? 2 + inner / 8 : 1);
        if (keep[i]) CopyRun(x.type(), x.data, (o * length + i) * inner, y.data, inner * to++, inner);
      }
  }

 private:
  AxisParams params_;
};

class NonZero {
 public:
  explicit NonZero(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t count = x.count();
    int64_t found = 0;
    StopPoll poll(args);
    for (int64_t i = 0; i < count; ++i) {
      poll.Work();
      found += IsNonZero(x, i);
    }
    const int64_t dims[2] = {x.rank, found};
    const TensorView y = args.output(0).data ? args.output(0) : args.AllocateOutput(0, dims);
    if (x.rank == 0 || found == 0) return;
    // By rows of the last dimension, whose leading indices are the same.
    int64_t at = 0;
    const int64_t width = x.dim(x.rank - 1);
    for (int64_t row = 0; row < count / width; ++row) {
      const int64_t first = at;
      poll.Work(x.rank);
      int64_t* last = y.as<int64_t>() + (x.rank - 1) * found;
      for (int64_t i = 0; i < width; ++i) {
        poll.Work();
        if (IsNonZero(x, row * width + i)) last[at++] = i;
      }
      int64_t rest = row;
      for (int k = x.rank - 1; k-- > 0; rest /= x.dim(k))
        std::fill(y.as<int64_t>() + k * found + first, y.as<int64_t>() + k * found + at, rest % x.dim(k));
    }
  }

 private:
  static bool IsNonZero(const TensorView& x, int64_t i) {
    switch (x.type()) {
      case DType::kBool:
      case DType::kUint8:
      case DType::kInt8:
        return x.as<uint8_t>()[i] != 0;
      case DType::kInt32:
      case DType::kUint32:
        return x.as<uint32_t>()[i] != 0;
      case DType::kInt64:
      case DType::kUint64:
        return x.as<uint64_t>()[i] != 0;
      case DType::kFloat:
        return x.as<float>()[i] != 0;
      case DType::kString:
        return !x.as<std::string>()[i].empty();
      case DType::kComplex64:
        return x.as<float>()[2 * i] != 0 || x.as<float>()[2 * i + 1] != 0;
      case DType::kComplex128:
        return x.as<double>()[2 * i] != 0 || x.as<double>()[2 * i + 1] != 0;
      default:
        return LoadDouble(x.type(), x.data, i) != 0;
    }
  }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<OneHot>("OneHot"),
    MakeKernel<Compress>("Compress"),
    MakeKernel<NonZero>("NonZero"),
    MakeKernel<Unique>("Unique"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::select
