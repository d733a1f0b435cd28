// The CPU provider's kernels behind a launch function of the tests' own.
#ifndef ONDA_TESTS_PROVIDERS_WRAPPED_KERNEL_H_
#define ONDA_TESTS_PROVIDERS_WRAPPED_KERNEL_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "onda/provider.h"

namespace onda {

// What the launch function gets as its kernel.
struct WrappedKernel {
  const OndaKernelDef* inner;
  void* kernel;      // of inner
  std::string name;  // "Add 'sum'"

  void Launch(const OndaLaunch& launch, OndaStatus* status) const { inner->launch(kernel, &launch, status); }
};

using LaunchFunction = void (*)(const void* kernel, const OndaLaunch* launch, OndaStatus* status);

// CpuKernels(domain, op)[index] as it is, but for its launches. strings: whether nodes on strings are taken too.
OndaKernelDef WrapKernel(std::string_view domain, std::string_view op, size_t index, bool strings,
                         LaunchFunction launch);

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_WRAPPED_KERNEL_H_
