// Whether a result is what was expected, by the rule of ONNX's own backend tests.
#ifndef ONDA_CLI_DATA_COMPARE_H_
#define ONDA_CLI_DATA_COMPARE_H_

#include <string>

#include "cli/data/data.h"

namespace onda::cli {

struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-7;
  bool unordered = false;  // elements may come in any order
};

// "" where `actual` equals `expected`: kinds, element types, shapes and counts are the same, strings equal, and numbers
// within |actual - expected| <= atol + rtol * |expected|, where NaN equals NaN and infinities equal themselves. For
// bfloat16 rtol is at least 2^-6. Otherwise says in one line what differs.
std::string Compare(const Data& expected, const Data& actual, const Tolerance& tolerance);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_COMPARE_H_
