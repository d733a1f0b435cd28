#include <span>

#include "kernels/case.h"

namespace onda::region {

// Regions appear by claims of providers alone: the tests of providers have them.
std::span<const Case> Cases() { return {}; }

}  // namespace onda::region
