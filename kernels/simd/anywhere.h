// Small functions that kernels for the host and for the device share.
#ifndef ONDA_KERNELS_SIMD_ANYWHERE_H_
#define ONDA_KERNELS_SIMD_ANYWHERE_H_

#ifdef __CUDACC__
#define ONDA_ANYWHERE __host__ __device__
#else
#define ONDA_ANYWHERE
#endif

namespace onda {

// std::min and std::max are for the host alone.
template <class T>
ONDA_ANYWHERE constexpr T Least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
ONDA_ANYWHERE constexpr T Most(T a, T b) {
  return a < b ? b : a;
}

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_ANYWHERE_H_
