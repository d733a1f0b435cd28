// Weights of a recurrent operator in the form that steps.h wants them.
#ifndef ONDA_KERNELS_RECURRENT_PACK_H_
#define ONDA_KERNELS_RECURRENT_PACK_H_

#include "kernels/recurrent/recurrent.h"
#include "kernels/simd/carver.h"

namespace onda::recurrent {

// Extents in groups of hidden units.
struct Packing {
  int64_t width, groups, hidden, input, gates;
  bool split;  // of R, gate n is packed apart from z and r

  int64_t padded() const { return groups * width; }
  int64_t recurrent_gates() const { return split ? 2 : gates; }
};

// Packed weights of one direction.
struct Weights {
  Weights(const Packing& p, Carver& carver);
  float *w, *r, *rn, *wb, *rb, *rbn, *peepholes;
};

// Packs one direction. get(i) gives the Elements of input i.
class Packer {
 public:
  template <class Get>
  Packer(const Params& params, const Packing& packing, Get&& get)
      : params_(params), p_(packing), w_(get(kW)), r_(get(kR)), bias_(get(kBias)) {
    if (params.cell == Cell::kLstm) peepholes_ = get(kPeepholes);
    if (!params.quantized) return;
    w_scale_ = get(kWScale), w_zero_ = get(kWZero), r_scale_ = get(kRScale), r_zero_ = get(kRZero);
  }

  void Run(int direction, const Weights& to) const;

 private:
  Params params_;
  Packing p_;
  Elements w_, r_, bias_, peepholes_{}, w_scale_{}, w_zero_{}, r_scale_{}, r_zero_{};
};

}  // namespace onda::recurrent

#endif  // ONDA_KERNELS_RECURRENT_PACK_H_
