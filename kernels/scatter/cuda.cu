// Results do not depend on timing, though indices may repeat. Without a reduction the owner of every element is found
// first, the last update that names it; then every element is written once. With one, updates are sorted by what they
// name, and a thread combines those of one element in their order.
#include <algorithm>

#include "kernels/device/index.h"
#include "kernels/device/number.h"
#include "kernels/device/sort.h"
#include "kernels/device/status.h"
#include "kernels/scatter/scatter.h"
#include "kernels/simd/strided_copy.h"
#include "providers/cuda/device.h"

namespace onda::scatter {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// What update t names: for ScatterElements the element at the place of t with its index along the axis, otherwise the
// block that its tuple of indices numbers.
struct Naming {
  bool wide;  // int64 indices
  int32_t node;
  int32_t depth;                                         // indices of an update
  int64_t size[kMaxMergedRank], stride[kMaxMergedRank];  // of x, counted in blocks
  cuda::Strides<1> place;                                // ScatterElements: of the dimensions other than the axis
};

// The number of a block of x, or -1 after a report.
__device__ int64_t TargetOf(const Naming& naming, const uint8_t* indices, int64_t t, int32_t* status) {
  int64_t at[1] = {0};
  naming.place.Offsets(static_cast<uint32_t>(t), at);
  for (int d = 0; d < naming.depth; ++d) {
    const int64_t i = t * naming.depth + d;
    int64_t index =
        naming.wide ? reinterpret_cast<const int64_t*>(indices)[i] : reinterpret_cast<const int32_t*>(indices)[i];
    if (index < 0) index += naming.size[d];
    if (index < 0 || index >= naming.size[d]) {
      ReportError(status, naming.node, kOndaIndexOutOfRange);
      return -1;
    }
    at[0] += index * naming.stride[d];
  }
  return at[0];
}

__global__ void __launch_bounds__(kThreads)
    FindOwners(In<uint8_t> indices, InOut<int32_t> owner, InOut<int32_t> status, int64_t n, Naming naming) {
  const int64_t t = GlobalThread();
  if (t >= n) return;
  const int64_t target = TargetOf(naming, indices.data, t, status.data);
  if (target >= 0) atomicMax(&owner[target], static_cast<int32_t>(t));
}

// y in blocks; owner: of each.
template <class T>
__global__ void __launch_bounds__(kThreads)
    TakeFromOwners(In<T> x, In<T> updates, In<int32_t> owner, Out<T> y, int64_t n, int64_t block) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t from = owner[i / block];
  y[i] = from < 0 ? x[i] : updates[from * block + i % block];
}

// Sort keys: what updates name; the largest for those that name nothing, and for padding.
__global__ void __launch_bounds__(kThreads)
    ListTargets(In<uint8_t> indices, Out<uint64_t> keys, Out<uint32_t> order, InOut<int32_t> status, int64_t n,
                int64_t padded, Naming naming) {
  const int64_t t = GlobalThread();
  if (t >= padded) return;
  const int64_t target = t < n ? TargetOf(naming, indices.data, t, status.data) : -1;
  keys[t] = target < 0 ? UINT64_MAX : static_cast<uint64_t>(target);
  order[t] = t < n ? static_cast<uint32_t>(t) : UINT32_MAX;
}

template <class C>
__device__ C Combine(Reduction r, C a, C b) {
  const bool nan = a != a || b != b;
  switch (r) {
    case Reduction::kAdd:
      return a + b;
    case Reduction::kMul:
      return a * b;
    case Reduction::kMax:
      return nan ? a + b : a < b ? b : a;
    default:
      return nan ? a + b : b < a ? b : a;
  }
}

