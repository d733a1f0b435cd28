// fp32. The last two axes are resized together: rows are resampled along the last axis into a small ring, from which
// output rows are blended; axes before them take a pass each. Nearest gathers a row once and copies it where it
// repeats.
#include <algorithm>
#include <cmath>

#include "kernels/resize/resize.h"
#include "kernels/simd/through_float.h"
#include "onda/float_formats.h"

#ifndef ONDA_KERNELS_RESIZE_CPU_ONCE
#define ONDA_KERNELS_RESIZE_CPU_ONCE
namespace onda::resize {

// A block is as many outputs as a vector has lanes. Where all its inputs lie within one or two vectors, which is so
// unless the axis shrinks by more than two, they are loaded and permuted instead of gathered. start is where the load
// begins, or -1; count the number of vectors.
struct Block {
  int32_t start, count;
};

// Output rows [first, last) of one plane, each a row of the input picked element by element.
struct PickedRows {
  const float* plane;   // null where it lies outside of the crop
  const int64_t* down;  // row of the plane for each output row, -1 for outside; null: the same
  int64_t first, last, in_width, width;
  const int32_t* index;  // [width], null: the same
  const Block* blocks;
  bool crops;  // some index is negative
  float outside;
  float* to;  // output row `first`
};

}  // namespace onda::resize
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::resize::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())); }

// Reads from[at] for every lane; negative lanes of `at` give anything.
template <class D, class VI>
HWY_INLINE hn::Vec<D> Pick(D d, const float* from, VI at, const Block& block) {
  const hn::RebindToSigned<D> di;
  if (block.start < 0) return hn::GatherIndex(d, from, hn::Max(at, hn::Zero(di)));
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const auto relative = hn::Max(hn::Sub(at, hn::Set(di, block.start)), hn::Zero(di));
  const auto low_bits = hn::IndicesFromVec(d, hn::And(relative, hn::Set(di, lanes - 1)));
  const auto low = hn::TableLookupLanes(hn::LoadU(d, from + block.start), low_bits);
  if (block.count == 1) return low;
  const auto high = hn::TableLookupLanes(hn::LoadU(d, from + block.start + lanes), low_bits);
  return hn::IfThenElse(hn::RebindMask(d, hn::Lt(relative, hn::Set(di, lanes))), low, high);
}

// to[i] = bias[i] + sum over k of weight[k * n + i] * from[index[k * n + i]].
void GatherRow(const float* from, const int32_t* index, const Block* blocks, const float* weight, const float* bias,
               int64_t taps, int64_t n, float* to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes, ++blocks) {
    auto sum = hn::LoadU(d, bias + i);
    for (int64_t k = 0; k < taps; ++k) {
      const auto values = Pick(d, from, hn::LoadU(di, index + k * n + i), *blocks);
      sum = hn::MulAdd(hn::LoadU(d, weight + k * n + i), values, sum);
    }
    hn::StoreU(sum, d, to + i);
  }
  for (; i < n; ++i) {
    float sum = bias[i];
    for (int64_t k = 0; k < taps; ++k) sum += weight[k * n + i] * from[index[k * n + i]];
    to[i] = sum;
  }
}

// to[i] = sum over k of weight[k] * rows[k][i].
void BlendRows(const float* const* rows, const float* weight, int64_t taps, int64_t n, float* to) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto sum = hn::Mul(hn::Set(d, weight[0]), hn::LoadU(d, rows[0] + i));
    for (int64_t k = 1; k < taps; ++k) sum = hn::MulAdd(hn::Set(d, weight[k]), hn::LoadU(d, rows[k] + i), sum);
    hn::StoreU(sum, d, to + i);
  }
  for (; i < n; ++i) {
    float sum = weight[0] * rows[0][i];
    for (int64_t k = 1; k < taps; ++k) sum += weight[k] * rows[k][i];
    to[i] = sum;
  }
}

