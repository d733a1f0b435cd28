// Zero points and scales as the integer product wants them: int32 and float, one for all lines or one per line.
#ifndef ONDA_KERNELS_QUANTIZED_PER_LINE_H_
#define ONDA_KERNELS_QUANTIZED_PER_LINE_H_

#include "kernels/quantized/igemm.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/launch.h"
#include "onda/float_formats.h"

namespace onda::quantized {

inline bool Is8Bit(DType t) { return t == DType::kInt8 || t == DType::kUint8; }

// Reserves room for `lines` numbers of t, or for one; fills it by `index`, which gives a line's place in t, unless the
// carver only counts.
template <class T, class Index>
PerLine<T> Spread(Carver& carver, const TensorView& t, int64_t lines, Index&& index) {
  if (!t.present()) return {};
  const bool single = t.count() == 1;
  T* const out = carver.Take<T>(single ? 1 : lines);
  if (!out || !t.data) return {out, single ? 0 : 1};
  for (int64_t i = 0; i < (single ? 1 : lines); ++i) {
    if constexpr (std::is_same_v<T, float>) {
      out[i] = static_cast<float>(LoadDouble(t.type(), t.data, index(i)));
    } else {
      out[i] = static_cast<T>(LoadInt64(t.type(), t.data, index(i)));
    }
  }
  return {out, single ? 0 : 1};
}

// Constants are prepared where the operand and its zero point, if any, are both known.
inline bool Preparable(const NodeView& node, int operand, int zero) {
  const FactView &o = node.input(operand), &z = node.input(zero < 0 ? node.input_count() : zero);
  return o.constant && o.static_shape() && (!z.present() || (z.constant && z.static_shape()));
}

// A fact with its constant as a view.
inline TensorView ViewOf(const FactView& fact) {
  return {{const_cast<void*>(fact.constant), fact.dims, fact.rank < 0 ? 0 : fact.rank, fact.dtype}};
}

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_PER_LINE_H_
