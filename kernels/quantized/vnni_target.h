// Between ONDA_BEGIN_VNNI and ONDA_END_VNNI functions are compiled for AVX-512 with VNNI, whatever the rest is for.
// Templates and inline functions that they call have to stand between them too.
#ifndef ONDA_KERNELS_QUANTIZED_VNNI_TARGET_H_
#define ONDA_KERNELS_QUANTIZED_VNNI_TARGET_H_

#include <immintrin.h>

#define ONDA_PRAGMA(...) _Pragma(#__VA_ARGS__)
#if defined(__clang__)
#define ONDA_BEGIN_VNNI                                                                                      \
  ONDA_PRAGMA(clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), \
                                   apply_to = function))
#define ONDA_END_VNNI ONDA_PRAGMA(clang attribute pop)
#else
#define ONDA_BEGIN_VNNI         \
  ONDA_PRAGMA(GCC push_options) \
  ONDA_PRAGMA(GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))
#define ONDA_END_VNNI ONDA_PRAGMA(GCC pop_options)
#endif

#endif  // ONDA_KERNELS_QUANTIZED_VNNI_TARGET_H_
