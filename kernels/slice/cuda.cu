// Slice, Tile, DepthToSpace and SpaceToDepth as strided copies; Trilu and ReverseSequence, a thread per element.
#include "kernels/device/status.h"
#include "kernels/device/strided_copy.h"
#include "kernels/slice/copies.h"

namespace onda::slice {
namespace {

// Runs the copy of a launch.
struct Move {
  const LaunchArgs& args;
  void operator()(const StridedCopy& copy) const { cuda::MoveStrided(args, copy, args.input(0), args.output(0)); }
};

class Slice {
 public:
  explicit Slice(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const { WithSliceCopy(args, Move{args}); }
};

class Tile {
 public:
  explicit Tile(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const { WithTileCopy(args, Move{args}); }
};

template <bool kToSpace>
class Blocks {
 public:
  explicit Blocks(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const { WithBlockCopy(params_, kToSpace, args, Move{args}); }

 private:
  BlockParams params_;
};

constexpr int kThreads = 256;

// Row r keeps the columns [r + k, end) where upper, [0, r + k] where lower.
template <class T>
__global__ void __launch_bounds__(kThreads)
    KeepTriangle(cuda::In<T> x, cuda::Out<T> y, int64_t n, int64_t rows, int64_t columns, int64_t k, bool upper) {
  const int64_t i = cuda::GlobalThread();
  if (i >= n) return;
  const int64_t column = i % columns, edge = i / columns % rows + k;
  y[i] = (upper ? column >= edge : column <= edge) ? x[i] : T{};
}

class Trilu {
 public:
  static constexpr bool kInPlace = true;
  explicit Trilu(const NodeView& node) : upper_(node.attributes().Int("upper", 1) != 0) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    const int64_t rows = y.dim(y.rank - 2), columns = y.dim(y.rank - 1);
    const int64_t given = args.has_input(1) ? args.input(1).as<int64_t>()[0] : 0;
    const int64_t k = std::clamp(given, -rows - 1, columns + 1);
    cuda::WithSize(y.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {cuda::BlocksFor(n, kThreads)}, .block = {kThreads}},
                   KeepTriangle<typename decltype(tag)::Type>, x, y, n, rows, columns, k, upper_);
    });
  }

 private:
  bool upper_;
};

// y (time, batch, inner), or (batch, time, inner).
template <class T>
__global__ void __launch_bounds__(kThreads)
    ReverseTimes(cuda::In<T> x, cuda::In<int64_t> lengths, cuda::Out<T> y, cuda::InOut<int32_t> status, int64_t n,
                 int64_t time, int64_t batch, int64_t inner, bool time_first, int32_t node) {
  const int64_t i = cuda::GlobalThread();
  if (i >= n) return;
  const int64_t row = i / inner, t = time_first ? row / batch : row % time, b = time_first ? row % batch : row / time;
  int64_t length = lengths[b];
  if (length < 0 || length > time) {
    cuda::ReportError(status.data, node, kOndaIndexOutOfRange);
    length = 0;
  }
  const int64_t from = t < length ? length - 1 - t : t;
  y[i] = x[(time_first ? from * batch + b : b * time + from) * inner + i % inner];
}

class ReverseSequence {
 public:
  explicit ReverseSequence(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &lengths = args.input(1), &y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    cuda::WithSize(x.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {cuda::BlocksFor(n, kThreads)}, .block = {kThreads}},
                   ReverseTimes<typename decltype(tag)::Type>, x, lengths, y, cuda::StatusOf(args), n,
                   x.dim(params_.time_axis), x.dim(params_.batch_axis), x.count(2, x.rank), params_.time_axis == 0,
                   args.node());
    });
  }

 private:
  ReverseParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Slice>("Slice"),
    MakeKernel<Tile>("Tile"),
    MakeKernel<Blocks<true>>("DepthToSpace"),
    MakeKernel<Blocks<false>>("SpaceToDepth"),
    MakeKernel<Trilu>("Trilu"),
    MakeKernel<ReverseSequence>("ReverseSequence"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::slice
