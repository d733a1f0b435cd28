// Gather, GatherElements and GatherND: a thread per element of the result. An index out of range is reported, and 0
// taken for it.
#include "kernels/device/element.h"
#include "kernels/device/status.h"
#include "kernels/device/strided_copy.h"
#include "kernels/gather/gather.h"

namespace onda::gather {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// Indices of either integer type, and where to report those that are wrong.
struct IndexReader {
  int64_t size;
  bool wide;
  int32_t node;
};

__device__ int64_t CheckedIndex(const uint8_t* indices, int64_t i, const IndexReader& reader, int32_t* status) {
  int64_t index =
      reader.wide ? reinterpret_cast<const int64_t*>(indices)[i] : reinterpret_cast<const int32_t*>(indices)[i];
  if (index < 0) index += reader.size;
  if (index >= 0 && index < reader.size) return index;
  ReportError(status, reader.node, kOndaIndexOutOfRange);
  return 0;
}

// x (outer, size, inner), indices (count), y (outer, count, inner).
template <class T>
__global__ void __launch_bounds__(kThreads) GatherRuns(In<T> x, In<uint8_t> indices, Out<T> y, InOut<int32_t> status,
                                                       int64_t n, int64_t count, int64_t inner, IndexReader reader) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t run = i / inner, outer = run / count;
  const int64_t index = CheckedIndex(indices.data, run % count, reader, status.data);
  y[i] = x[(outer * reader.size + index) * inner + i % inner];
}

// y[i] = x at the place of i with the index along the axis. strides[d][0]: of x, 0 along the axis.
template <class T>
__global__ void __launch_bounds__(kThreads)
    GatherEach(In<T> x, In<uint8_t> indices, Out<T> y, InOut<int32_t> status, int64_t n, cuda::Strides<1> strides,
               int64_t axis_stride, IndexReader reader) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t at[1] = {0};
  strides.Offsets(static_cast<uint32_t>(i), at);
  y[i] = x[at[0] + CheckedIndex(indices.data, i, reader, status.data) * axis_stride];
}

class Gather {
 public:
  explicit Gather(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsMove(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int axis = params_.AxisOf(x);
    const int64_t inner = x.count(axis + 1, x.rank), n = y.count();
    if (n > 0 && x.dim(axis) == 0) throw Error(ErrorCode::kRuntime, "an index into a dimension of extent 0");
    const IndexReader reader{x.dim(axis), indices.type() == DType::kInt64, args.node()};
    WithSize(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, GatherRuns<T>, x, indices, y,
                   StatusOf(args), n, indices.count(), inner, reader);
    });
  }

 private:
  Params params_;
};

class GatherElements {
 public:
  explicit GatherElements(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(0);
    return x.rank < 0 || x.rank > kMaxMergedRank ? "only up to 8 dimensions" : RejectsMove(node);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int axis = params_.AxisOf(x);
    const int64_t n = y.count();
    if (n == 0) return;
    if (x.dim(axis) == 0) throw Error(ErrorCode::kRuntime, "an index into a dimension of extent 0");
    if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "gathering 2^31 elements or more on CUDA");
    const onda::Strides from(x.shape());
    cuda::Strides<1> strides{};
    strides.rank = x.rank;
    for (int d = 0; d < x.rank; ++d) {
      const int k = x.rank - 1 - d;  // innermost first
      strides.dims[d] = Divider(indices.dim(k));
      strides.stride[d][0] = k == axis ? 0 : from.at[k];
    }
    const IndexReader reader{x.dim(axis), indices.type() == DType::kInt64, args.node()};
    WithSize(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, GatherEach<T>, x, indices, y,
                   StatusOf(args), n, strides, from.at[axis], reader);
    });
  }

 private:
  Params params_;
};

// What the tuples of indices number: dimensions and strides of x behind the batches.
struct TupleShape {
  int32_t depth;
  int64_t dims[kMaxMergedRank], strides[kMaxMergedRank];
};

// y (batches, tuples, block), x (batches, batch_size).
template <class T>
__global__ void __launch_bounds__(kThreads)
    GatherBlocks(In<T> x, In<uint8_t> indices, Out<T> y, InOut<int32_t> status, int64_t n, int64_t tuples,
                 int64_t block, int64_t batch_size, TupleShape shape, IndexReader reader) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t tuple = i / block;
  int64_t from = tuple / tuples * batch_size + i % block;
  for (int d = 0; d < shape.depth; ++d) {
    reader.size = shape.dims[d];
    from += CheckedIndex(indices.data, tuple * shape.depth + d, reader, status.data) * shape.strides[d];
  }
  y[i] = x[from];
}

class GatherND {
 public:
  explicit GatherND(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return GatherElements::Rejects(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int batch = static_cast<int>(params_.batch_dims), depth = static_cast<int>(indices.dim(indices.rank - 1));
    const int64_t n = y.count();
    if (n == 0) return;
    const onda::Strides strides(x.shape());
    TupleShape shape{depth, {}, {}};
    for (int d = 0; d < depth; ++d) {
      shape.dims[d] = x.dim(batch + d);
      shape.strides[d] = strides.at[batch + d];
      if (shape.dims[d] == 0) throw Error(ErrorCode::kRuntime, "an index into a dimension of extent 0");
    }
    WithSize(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, GatherBlocks<T>, x, indices, y,
                   StatusOf(args), n, indices.count(batch, indices.rank - 1), x.count(batch + depth, x.rank),
                   x.count(batch, x.rank), shape, IndexReader{0, indices.type() == DType::kInt64, args.node()});
    });
  }

 private:
  NdParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Gather>("Gather"),
    MakeKernel<GatherElements>("GatherElements"),
    MakeKernel<GatherND>("GatherND"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::gather
