#include <algorithm>

#include "kernels/fold/fold.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::fold {
namespace {

// Image planes are shared out in so many pieces, each with sums of its own.
constexpr int64_t kPieces = 8;

// Sums of one image plane and the geometry of the axes, in the workspace.
struct Scratch {
  Scratch(const TensorView& y, Carver& carver) {
    sums = carver.Take<double>(kPieces * y.count(2, y.rank));
    block = carver.Take<int64_t>(y.rank);
    columns = carver.Take<int64_t>(y.rank);
    position = carver.Take<int64_t>(kPieces * 2 * y.rank);
  }
  double* sums;       // or int64_t
  int64_t* block;     // extent of a block per axis
  int64_t* columns;   // number of blocks per axis
  int64_t* position;  // of the element in the block, and of the block, in each piece
};

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  size_t WorkspaceBytes(TensorViews, TensorViews outputs) const {
    Carver counter;
    Scratch(outputs[0], counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &block = args.input(2), &y = args.output(0);
    const int rank = y.rank - 2;
    params_.Check(static_cast<size_t>(rank));
    if (y.count() == 0) return;
    Carver carver(args.workspace());
    const Scratch scratch(y, carver);
    int64_t elements = 1, count = 1;
    for (int i = 0; i < rank; ++i) {
      scratch.block[i] = LoadInt64(block.type(), block.data, i);
      const int64_t axis = i, span = (scratch.block[i] - 1) * params_.dilation(axis) + 1;
      const int64_t room = y.dim(i + 2) + params_.pad_begin(axis) + params_.pad_end(axis, rank) - span;
      if (scratch.block[i] < 1 || room < 0) throw Error(ErrorCode::kInvalidArgument, "a block does not fit the image");
      scratch.columns[i] = room / params_.stride(axis) + 1;
      elements = std::min(elements * scratch.block[i], int64_t{1} << 40);
      count = std::min(count * scratch.columns[i], int64_t{1} << 40);
    }
    if (x.dim(1) != y.dim(1) * elements || x.dim(2) != count) {
      throw Error(ErrorCode::kInvalidArgument, "the input has [" + std::to_string(x.dim(1)) + ", " +
                                                   std::to_string(x.dim(2)) + "] rows and columns where [" +
                                                   std::to_string(y.dim(1) * elements) + ", " + std::to_string(count) +
                                                   "] are needed");
    }
    const int64_t planes = y.dim(0) * y.dim(1), grain = (planes + kPieces - 1) / kPieces;
    args.ParallelFor((planes + grain - 1) / grain, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        for (int64_t plane = piece * grain; plane < std::min(planes, (piece + 1) * grain); ++plane) {
          if (IsFloating(x.type()) || IsComplex(x.type())) {
            Plane(args, x, y, plane, elements, count, scratch, piece, scratch.sums);
          } else {
            Plane(args, x, y, plane, elements, count, scratch, piece, reinterpret_cast<uint64_t*>(scratch.sums));
          }
        }
      }
    });
  }

 private:
  // Sum is double, or uint64_t which keeps every integer exact and wraps.
  template <class Sum>
  void Plane(const LaunchArgs& args, const TensorView& x, const TensorView& y, int64_t plane, int64_t elements,
             int64_t count, const Scratch& scratch, int64_t piece, Sum* all_sums) const {
    const int rank = y.rank - 2;
    const int64_t size = y.count(2, y.rank);
    Sum* sums = all_sums + piece * size;
    int64_t *inner = scratch.position + piece * 2 * y.rank, *outer = inner + y.rank;
    StopPoll poll(args);
    const bool complex = IsComplex(x.type());
    const DType dtype = !complex ? x.type() : x.type() == DType::kComplex64 ? DType::kFloat : DType::kDouble;
    const int parts = complex ? 2 : 1;
    for (int part = 0; part < parts; ++part) {
      std::fill(sums, sums + size, Sum{});
      std::fill(inner, inner + rank, 0);
      for (int64_t e = 0; e < elements; ++e, Next(inner, scratch.block, rank)) {
        std::fill(outer, outer + rank, 0);
        for (int64_t l = 0; l < count; ++l, Next(outer, scratch.columns, rank)) {
          poll.Work(4 * rank);
          int64_t at = 0;
          bool inside = true;
          for (int i = 0; i < rank; ++i) {
            const int64_t p = outer[i] * params_.stride(i) + inner[i] * params_.dilation(i) - params_.pad_begin(i);
            inside = inside && p >= 0 && p < y.dim(i + 2);
            at = at * y.dim(i + 2) + p;
          }
          if (!inside) continue;
          const int64_t from = ((plane * elements + e) * count + l) * parts + part;
          if constexpr (std::is_same_v<Sum, double>) {
            sums[at] += LoadDouble(dtype, x.data, from);
          } else {
            sums[at] += static_cast<uint64_t>(LoadInt64(dtype, x.data, from));
          }
        }
      }
      for (int64_t i = 0; i < size; ++i) {
        const int64_t to = (plane * size + i) * parts + part;
        if constexpr (std::is_same_v<Sum, double>) {
          StoreDouble(dtype, y.data, to, sums[i]);
        } else {
          StoreInt64(dtype, y.data, to, static_cast<int64_t>(sums[i]));
        }
      }
    }
  }

  // The next position in row-major order; behind the last one comes the first.
  static void Next(int64_t* position, const int64_t* extent, int rank) {
    for (int i = rank - 1; i >= 0; --i) {
      if (++position[i] < extent[i]) return;
      position[i] = 0;
    }
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("Col2Im")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::fold
