// Col2Im: adds blocks of an image, laid out as columns, back into the image.
#ifndef ONDA_KERNELS_FOLD_FOLD_H_
#define ONDA_KERNELS_FOLD_FOLD_H_

#include "onda/provider.h"

namespace onda::fold {

// Empty lists stand for ones (zeros for pads).
struct Params {
  explicit Params(const Attributes& a)
      : strides(a.Ints("strides")), pads(a.Ints("pads")), dilations(a.Ints("dilations")) {}

  // Throws where the lists do not fit so many axes or hold what cannot be.
  void Check(size_t axes) const {
    auto check = [](const std::vector<int64_t>& list, size_t size, int64_t least, const char* name) {
      bool good = list.empty() || list.size() == size;
      for (int64_t value : list) good = good && value >= least && value < (int64_t{1} << 40);
      if (!good) throw Error(ErrorCode::kInvalidModel, std::string(name) + " do not fit the image");
    };
    check(strides, axes, 1, "strides");
    check(dilations, axes, 1, "dilations");
    check(pads, 2 * axes, 0, "pads");
  }
  int64_t stride(size_t axis) const { return strides.empty() ? 1 : strides[axis]; }
  int64_t dilation(size_t axis) const { return dilations.empty() ? 1 : dilations[axis]; }
  int64_t pad_begin(size_t axis) const { return pads.empty() ? 0 : pads[axis]; }
  int64_t pad_end(size_t axis, size_t axes) const { return pads.empty() ? 0 : pads[axes + axis]; }

  std::vector<int64_t> strides, pads, dilations;
};

}  // namespace onda::fold

#endif  // ONDA_KERNELS_FOLD_FOLD_H_
