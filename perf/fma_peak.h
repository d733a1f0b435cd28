// The yardstick of the compute kernels: a loop of independent fused multiply-adds.
#ifndef ONDA_PERF_FMA_PEAK_H_
#define ONDA_PERF_FMA_PEAK_H_

namespace onda {

// GFLOP/s of one thread on the widest vectors that this machine has; takes about `seconds`.
double FmaPeak(double seconds);

}  // namespace onda

#endif  // ONDA_PERF_FMA_PEAK_H_
