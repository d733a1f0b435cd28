// The taps of all axes are found first, in tables; then a thread per element of the result takes what they name, along
// all axes at once. Weighted sums are in fp32 (fp64 for double and integers).
#include <algorithm>

#include "kernels/device/index.h"
#include "kernels/device/number.h"
#include "kernels/resize/taps.h"
#include "onda/float_formats.h"
#include "providers/cuda/device.h"

namespace onda::resize {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
constexpr int kMaxDims = 6;     // groups of dimensions: each one resized, or a run of those that stay as they are
constexpr int kMaxResized = 4;  // of them, where there are weights

// One group. Tables of the resized ones lie one behind the other: `taps` entries for each position.
struct Group {
  Divider inner, out;  // output elements behind the group, and its own extent
  int64_t stride;      // in x
  int64_t table;       // where its table begins
  int32_t taps;

  // The position along it of output element i.
  __device__ uint32_t At(int64_t i) const {
    const uint32_t outer = inner.Quotient(static_cast<uint32_t>(i));
    return outer - out.Quotient(outer) * out.divisor;
  }
};
struct Dims {
  int32_t plains = 0, resizeds = 0;  // the latter in the order of ForEachPass
  Group plain[kMaxDims], resized[kMaxDims];

  // The offset in x along what stays as it is.
  __device__ int64_t Base(int64_t i) const {
    int64_t base = 0;
#pragma unroll
    for (int d = 0; d < kMaxDims; ++d)
      if (d < plains) base += plain[d].At(i) * plain[d].stride;
    return base;
  }
};

// One axis at a time; the table begins at `table`.
template <class C>
__global__ void __launch_bounds__(kThreads)
    MakeTables(InOut<int32_t> index, InOut<C> weight, int64_t table, int32_t taps, TapRule rule, AxisScale axis) {
  const int64_t i = GlobalThread();
  if (i >= axis.out) return;
  const int64_t at = table + i * taps;
  if (rule.mode == Mode::kNearest) {
    index[at] = static_cast<int32_t>(NearestIndex(rule, axis, i));
    return;
  }
  FillTaps(rule, axis, i, taps, [&](int64_t k, int64_t source, double w) {
    index[at + k] = static_cast<int32_t>(source);
    weight[at + k] = static_cast<C>(w);
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    TakeNearest(In<T> x, In<int32_t> index, Out<T> y, int64_t n, Dims dims, T outside) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t from = dims.Base(i);
  bool inside = true;
#pragma unroll
  for (int d = 0; d < kMaxDims; ++d) {
    if (d >= dims.resizeds) break;
    const int32_t source = index[dims.resized[d].table + dims.resized[d].At(i)];
    inside = inside && source >= 0;
    from += source * dims.resized[d].stride;
  }
  y[i] = inside ? x[from] : outside;
}

// An axis that is resized, at one output position: `taps` entries of the tables from `first` on; or 1 without any.
struct Line {
  int64_t first = -1, stride = 0;
  int32_t taps = 1;

  template <class C>
  __device__ C WeightOf(const C* weight, int32_t k) const {
    return first < 0 ? C(1) : weight[first + k];
  }
  __device__ int64_t OffsetOf(const int32_t* index, int32_t k) const {
    return first < 0 ? 0 : index[first + k] * stride;
  }
};

// Exact integers stay exact: no multiplication is fused with the addition.
template <bool kExactly, class C>
__device__ C Accumulate(C sum, C weight, C value) {
#ifdef __CUDACC__
  if constexpr (kExactly) return __dadd_rn(sum, __dmul_rn(weight, value));
#endif
  return sum + weight * value;
}

// T: a real type, or uint8_t for integers of `type`, whose values are clamped to [low, high] and cut.
template <class T>
using Weight = std::conditional_t<sizeof(T) == 1 || sizeof(T) == 8, double, float>;
template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    TakeWeighted(In<T> x, In<int32_t> index, In<Weight<T>> weight, Out<T> y, int64_t n, Dims dims, Weight<T> outside,
                 DType type, double low, double high) {
  using C = Weight<T>;
  constexpr bool kInteger = sizeof(T) == 1;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t base = dims.Base(i);
  bool inside = true;
  Line lines[kMaxResized];
#pragma unroll
  for (int r = 0; r < kMaxResized; ++r) {
    if (r >= dims.resizeds) continue;
    const Group& group = dims.resized[r];
    lines[r] = {group.table + int64_t{group.At(i)} * group.taps, group.stride, group.taps};
    inside = inside && index[lines[r].first] >= 0;
  }
  auto load = [&](int64_t from) -> C {
    if constexpr (kInteger)
      return static_cast<C>(LoadInteger(type, x.data, from));
    else
      return Widen(x[from]);
  };
  // Sums of sums, the first pass of the reference innermost.
  auto along = [&](const Line& line, int64_t from, const auto& value) {
    C sum = 0;
    for (int32_t k = 0; k < line.taps; ++k) {
      const C w = line.WeightOf(weight.data, k);
      if (w != 0) sum = Accumulate<kInteger>(sum, w, value(from + line.OffsetOf(index.data, k)));
    }
    return sum;
  };
  auto one = [&](int64_t from) { return along(lines[0], from, load); };
  auto two = [&](int64_t from) { return along(lines[1], from, one); };
  auto three = [&](int64_t from) { return along(lines[2], from, two); };
  const C sum = inside ? along(lines[3], base, three) : outside;
  if constexpr (kInteger)
    StoreInteger(type, y.data, i, static_cast<int64_t>(sum < low ? low : sum > high ? high : sum));
  else
    y[i] = Narrow<T>(sum);
}

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(kX);
    const DType type = x.type();
    if (x.rank < 0 || x.rank > kMaxDims) return "only up to 6 dimensions";
    const Params params(node.attributes());
    if (params.mode == Mode::kNearest)
      return BitsOf(type) < 8 || type == DType::kString ? "not for " + std::string(NameOf(type)) : "";
    int resized = 0;
    for (int axis = 0; axis < x.rank; ++axis) {
      const FactView& y = node.output(0);
      const bool same = y.rank == x.rank && x.dims[axis] >= 0 && x.dims[axis] == y.dims[axis];
      resized += params.PositionOf(axis, x.rank) >= 0 && !(same && params.coordinates != Coordinates::kTfCropAndResize);
    }
    if (resized > kMaxResized) return "only along 4 axes";
    return IsFloating(type) || (IsByteInteger(type) && BitsOf(type) <= 32) ? ""
                                                                           : "not for " + std::string(NameOf(type));
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return static_cast<size_t>(EntriesOf(inputs, outputs[0])) * (sizeof(int32_t) + sizeof(double));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &y = args.output(0);
    if (!CheckExtents(x, y)) return;
    const int64_t n = y.count();
    if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "resizing to 2^31 elements or more on CUDA");
    if (params_.mode == Mode::kNearest) {
      const Tables<float> tables = MakeAll<float>(args);
      WithSize(x.type(), [&](auto tag) {
        using T = typename decltype(tag)::Type;
        T outside{};
        StoreDouble(x.type(), &outside, 0, params_.extrapolation);
        cuda::Launch(args, Threads(n), TakeNearest<T>, x, tables.index, y, n, tables.dims, outside);
      });
      return;
    }
    auto weighted = [&]<class T>(TypeTag<T>, double low, double high) {
      const auto tables = MakeAll<Weight<T>>(args);
      cuda::Launch(args, Threads(n), TakeWeighted<T>, x, tables.index, tables.weight, y, n, tables.dims,
                   static_cast<Weight<T>>(params_.extrapolation), x.type(), low, high);
    };
    if (IsFloating(x.type())) {
      WithReal(x.type(), [&](auto tag) { weighted(tag, 0, 0); });
    } else {
      const int bits = x.type() == DType::kBool ? 1 : BitsOf(x.type()) - (IsSigned(x.type()) ? 1 : 0);
      const double above = static_cast<double>(int64_t{1} << bits);
      weighted(TypeTag<uint8_t>(), IsSigned(x.type()) ? -above : 0, above - 1);
    }
  }