// to[i] = from[index[i]], or `outside` where index[i] is negative.
HWY_INLINE void PickRow(const float* from, const PickedRows& rows, float* to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const Block* block = rows.blocks;
  int64_t i = 0;
  for (; i + lanes <= rows.width; i += lanes, ++block) {
    const auto at = hn::LoadU(di, rows.index + i);
    if (block->count == 1 && !rows.crops) {
      const auto lane = hn::IndicesFromVec(d, hn::Sub(at, hn::Set(di, block->start)));
      hn::StoreU(hn::TableLookupLanes(hn::LoadU(d, from + block->start), lane), d, to + i);
      continue;
    }
    const auto out = hn::RebindMask(d, hn::Lt(at, hn::Zero(di)));
    hn::StoreU(hn::IfThenElse(out, hn::Set(d, rows.outside), Pick(d, from, at, *block)), d, to + i);
  }
  for (; i < rows.width; ++i) to[i] = rows.index[i] < 0 ? rows.outside : from[rows.index[i]];
}

void PickRows(const PickedRows& rows) {
  float* to = rows.to;
  int64_t last_source = -2;
  for (int64_t y = rows.first; y < rows.last; ++y, to += rows.width) {
    const int64_t source = rows.plane ? (rows.down ? rows.down[y] : y) : -1;
    const float* from = source < 0 ? nullptr : rows.plane + source * rows.in_width;
    if (!from) {
      std::fill(to, to + rows.width, rows.outside);
    } else if (source == last_source) {
      std::copy_n(to - rows.width, rows.width, to);
    } else if (!rows.index) {
      std::copy_n(from, rows.width, to);
    } else {
      PickRow(from, rows, to);
    }
    last_source = source;
  }
}

}  // namespace onda::resize::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::resize {
namespace {

HWY_EXPORT(Lanes);
HWY_EXPORT(GatherRow);
HWY_EXPORT(BlendRows);
HWY_EXPORT(PickRows);

// The output's rows are shared out in so many pieces, each with rings of its own.
constexpr int64_t kPieces = 64;

// Axes and working memory of a launch. The tensor is [outer..., height, width]; a vector is [1, width].
struct Plan {
  Plan(const Params& params, TensorViews inputs, const TensorView& y, Carver& carver) {
    const TensorView& x = inputs[kX];
    rank = x.rank;
    tables = carver.Take<AxisTable>(rank);
    for (int axis = 0; axis < rank; ++axis) {
      const AxisTable table = MakeTable(params, ScaleOf(params, inputs, y, axis), carver);
      if (tables) tables[axis] = table;
      if (axis == rank - 1) across = table;
      if (axis == rank - 2) down = table;
      if (axis < rank - 2) passes += table.identity ? 0 : 1;
    }
    index = carver.Take<int32_t>(across.out * across.taps);
    lanes = HWY_DYNAMIC_DISPATCH(Lanes)();
    blocks = carver.Take<Block>(across.out / lanes);
    source = carver.Take<int64_t>(kPieces);
    if (params.mode == Mode::kNearest) return;
    weight = carver.Take<float>(across.out * across.taps);
    bias = carver.Take<float>(across.out);
    rows = carver.Take<const float*>(kPieces * down.taps);
    row_weights = carver.Take<float>(kPieces * down.taps);
    tags = carver.Take<int64_t>(kPieces * down.taps);
    ring = carver.Take<float>(across.identity ? 0 : kPieces * down.taps * across.out);
    // Passes over the axes before the last two leave those as in the input.
    const int64_t stage = y.count(0, std::max(0, rank - 2)) * down.in * across.in;
    for (int i = 0; i < std::min(passes, 2); ++i) stages[i] = carver.Take<float>(std::max(stage, x.count()));
  }

  // Fills index, weight and bias from the last axis' table.
  void PrepareAcross(const Params& params) const {
    for (int64_t i = 0; i < across.out && !across.identity; ++i) {
      const bool outside = across.index[i * across.taps] < 0;
      for (int64_t k = 0; k < across.taps; ++k) {
        const int64_t at = across.index[i * across.taps + k];
        index[k * across.out + i] = static_cast<int32_t>(weight ? std::max<int64_t>(at, 0) : at);
        if (weight) weight[k * across.out + i] = outside ? 0 : static_cast<float>(across.weight[i * across.taps + k]);
      }
      if (bias) bias[i] = outside ? static_cast<float>(params.extrapolation) : 0;
    }
    for (int64_t block = 0; block < across.out / lanes && !across.identity; ++block) blocks[block] = BlockAt(block);
  }

