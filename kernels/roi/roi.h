// RoiAlign's parameters and where its samples lie.
#ifndef ONDA_KERNELS_ROI_ROI_H_
#define ONDA_KERNELS_ROI_ROI_H_

#include <cmath>

#include "kernels/simd/anywhere.h"
#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::roi {

struct Params {
  explicit Params(const Attributes& a)
      : scale(a.Float("spatial_scale", 1)),
        sampling_ratio(a.Int("sampling_ratio", 0)),
        half_pixel(a.String("coordinate_transformation_mode", "half_pixel") == "half_pixel"),
        max(a.String("mode", "avg") == "max") {}

  double scale;
  int64_t sampling_ratio;  // 0: as many as the bin has pixels
  bool half_pixel, max;
};

inline int64_t BatchOf(double index, int64_t batches) {
  if (!(index >= 0 && index < static_cast<double>(batches))) {
    throw Error(ErrorCode::kRuntime,
                "a region's batch index " + std::to_string(index) + " is not below " + std::to_string(batches));
  }
  return static_cast<int64_t>(index);
}

// The samples of one bin along one axis: start + (i + 0.5) * step, of which those with i in [first, last) may lie
// within
// [-1, length]. Real is the type in which the places are computed: rounding up the number of samples depends on it.
template <class Real>
struct Samples {
  ONDA_ANYWHERE Samples(Real bin_start, Real bin_size, Real samples, int64_t image_length)
      : start(bin_start), step(bin_size / samples), length(image_length) {
    const double count = static_cast<double>(samples);
    double low = 0, high = count;
    if (step != 0) {
      const double a = (-1 - static_cast<double>(start)) / static_cast<double>(step) - 0.5;
      const double b = (static_cast<double>(length) - static_cast<double>(start)) / static_cast<double>(step) - 0.5;
      // Two more on either side for rounding; each one is looked at again.
      low = std::floor(Least(a, b)) - 2;
      high = std::ceil(Most(a, b)) + 2;
    }
    if (!(count > 0) || !(low < count) || !(high > 0)) return;
    first = low > 0 ? static_cast<int64_t>(Least(low, 0x1p53)) : 0;
    last = static_cast<int64_t>(Least(Least(high, count), 0x1p53));
    // More would take years; the products of two such numbers must not overflow.
    last = Least(last, first + (int64_t{1} << 30));
  }

  // The two pixels around sample i and the weight of the second; false where it lies outside.
  ONDA_ANYWHERE bool At(int64_t i, int64_t& low, int64_t& high, Real& weight) const {
    Real at = start + (static_cast<Real>(i) + static_cast<Real>(0.5)) * step;
    if (!(at >= -1 && at <= static_cast<Real>(length))) return false;
    at = Most<Real>(at, 0);
    low = static_cast<int64_t>(at);
    if (low >= length - 1) {
      low = high = length - 1;
      weight = 0;
    } else {
      high = low + 1;
      weight = at - static_cast<Real>(low);
    }
    return true;
  }

  Real start, step;
  int64_t length, first = 0, last = 0;
};

// A region with these corners (x1, y1, x2, y2), cut into so many bins.
template <class Real>
struct Region {
  ONDA_ANYWHERE Region(const Params& params, const Real (&corners)[4], int64_t rows, int64_t columns) {
    const Real shift = static_cast<Real>(params.half_pixel ? 0.5 : 0.0), scale = static_cast<Real>(params.scale);
    left = corners[0] * scale - shift;
    top = corners[1] * scale - shift;
    Real width = corners[2] * scale - shift - left, height = corners[3] * scale - shift - top;
    // Without the shift a region has at least one pixel.
    if (!params.half_pixel) width = Most<Real>(width, 1), height = Most<Real>(height, 1);
    bin_height = height / static_cast<Real>(rows);
    bin_width = width / static_cast<Real>(columns);
    samples_down = params.sampling_ratio > 0 ? static_cast<Real>(params.sampling_ratio) : std::ceil(bin_height);
    samples_across = params.sampling_ratio > 0 ? static_cast<Real>(params.sampling_ratio) : std::ceil(bin_width);
  }

  ONDA_ANYWHERE Samples<Real> Down(int64_t row, int64_t length) const {
    return {top + static_cast<Real>(row) * bin_height, bin_height, samples_down, length};
  }
  ONDA_ANYWHERE Samples<Real> Across(int64_t column, int64_t length) const {
    return {left + static_cast<Real>(column) * bin_width, bin_width, samples_across, length};
  }
  // Samples of a bin.
  ONDA_ANYWHERE double count() const { return static_cast<double>(samples_down) * static_cast<double>(samples_across); }

  Real left, top, bin_height, bin_width, samples_down, samples_across;
};

// Region r of rois [R, 4], cut into the bins of y [R, C, rows, columns].
template <class Real>
Region<Real> RegionOf(const Params& params, const TensorView& rois, int64_t r, const TensorView& y) {
  Real corners[4];
  for (int i = 0; i < 4; ++i) corners[i] = static_cast<Real>(LoadDouble(rois.type(), rois.data, r * 4 + i));
  return {params, corners, y.dim(2), y.dim(3)};
}

// The pixels [low, high) of a bin of MaxRoiPool along one axis: the region's pixels start..end, both included, in
// `bins` equal parts that are widened to whole pixels.
struct PixelBin {
  ONDA_ANYWHERE PixelBin(double start, double end, int64_t bin, int64_t bins, int64_t length) {
    const double extent = Most(end - start + 1, 1.0), size = extent / static_cast<double>(bins);
    const double last = static_cast<double>(length);
    const double from = std::floor(static_cast<double>(bin) * size) + start;
    const double to = std::ceil(static_cast<double>(bin + 1) * size) + start;
    low = from > 0 ? static_cast<int64_t>(Least(from, last)) : 0;
    high = to > 0 ? static_cast<int64_t>(Least(to, last)) : 0;
  }
  ONDA_ANYWHERE bool empty() const { return low >= high; }
  int64_t low, high;
};

}  // namespace onda::roi

#endif  // ONDA_KERNELS_ROI_ROI_H_
