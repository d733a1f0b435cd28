// Runs a test on every instruction set that this machine and the library both have.
#ifndef ONDA_TESTS_KERNELS_TARGETS_H_
#define ONDA_TESTS_KERNELS_TARGETS_H_

#include <cstdint>

#include "hwy/highway.h"

namespace onda {

// fn(name of the instruction set).
template <class Fn>
void ForEachTarget(Fn&& fn) {
  const int64_t all = hwy::SupportedTargets();
  auto choose = [](int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  };
  struct {
    int64_t target;
    const char* name;
  } const targets[] = {{HWY_AVX3, "AVX-512"}, {HWY_AVX2, "AVX2"}, {HWY_SCALAR, "plain"}};
  for (const auto& [target, name] : targets) {
    if (!(all & target) && target != HWY_SCALAR) continue;
    choose(target);
    fn(name);
  }
  choose(0);
}

}  // namespace onda

#endif  // ONDA_TESTS_KERNELS_TARGETS_H_