 private:
  static LaunchConfig Threads(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

  AxisTable TableOf(TensorViews inputs, const TensorView& y, int axis) const {
    Carver counter;
    return MakeTable(params_, ScaleOf(params_, inputs, y, axis), counter);
  }
  int64_t EntriesOf(TensorViews inputs, const TensorView& y) const {
    int64_t entries = 0;
    for (int axis = 0; axis < y.rank; ++axis) {
      const AxisTable table = TableOf(inputs, y, axis);
      if (!table.identity) entries += table.out * table.taps;
    }
    return entries;
  }

  // In the workspace: all weights, then all indices.
  template <class C>
  struct Tables {
    Buffer index{}, weight{};
    Dims dims{};
  };
  template <class C>
  Tables<C> MakeAll(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &y = args.output(0);
    const size_t entries = static_cast<size_t>(EntriesOf(args.inputs(), y));
    Tables<C> t;
    if (entries > 0) {
      t.weight = WorkspaceOf(args, 0, entries * sizeof(C));
      t.index = WorkspaceOf(args, entries * sizeof(double), entries * sizeof(int32_t));
    }
    AxisTable tables[kMaxDims];
    int64_t strides[kMaxDims], inners[kMaxDims], used = 0, stride = 1, inner = 1, run = 0;
    for (int axis = y.rank; axis-- > 0; stride *= x.dim(axis), inner *= y.dim(axis)) {
      tables[axis] = TableOf(args.inputs(), y, axis);
      strides[axis] = stride;
      inners[axis] = inner;
      if (!tables[axis].identity) {
        run = 0;
        continue;
      }
      if (run == 0) t.dims.plain[t.dims.plains++] = {Divider(inner), Divider(), stride, 0, 0};
      run = (run == 0 ? 1 : run) * y.dim(axis);
      t.dims.plain[t.dims.plains - 1].out = Divider(run);
    }
    ForEachPass(tables, y.rank, y.rank, [&](int axis, int64_t, int64_t) {
      const AxisTable& table = tables[axis];
      if (table.in > INT32_MAX || table.taps > INT32_MAX)
        throw Error(ErrorCode::kNotImplemented, "axes of 2^31 elements or more on CUDA");
      if (params_.mode != Mode::kNearest && t.dims.resizeds == kMaxResized)
        throw Error(ErrorCode::kNotImplemented, "resizing along more than 4 axes on CUDA");
      const int32_t taps = static_cast<int32_t>(table.taps);
      t.dims.resized[t.dims.resizeds++] = {Divider(inners[axis]), Divider(table.out), strides[axis], used, taps};
      cuda::Launch(args, Threads(table.out), MakeTables<C>, t.index, t.weight, used, taps,
                   static_cast<const TapRule&>(params_), ScaleOf(params_, args.inputs(), y, axis));
      used += table.out * table.taps;
    });
    return t;
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("Resize")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::resize