  Block BlockAt(int64_t block) const {
    int64_t low = across.in, high = 0;
    for (int64_t k = 0; k < across.taps; ++k) {
      for (int64_t i = block * lanes; i < (block + 1) * lanes; ++i) {
        const int64_t at = index[k * across.out + i];
        if (at < 0) continue;
        low = std::min(low, at);
        high = std::max(high, at);
      }
    }
    for (int64_t count = 1; count <= 2; ++count) {
      // A load must not run past the row's end.
      const int64_t start = std::min(low, across.in - count * lanes);
      if (start >= 0 && high - start < count * lanes) return {static_cast<int32_t>(start), static_cast<int32_t>(count)};
    }
    return {-1, 0};
  }

  int rank = 0, passes = 0;
  AxisTable* tables;
  AxisTable down, across;  // the last two axes
  int32_t* index;          // [taps, width]
  Block* blocks;           // [width / lanes]
  int64_t lanes;
  int64_t* source;
  float *weight = nullptr, *bias = nullptr;  // [taps, width], [width]
  const float** rows = nullptr;              // [pieces, taps]
  float* row_weights = nullptr;              // [pieces, taps]
  int64_t* tags = nullptr;                   // [pieces, taps]: which input row a row of the ring came from
  float* ring = nullptr;                     // [pieces, taps, width]
  float* stages[2] = {};
};

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(kX);
    if (x.type() != DType::kFloat) return "only float";
    for (int i = 0; i < x.rank; ++i) {
      if (x.dims[i] > INT32_MAX) return "an axis is too long";
    }
    return x.rank == 0 ? "only tensors with axes" : "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver counter;
    Plan(params_, inputs, outputs[0], counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &y = args.output(0);
    if (!CheckExtents(x, y)) return;
    if (x.dim(x.rank - 1) > INT32_MAX) throw Error(ErrorCode::kNotImplemented, "an axis is too long");
    Carver carver(args.workspace());
    const Plan plan(params_, args.inputs(), y, carver);
    plan.PrepareAcross(params_);
    if (params_.mode == Mode::kNearest) {
      Nearest(args, plan, x, y);
      return;
    }
    const float* from = x.as<float>();
    int turn = 0;
    ForEachPass(plan.tables, x.rank, x.rank - 2, [&](int axis, int64_t outer, int64_t inner) {
      Pass(args, plan.tables[axis], outer, inner, from, plan.stages[turn]);
      from = plan.stages[turn];
      turn = 1 - turn;
    });
    Planes(args, plan, from, y.count(0, std::max(0, y.rank - 2)), y.as<float>());
  }

 private:
  // from: [outer, in, inner], to: [outer, out, inner].
  void Pass(const LaunchArgs& args, const AxisTable& table, int64_t outer, int64_t inner, const float* from,
            float* to) const {
    args.ParallelFor(outer * table.out, 1 + 16384 / inner, [&](int64_t begin, int64_t end) {
      constexpr int64_t kSome = 16;
      const float* rows[kSome];
      float weights[kSome];
      for (int64_t row = begin; row < end; ++row) {
        const int64_t o = row / table.out, at = row % table.out * table.taps;
        float* out = to + row * inner;
        if (table.index[at] < 0) {
          std::fill(out, out + inner, static_cast<float>(params_.extrapolation));
          continue;
        }
        // Further taps are added to what the first ones gave, which is a row of weight one.
        for (int64_t k = 0; k < table.taps;) {
          int64_t count = 0;
          if (k > 0) rows[count] = out, weights[count++] = 1;
          for (; k < table.taps && count < kSome; ++k, ++count) {
            rows[count] = from + (o * table.in + table.index[at + k]) * inner;
            weights[count] = static_cast<float>(table.weight[at + k]);
          }
          HWY_DYNAMIC_DISPATCH(BlendRows)(rows, weights, count, inner, out);
        }
      }
    });
  }

