// Resize (and through it Upsample): per axis, every output position is a weighted sum of input positions.
//
// The canonical form is Resize-19, with two more values that older versions had: coordinate_transformation_mode
// "tf_half_pixel_for_nn" (Resize-11) and nearest_mode "simple" (Resize-10 and Upsample: down where an axis grows, up
// where it shrinks).
#ifndef ONDA_KERNELS_RESIZE_RESIZE_H_
#define ONDA_KERNELS_RESIZE_RESIZE_H_

#include "kernels/simd/carver.h"
#include "onda/provider.h"

namespace onda::resize {

enum class Mode { kNearest, kLinear, kCubic };
enum class Coordinates {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,
  kTfCropAndResize,
};
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil, kSimple };
enum class AspectPolicy { kStretch, kNotLarger, kNotSmaller };

enum Input { kX, kRoi, kScales, kSizes };

// What the taps of an axis depend on, beside the axis.
struct TapRule {
  Mode mode;
  Coordinates coordinates;
  NearestMode nearest;
  bool antialias, exclude_outside;
  double cubic_a;
};

struct Params : TapRule {
  explicit Params(const Attributes& attributes);

  AspectPolicy policy;
  double extrapolation;
  std::vector<int64_t> axes;  // as given; empty: all

  // Where `scales`, `sizes` and half of `roi` have the value of `axis`; -1 for an axis that is not resized.
  int64_t PositionOf(int axis, int rank) const;
};

// The extent of an axis of `length` under a scale: floor(length * scale), in single precision as ONNX's own inference.
int64_t ScaledLength(int64_t length, float scale);

// The common scale of an aspect-keeping policy, for ratios size / length of the resized axes.
double CommonScale(AspectPolicy policy, std::span<const double> ratios);
// round(scale * length), halves up.
int64_t RoundedLength(int64_t length, double scale);

// How the positions of one axis come from those of the input: out x taps indices (clamped to the input) and weights. An
// output position outside of the crop has index -1 at its first tap. Nearest has one tap and no weights.
struct AxisTable {
  int64_t in = 1, out = 1, taps = 1;
  bool identity = true;
  int64_t* index = nullptr;
  double* weight = nullptr;
};

// What is known of an axis once shapes are bound.
struct AxisScale {
  int64_t in, out;
  double scale, roi_start, roi_end;
  bool given;  // scale comes from `scales`, which are in single precision, and not from `sizes`
};
AxisScale ScaleOf(const Params& params, TensorViews inputs, const TensorView& output, int axis);

// The table of one axis, its arrays taken from the workspace; they are filled in where there is memory.
AxisTable MakeTable(const Params& params, const AxisScale& axis, Carver& carver);

// Calls fn(axis, outer, inner) for every axis in [0, end) that is resized, in the order in which passes over one axis
// at a time are to be made: axes that shrink come first, so that no array between two passes is larger than both ends.
// outer and inner are the numbers of elements before and behind the axis at that time.
template <class Fn>
void ForEachPass(const AxisTable* tables, int rank, int end, Fn&& fn) {
  auto shrinks = [&](int axis) { return axis < end && tables[axis].out < tables[axis].in; };
  for (const bool shrinking : {true, false}) {
    for (int axis = 0; axis < end; ++axis) {
      if (tables[axis].identity || shrinks(axis) != shrinking) continue;
      int64_t outer = 1, inner = 1;
      for (int other = 0; other < rank; ++other) {
        if (other == axis) continue;
        const bool done = other < end && (shrinks(other) == shrinking ? other < axis : !shrinking);
        (other < axis ? outer : inner) *= done ? tables[other].out : tables[other].in;
      }
      fn(axis, outer, inner);
    }
  }
}

// Rejects what only run time knows. Returns false where the output is empty.
bool CheckExtents(const TensorView& x, const TensorView& y);

}  // namespace onda::resize

#endif  // ONDA_KERNELS_RESIZE_RESIZE_H_
