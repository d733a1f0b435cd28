#include "kernels/simd/elements.h"
#include "kernels/slice/copies.h"

namespace onda::slice {
namespace {

constexpr auto kPlainly = [](const StridedCopy& copy) { copy.RunPlainly(); };

class Slice {
 public:
  explicit Slice(const NodeView&) {}
  void Launch(const LaunchArgs& args) const { WithSliceCopy(args, kPlainly); }
};

class Tile {
 public:
  explicit Tile(const NodeView&) {}
  void Launch(const LaunchArgs& args) const { WithTileCopy(args, kPlainly); }
};

template <bool kToSpace>
class Blocks {
 public:
  explicit Blocks(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const { WithBlockCopy(params_, kToSpace, args, kPlainly); }

 private:
  BlockParams params_;
};

// Row r keeps the columns [r + k, end) where upper, [0, r + k] where lower.
class Trilu {
 public:
  explicit Trilu(const NodeView& node) : upper_(node.attributes().Int("upper", 1) != 0) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (y.count() == 0) return;
    const int64_t rows = y.dim(y.rank - 2), columns = y.dim(y.rank - 1);
    const int64_t given = args.has_input(1) ? args.input(1).as<int64_t>()[0] : 0;
    const int64_t k = std::clamp(given, -rows - 1, columns + 1);
    auto run = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t edge = std::clamp<int64_t>(i % rows + k + (upper_ ? 0 : 1), 0, columns), at = i * columns;
        const int64_t from = upper_ ? edge : 0, to = upper_ ? columns : edge;
        FillRun(y.type(), nullptr, 0, y.data, at, from);
        CopyRun(y.type(), x.data, at + from, y.data, at + from, to - from);
        FillRun(y.type(), nullptr, 0, y.data, at + to, columns - to);
      }
    };
    const int64_t all = y.count() / columns;
    BitsOf(y.type()) % 8 == 0 ? args.ParallelFor(all, 1 + 16384 / columns, run) : run(0, all);
  }

 private:
  bool upper_;
};

class ReverseSequence {
 public:
  explicit ReverseSequence(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &lengths = args.input(1), &y = args.output(0);
    const int64_t inner = x.count(2, x.rank), time = x.dim(params_.time_axis), batch = x.dim(params_.batch_axis);
    const int64_t time_stride = params_.time_axis == 0 ? batch * inner : inner;
    const int64_t batch_stride = params_.batch_axis == 0 ? time * inner : inner;
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t length = lengths.as<int64_t>()[b];
      if (length < 0 || length > time)
        throw Error(ErrorCode::kRuntime, "sequence_lens[" + std::to_string(b) + "] is " + std::to_string(length) +
                                             ", outside [0, " + std::to_string(time) + "]");
      for (int64_t t = 0; t < time; ++t) {
        const int64_t from = t < length ? length - 1 - t : t;
        CopyRun(x.type(), x.data, b * batch_stride + from * time_stride, y.data, b * batch_stride + t * time_stride,
                inner);
      }
    }
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

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::slice