  // fn(piece, first row, last row) over rows in at most kPieces pieces.
  template <class Fn>
  static void OverPieces(const LaunchArgs& args, int64_t rows, int64_t row_work, Fn&& fn) {
    const int64_t grain = std::max((rows + kPieces - 1) / kPieces, 1 + 16384 / row_work);
    args.ParallelFor((rows + grain - 1) / grain, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) fn(piece, piece * grain, std::min(rows, (piece + 1) * grain));
    });
  }

  // from: [planes, down.in, across.in], to: [planes, down.out, across.out].
  void Planes(const LaunchArgs& args, const Plan& plan, const float* from, int64_t planes, float* to) const {
    const AxisTable &down = plan.down, &across = plan.across;
    const int64_t width = across.out, taps = down.taps;
    OverPieces(args, planes * down.out, width * (across.taps + taps), [&](int64_t piece, int64_t begin, int64_t end) {
      const float** rows = plan.rows + piece * taps;
      float* weights = plan.row_weights + piece * taps;
      int64_t* tags = plan.tags + piece * taps;
      float* ring = plan.ring + piece * taps * width;
      std::fill(tags, tags + taps, int64_t{-1});
      // Row `at` of the input along the last axis. The rows of one window are less than `taps` apart.
      auto across_row = [&](int64_t plane, int64_t at, float* target) -> const float* {
        const int64_t tag = plane * down.in + at;
        const float* row = from + tag * across.in;
        if (across.identity) return row;
        float* out = target ? target : ring + at % taps * width;
        if (!target && tags[at % taps] == tag) return out;
        if (!target) tags[at % taps] = tag;
        HWY_DYNAMIC_DISPATCH(GatherRow)(row, plan.index, plan.blocks, plan.weight, plan.bias, across.taps, width, out);
        return out;
      };
      for (int64_t r = begin; r < end; ++r) {
        const int64_t plane = r / down.out, y = r % down.out;
        float* out = to + r * width;
        if (down.identity) {
          const float* row = across_row(plane, y, out);
          if (row != out) std::copy_n(row, width, out);
          continue;
        }
        if (down.index[y * taps] < 0) {
          std::fill(out, out + width, static_cast<float>(params_.extrapolation));
          continue;
        }
        for (int64_t k = 0; k < taps; ++k) {
          rows[k] = across_row(plane, down.index[y * taps + k], nullptr);
          weights[k] = static_cast<float>(down.weight[y * taps + k]);
        }
        HWY_DYNAMIC_DISPATCH(BlendRows)(rows, weights, taps, width, out);
      }
    });
  }

  void Nearest(const LaunchArgs& args, const Plan& plan, const TensorView& x, const TensorView& y) const {
    const int64_t width = plan.across.out, height = plan.down.out;
    PickedRows whole{};
    whole.down = plan.down.identity ? nullptr : plan.down.index;
    whole.in_width = plan.across.in;
    whole.width = width;
    whole.index = plan.across.identity ? nullptr : plan.index;
    whole.blocks = plan.blocks;
    whole.crops = params_.coordinates == Coordinates::kTfCropAndResize;
    whole.outside = static_cast<float>(params_.extrapolation);
    OverPieces(args, y.count() / width, width, [&](int64_t, int64_t begin, int64_t end) {
      while (begin < end) {
        const int64_t stop = std::min(end, (begin / height + 1) * height);
        PickedRows rows = whole;
        rows.first = begin % height;
        rows.last = rows.first + stop - begin;
        rows.to = y.as<float>() + begin * width;
        const int64_t plane = PlaneOf(plan, x, y, begin / height);
        if (plane >= 0) rows.plane = x.as<float>() + plane * plan.down.in * plan.across.in;
        HWY_DYNAMIC_DISPATCH(PickRows)(rows);
        begin = stop;
      }
    });
  }

  // The plane of x for a plane of y; -1 outside of the crop.
  static int64_t PlaneOf(const Plan& plan, const TensorView& x, const TensorView& y, int64_t plane) {
    int64_t source = 0, stride = 1;
    for (int axis = x.rank - 3; axis >= 0; --axis) {
      const int64_t at = plane % y.dim(axis);
      const int64_t picked = plan.tables[axis].identity ? at : plan.tables[axis].index[at];
      if (picked < 0) return -1;
      source += picked * stride;
      plane /= y.dim(axis);
      stride *= x.dim(axis);
    }
    return source;
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("Resize"),
    MakeThroughFloat<Cpu, 1>("Resize"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::resize
#endif
