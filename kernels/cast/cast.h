// Cast and CastLike convert values, BitCast keeps bits.
#ifndef ONDA_KERNELS_CAST_CAST_H_
#define ONDA_KERNELS_CAST_CAST_H_

#include "onda/provider.h"

namespace onda::cast {

enum class PowerRounding { kUp, kDown, kNearest };

// How values that a float8 type cannot hold are treated; the other types ignore it.
struct Params {
  bool saturate;
  PowerRounding rounding;  // to float8e8m0
  explicit Params(const Attributes& a) : saturate(a.Int("saturate", 1) != 0) {
    const std::string mode = a.String("round_mode", "up");
    if (mode != "up" && mode != "down" && mode != "nearest")
      throw Error(ErrorCode::kInvalidModel, "attribute 'round_mode' is '" + mode + "'");
    rounding = mode == "up" ? PowerRounding::kUp : mode == "down" ? PowerRounding::kDown : PowerRounding::kNearest;
  }
};

// y[i] = x[i] in another type, in vectors; null where there is no such form of the pair. Rounds halves up from a tie
// to even, as Params' default does.
using CastFunction = void (*)(const void* x, void* y, int64_t n);
CastFunction FindCastFunction(DType from, DType to);

// A float as it is printed by numpy: the fewest digits that read back as the same element of `type`.
std::string FormatReal(DType type, double value);
// Throws kRuntime for what is not a number. Surrounding blanks are skipped.
double ParseReal(const std::string& text);
// Low bits of the integer, also of a number with a fraction, whose fraction is dropped.
int64_t ParseInteger(const std::string& text);
// "True", "False" in any case, or a number that is not zero.
bool ParseBool(const std::string& text);

}  // namespace onda::cast

#endif  // ONDA_KERNELS_CAST_CAST_H_
