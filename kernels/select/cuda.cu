// OneHot: a thread per element of the result. NonZero and Compress count first, read the number back, and then write.
#include <algorithm>
#include <vector>

#include "kernels/device/compact.h"
#include "kernels/device/number.h"
#include "kernels/select/cuda.h"
#include "providers/cuda/device.h"

namespace onda::select {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

LaunchConfig Threads(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

// The index at i, or -1 where it is none of [0, depth).
__device__ int64_t HotIndex(DType type, const uint8_t* indices, int64_t i, int64_t depth, bool wrap_negative) {
  int64_t index;
  if (type == DType::kFloat || type == DType::kDouble || type == DType::kFloat16 || type == DType::kBfloat16) {
    const double real = LoadNumber<double>(type, indices, i);
    if (!(real > -0x1p62 && real < 0x1p62)) return -1;
    index = static_cast<int64_t>(real);
  } else {
    index = LoadInteger(type, indices, i);
    if (type == DType::kUint64 && index < 0) return -1;
  }
  if (index < 0 && wrap_negative) index += depth;
  return index < depth ? index : -1;
}

// indices (outer, inner), y (outer, depth, inner), values: off and on.
template <class T>
__global__ void __launch_bounds__(kThreads) MarkIndices(In<uint8_t> indices, In<T> values, Out<T> y, int64_t n,
                                                        int64_t depth, int64_t inner, DType type, bool wrap_negative) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t row = i / inner, at = row / depth * inner + i % inner;
  y[i] = values[HotIndex(type, indices.data, at, depth, wrap_negative) == row % depth ? 1 : 0];
}

class OneHot {
 public:
  explicit OneHot(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type(), moved = node.input(2).type();
    if (!IsNumber(type)) return "no indices of " + std::string(NameOf(type));
    return BitsOf(moved) < 8 || moved == DType::kString ? "not for " + std::string(NameOf(moved)) : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &indices = args.input(0), &values = args.input(2), &y = args.output(0);
    const int axis = static_cast<int>(params_.axis < 0 ? params_.axis + y.rank : params_.axis);
    const int64_t n = y.count();
    WithSize(y.type(), [&](auto tag) {
      cuda::Launch(args, Threads(n), MarkIndices<typename decltype(tag)::Type>, indices, values, y, n, y.dim(axis),
                   indices.count(axis, indices.rank), indices.type(), params_.wrap_negative);
    });
  }

 private:
  OneHotParams params_;
};

Buffer BufferOf(const TensorView& v) { return {v.data, v.data ? v.bytes() : 0}; }

class NonZero {
 public:
  static constexpr bool kNotCaptured = true;
  explicit NonZero(const NodeView&) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    const bool has_bits = IsNumber(type) || IsComplex(type);
    return has_bits ? "" : "not for " + std::string(NameOf(type));
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const { return CompactBytes(inputs[0].count()); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t n = x.count();
    const Flags kind = NonZeroOf(x.type());
    const Buffer counts = WorkspaceOf(args, 0, CompactBytes(n));
    int64_t found = 0;
    if (n > 0) args.ReadBack(CountFlags(args, BufferOf(x), kind, n, counts), &found, sizeof(found));
    const int64_t dims[2] = {x.rank, found};
    const TensorView y = args.output(0).data ? args.output(0) : args.AllocateOutput(0, dims);
    if (x.rank == 0 || found == 0) return;
    FlagShape shape;
    shape.rank = x.rank;
    if (x.rank > static_cast<int>(std::size(shape.dims)))
      throw Error(ErrorCode::kNotImplemented, "NonZero of more than 32 dimensions on CUDA");
    for (int d = 0; d < x.rank; ++d) shape.dims[d] = x.dim(x.rank - 1 - d);
    ListFlags(args, BufferOf(x), kind, n, counts, shape, found, BufferOf(y), {});
  }
};

// x (outer, length, inner), y (outer, kept, inner).
template <class T>
__global__ void __launch_bounds__(kThreads)
    TakeListed(In<T> x, In<int64_t> list, Out<T> y, int64_t n, int64_t length, int64_t kept, int64_t inner) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t row = i / inner;
  y[i] = x[(row / kept * length + list[row % kept]) * inner + i % inner];
}

class Compress {
 public:
  static constexpr bool kNotCaptured = true;
  explicit Compress(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return BitsOf(type) < 8 || type == DType::kString ? "not for " + std::string(NameOf(type)) : "";
  }

  // The counts, then the list of what is kept.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const int64_t n = inputs[1].count();
    return CompactBytes(n) + static_cast<size_t>(n) * sizeof(int64_t);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &condition = args.input(1);
    const auto e = params_.ExtentsOf(x);
    const int64_t n = std::min(e.length, condition.count());
    const Flags kind = NonZeroOf(DType::kBool);
    const Buffer flags{condition.data, static_cast<size_t>(n)}, counts = WorkspaceOf(args, 0, CompactBytes(n));
    int64_t kept = 0;
    if (n > 0) args.ReadBack(CountFlags(args, flags, kind, n, counts), &kept, sizeof(kept));
    TensorView y = args.output(0);
    if (y.data == nullptr) {
      std::vector<int64_t> dims{kept};
      if (params_.axis) {
        dims.assign(x.dims, x.dims + x.rank);
        dims[e.axis] = kept;
      }
      y = args.AllocateOutput(0, dims);
    }
    const int64_t total = y.count();
    if (total == 0) return;
    const Buffer list = WorkspaceOf(args, counts.bytes, static_cast<size_t>(kept) * sizeof(int64_t));
    FlagShape shape;
    shape.dims[0] = n;
    ListFlags(args, flags, kind, n, counts, shape, kept, list, {});
    WithSize(x.type(), [&](auto tag) {
      cuda::Launch(args, Threads(total), TakeListed<typename decltype(tag)::Type>, x, list, y, total, e.length, kept,
                   e.inner);
    });
  }

 private:
  AxisParams params_;
};

std::vector<OndaKernelDef> MakeKernels() {
  std::vector<OndaKernelDef> kernels = {
      MakeKernel<OneHot>("OneHot"),
      MakeKernel<Compress>("Compress"),
      MakeKernel<NonZero>("NonZero"),
  };
  for (const OndaKernelDef& def : UniqueCudaKernels()) kernels.push_back(def);
  return kernels;
}

}  // namespace

std::span<const OndaKernelDef> CudaKernels() {
  static const std::vector<OndaKernelDef> kernels = MakeKernels();
  return kernels;
}

}  // namespace onda::select