// C: float or double; or uint64_t for integers, which wrap.
template <class C>
struct Access {
  static __device__ C Load(DType type, const void* data, int64_t i) { return LoadNumber<C>(type, data, i); }
  static __device__ void Store(DType type, void* data, int64_t i, C v) { StoreReal(type, data, i, v); }
  static __device__ C Join(Reduction r, DType, C a, C b) { return Combine(r, a, b); }
};
template <>
struct Access<uint64_t> {
  static __device__ uint64_t Load(DType type, const void* data, int64_t i) {
    return static_cast<uint64_t>(LoadInteger(type, data, i));
  }
  static __device__ void Store(DType type, void* data, int64_t i, uint64_t v) {
    StoreInteger(type, data, i, static_cast<int64_t>(v));
  }
  static __device__ uint64_t Join(Reduction r, DType type, uint64_t a, uint64_t b) {
    if (type == DType::kUint64 || r == Reduction::kAdd || r == Reduction::kMul) return Combine(r, a, b);
    return static_cast<uint64_t>(Combine(r, static_cast<int64_t>(a), static_cast<int64_t>(b)));
  }
};

// keys, order: n sorted updates. Thread: (position, element of the block); the first position of a target does it.
template <class C>
__global__ void __launch_bounds__(kThreads)
    CombineRuns(In<uint64_t> keys, In<uint32_t> order, In<uint8_t> updates, InOut<uint8_t> y, int64_t n, int64_t block,
                Reduction reduction, DType type) {
  const int64_t thread = GlobalThread();
  if (thread >= n * block) return;
  const int64_t first = thread / block, element = thread % block;
  const uint64_t target = keys[first];
  if (target == UINT64_MAX || (first > 0 && keys[first - 1] == target)) return;
  const int64_t to = static_cast<int64_t>(target) * block + element;
  C value = Access<C>::Load(type, y.data, to);
  for (int64_t p = first; p < n && keys[p] == target; ++p)
    value = Access<C>::Join(reduction, type, value, Access<C>::Load(type, updates.data, order[p] * block + element));
  Access<C>::Store(type, y.data, to, value);
}

