#include <algorithm>
#include <cmath>

#include "kernels/resize/resize.h"
#include "onda/float_formats.h"

namespace onda::resize {
namespace {

// Calls fn with a value of the type that moves elements of the tensor: a string or an integer of their size.
template <class Fn>
void ByElementSize(const TensorView& x, Fn&& fn) {
  struct Pair {
    uint64_t low, high;
  };
  if (x.type() == DType::kString) return fn(std::string());
  switch (BitsOf(x.type())) {
    case 8:
      return fn(uint8_t{});
    case 16:
      return fn(uint16_t{});
    case 32:
      return fn(uint32_t{});
    case 64:
      return fn(uint64_t{});
    case 128:
      return fn(Pair{});
    default:
      throw Error(ErrorCode::kNotImplemented, "Resize of " + std::string(NameOf(x.type())));
  }
}

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver counter;
    const TensorView &x = inputs[kX], &y = outputs[0];
    Tables(inputs, y, counter);
    if (params_.mode != Mode::kNearest) {
      counter.Take<double>(LargestStage(x, y));
      counter.Take<double>(LargestStage(x, y));
    }
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &y = args.output(0);
    if (!CheckExtents(x, y)) return;
    Carver carver(args.workspace());
    const AxisTable* tables = Tables(args.inputs(), y, carver);
    if (params_.mode == Mode::kNearest) {
      ByElementSize(x, [&](auto element) { Nearest(args, x, y, tables, element); });
    } else {
      double* stages[] = {carver.Take<double>(LargestStage(x, y)), carver.Take<double>(LargestStage(x, y))};
      Weighted(args, x, y, tables, stages);
    }
  }

 private:
  // One table per axis, in the workspace; null when only counting.
  const AxisTable* Tables(TensorViews inputs, const TensorView& y, Carver& carver) const {
    const int rank = inputs[kX].rank;
    AxisTable* tables = carver.Take<AxisTable>(rank);
    for (int axis = 0; axis < rank; ++axis) {
      const AxisTable table = MakeTable(params_, ScaleOf(params_, inputs, y, axis), carver);
      if (tables) tables[axis] = table;
    }
    return tables;
  }

  // Elements of the largest array between two passes: axes that shrink come first, so no stage is larger than both
  // ends.
  static int64_t LargestStage(const TensorView& x, const TensorView& y) { return std::max(x.count(), y.count()); }

  template <class T>
  void Nearest(const LaunchArgs& args, const TensorView& x, const TensorView& y, const AxisTable* tables,
               T outside) const {
    // Strings outside of the crop are empty.
    if constexpr (!std::is_same_v<T, std::string>) StoreDouble(x.type(), &outside, 0, params_.extrapolation);
    const T* from = x.as<T>();
    T* to = y.as<T>();
    args.ParallelFor(y.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t rest = i, offset = 0, stride = 1;
        bool inside = true;
        for (int axis = x.rank - 1; axis >= 0; --axis) {
          const int64_t at = rest % y.dim(axis), source = tables[axis].identity ? at : tables[axis].index[at];
          rest /= y.dim(axis);
          inside = inside && source >= 0;
          offset += source * stride;
          stride *= x.dim(axis);
        }
        to[i] = inside ? from[offset] : outside;
      }
    });
  }

  // One axis after the other, through arrays of doubles.
  void Weighted(const LaunchArgs& args, const TensorView& x, const TensorView& y, const AxisTable* tables,
                double* const stages[2]) const {
    double *now = stages[0], *next = stages[1];
    args.ParallelFor(x.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) now[i] = LoadDouble(x.type(), x.data, i);
    });
    ForEachPass(tables, x.rank, x.rank, [&](int axis, int64_t outer, int64_t inner) {
      Pass(args, tables[axis], outer, inner, now, next);
      std::swap(now, next);
    });
    // To integers by a cast: fractions are dropped, what is out of range is clamped.
    args.ParallelFor(y.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) StoreDouble(y.type(), y.data, i, now[i]);
    });
  }

  // from: [outer, in, inner], to: [outer, out, inner].
  void Pass(const LaunchArgs& args, const AxisTable& table, int64_t outer, int64_t inner, const double* from,
            double* to) const {
    args.ParallelFor(outer * table.out, 1 + 4096 / (inner * table.taps), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t o = row / table.out, at = row % table.out * table.taps;
        double* out = to + row * inner;
        const bool outside = table.index[at] < 0;
        std::fill(out, out + inner, outside ? params_.extrapolation : 0.0);
        for (int64_t k = 0; k < table.taps && !outside; ++k) {
          const double weight = table.weight[at + k];
          const double* in = from + (o * table.in + table.index[at + k]) * inner;
          if (weight == 0) continue;
          for (int64_t i = 0; i < inner; ++i) out[i] += weight * in[i];
        }
      }
    });
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("Resize")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::resize
