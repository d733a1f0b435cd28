#include <span>

#include "kernels/case.h"

namespace onda::copies {

// Copies appear by placement alone: the tests of providers have them.
std::span<const Case> Cases() { return {}; }

}  // namespace onda::copies
