// What the files of the CUDA elementwise kernels share: parameters as the device takes them, and launch shapes.
#ifndef ONDA_KERNELS_ELEMENTWISE_CUDA_ROWS_H_
#define ONDA_KERNELS_ELEMENTWISE_CUDA_ROWS_H_

#include "kernels/device/element.h"
#include "kernels/device/vector.h"
#include "kernels/elementwise/elementwise.h"
#include "providers/cuda/device.h"

namespace onda::elementwise {

inline constexpr int kElementThreads = 256;

// Params in the type that elements are computed in.
template <class C>
struct DeviceParams {
  C alpha, beta;
  bool flag, flag2;
  int32_t bits;
};
template <class C>
DeviceParams<C> ForDevice(const Params& p) {
  return {static_cast<C>(p.alpha), static_cast<C>(p.beta), p.flag, p.flag2, p.bits};
}

// One thread for every `per_thread` of n elements.
inline cuda::LaunchConfig OverElements(int64_t n, int per_thread) {
  return {.grid = {cuda::BlocksFor(n, int64_t{kElementThreads} * per_thread)}, .block = {kElementThreads}};
}

// The output's element where an operator's result is not a number.
template <class U, class C>
__device__ inline U Result(C value) {
  if constexpr (std::is_same_v<U, bool>)
    return value != C(0);
  else
    return cuda::Narrow<U>(value);
}

std::span<const OndaKernelDef> BinaryCudaKernels();
std::span<const OndaKernelDef> WhereCudaKernels();

}  // namespace onda::elementwise

#endif  // ONDA_KERNELS_ELEMENTWISE_CUDA_ROWS_H_
