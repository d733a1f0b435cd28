// fp32 convolution over up to three spatial dimensions: which loops to run, prepared weights, and the loops.
//
// x is (batch, groups * in_channels, in...), w (groups * out_channels, in_channels, kernel...), y (batch, groups *
// out_channels, out...), all row-major. Nothing here allocates.
#ifndef ONDA_KERNELS_CONV_ENGINE_H_
#define ONDA_KERNELS_CONV_ENGINE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/simd/activation.h"
#include "kernels/simd/parallel.h"

namespace onda::conv {

// Unused leading spatial dimensions have extent, kernel, stride and dilation 1.
struct Problem {
  int64_t batch = 1, groups = 1;
  int64_t in_channels = 1, out_channels = 1;  // per group
  std::array<int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};
  std::array<int64_t, 3> pad{0, 0, 0};  // before; what comes after follows from out

  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
  int64_t kernel_size() const { return kernel[0] * kernel[1] * kernel[2]; }
};

struct Operands {
  const float* x;
  const float* weights;           // PackWeights' output
  const float* bias = nullptr;    // (groups * out_channels)
  const float* addend = nullptr;  // like y; added before the activation
  Activation activation;
  float* y;
};

// Floats of prepared weights. They depend on groups, channels and kernel only, and on this machine's instruction set.
int64_t PackedWeightSize(const Problem& p);
void PackWeights(const Problem& p, const float* w, float* out);

size_t WorkspaceBytes(const Problem& p, int threads);
// workspace is 64-byte aligned and sized for at least parallel.threads threads.
void Run(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_ENGINE_H_
