#include "tests/fuzz/target.h"

namespace onda::fuzz {

std::span<const Target> Targets() {
  static constexpr Target kTargets[] = {{"import", Import, false},
                                        {"text", Text, true},
                                        {"run", Run, true},
                                        {"reference", Reference, true},
                                        {"providers", Providers, true}};
  return kTargets;
}

}  // namespace onda::fuzz