class Scatter {
 public:
  Scatter(const NodeView& node, bool tuples) : params_(node.attributes()), tuples_(tuples) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(0);
    if (BitsOf(x.type()) < 8 || x.type() == DType::kString) return "not for " + std::string(NameOf(x.type()));
    if (ReductionOf(node.attributes()) != Reduction::kNone && !IsFloating(x.type()) && !IsByteInteger(x.type()))
      return "no reduction of " + std::string(NameOf(x.type()));
    return x.rank < 0 || x.rank > kMaxMergedRank ? "only up to 8 dimensions" : "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const TensorView &x = inputs[0], &indices = inputs[1];
    if (params_.reduction == Reduction::kNone)
      return static_cast<size_t>(x.count() / BlockOf(x, indices)) * sizeof(int32_t);
    return static_cast<size_t>(PaddedLength(UpdatesOf(indices))) * (sizeof(uint64_t) + sizeof(uint32_t));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &updates = args.input(2), &y = args.output(0);
    const int64_t n = UpdatesOf(indices), block = BlockOf(x, indices), count = y.count();
    if (count == 0) return;
    Device& device = StreamOf(args).device();
    if (n == 0 || params_.reduction != Reduction::kNone)
      device.Copy(y.data, x.data, y.bytes(), kOndaDeviceToDevice, StreamOf(args));
    if (n == 0) return;
    if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "2^31 updates or more on CUDA");
    const Naming naming = NamingOf(args);
    if (params_.reduction == Reduction::kNone) {
      const Buffer owner = WorkspaceOf(args, 0, static_cast<size_t>(count / block) * sizeof(int32_t));
      device.Fill(owner.data, 0xff, owner.bytes, StreamOf(args));
      cuda::Launch(args, Threads(n), FindOwners, indices, owner, StatusOf(args), n, naming);
      WithSize(x.type(), [&](auto tag) {
        using T = typename decltype(tag)::Type;
        cuda::Launch(args, Threads(count), TakeFromOwners<T>, x, updates, owner, y, count, block);
      });
      return;
    }
    const int64_t padded = PaddedLength(n);
    const size_t key_bytes = static_cast<size_t>(padded) * sizeof(uint64_t);
    const Buffer keys = WorkspaceOf(args, 0, key_bytes), order = WorkspaceOf(args, key_bytes, key_bytes / 2);
    cuda::Launch(args, Threads(padded), ListTargets, indices, keys, order, StatusOf(args), n, padded, naming);
    SortRows(args, keys, order, 1, padded);
    auto combine = [&](auto kernel) {
      cuda::Launch(args, Threads(n * block), kernel, keys, order, updates, y, n, block, params_.reduction, x.type());
    };
    if (!IsFloating(x.type()))
      combine(CombineRuns<uint64_t>);
    else if (x.type() == DType::kDouble)
      combine(CombineRuns<double>);
    else
      combine(CombineRuns<float>);
  }

 private:
  static LaunchConfig Threads(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }
  int64_t UpdatesOf(const TensorView& indices) const {
    return tuples_ ? indices.count(0, indices.rank - 1) : indices.count();
  }
  // Elements of an update; at least 1, so that an empty tensor divides.
  int64_t BlockOf(const TensorView& x, const TensorView& indices) const {
    if (!tuples_) return 1;
    return std::max<int64_t>(1, x.count(static_cast<int>(indices.dim(indices.rank - 1)), x.rank));
  }

  Naming NamingOf(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1);
    const onda::Strides strides(x.shape());
    Naming naming{indices.type() == DType::kInt64, args.node(), 1, {}, {}, {}};
    if (tuples_) {
      naming.depth = static_cast<int32_t>(indices.dim(indices.rank - 1));
      const int64_t block = BlockOf(x, indices);
      for (int d = 0; d < naming.depth; ++d) {
        naming.size[d] = x.dim(d);
        naming.stride[d] = strides.at[d] / block;
      }
      return naming;
    }
    const int axis = static_cast<int>(params_.axis < 0 ? params_.axis + x.rank : params_.axis);
    naming.size[0] = x.dim(axis);
    naming.stride[0] = strides.at[axis];
    naming.place.rank = x.rank;
    for (int d = 0; d < x.rank; ++d) {
      const int k = x.rank - 1 - d;  // innermost first
      naming.place.dims[d] = Divider(indices.dim(k));
      naming.place.stride[d][0] = k == axis ? 0 : strides.at[k];
    }
    return naming;
  }

  Params params_;
  bool tuples_;
};
struct ScatterElements : Scatter {
  explicit ScatterElements(const NodeView& node) : Scatter(node, false) {}
};
struct ScatterND : Scatter {
  explicit ScatterND(const NodeView& node) : Scatter(node, true) {}
};

// x, y (prefixes, size, inner), update (prefixes, length, inner); starts: one per `per_batch` prefixes.
template <class T>
__global__ void __launch_bounds__(kThreads)
    WriteSpans(In<T> x, In<T> update, In<int64_t> starts, Out<T> y, InOut<int32_t> status, int64_t n, int64_t size,
               int64_t length, int64_t inner, int64_t per_batch, bool circular, int32_t node) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t row = i / inner, prefix = row / size;
  int64_t start = starts ? starts[prefix / per_batch] : 0;
  if (start < 0 || (!circular && start > size - length)) {
    ReportError(status.data, node, kOndaIndexOutOfRange);
    start = 0;
  }
  int64_t at = row % size - (circular ? start % size : start);
  if (circular && at < 0) at += size;
  y[i] = at >= 0 && at < length ? update[(prefix * length + at) * inner + i % inner] : x[i];
}

class TensorScatter {
 public:
  explicit TensorScatter(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return BitsOf(type) < 8 || type == DType::kString ? "not for " + std::string(NameOf(type)) : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &update = args.input(1), &y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    const int axis = static_cast<int>(params_.axis < 0 ? params_.axis + x.rank : params_.axis);
    WithSize(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, WriteSpans<T>, x, update,
                   args.input(2), y, StatusOf(args), n, x.dim(axis), update.dim(axis), x.count(axis + 1, x.rank),
                   x.count(1, axis), params_.circular, args.node());
    });
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

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::scatter
