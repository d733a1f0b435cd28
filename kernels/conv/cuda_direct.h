// Convolutions by our own kernel, for what the library does not take.
#ifndef ONDA_KERNELS_CONV_CUDA_DIRECT_H_
#define ONDA_KERNELS_CONV_CUDA_DIRECT_H_

#include "kernels/simd/activation.h"
#include "kernels/window/window.h"
#include "providers/cuda/device.h"

namespace onda::conv {

struct DirectConv {
  window::Window window;
  int64_t batch, groups, in_channels, out_channels;  // channels of one group
  bool transposed;                                   // w (channels, out channels / groups, kernel...)
  bool channels_last;                                // of x, w, z and y; not where transposed
  Activation activation;
};

// z, to be added before the activation, and bias may be absent. All operands are of one real type.
void RunDirect(const LaunchArgs& args, const DirectConv& conv, const TensorView& x, const TensorView& w,
               const TensorView& bias, const TensorView& z, const TensorView& y);

// y = activation(y + bias) behind a library's plan. The bias, of y's channels, may be absent.
void RunFinish(const LaunchArgs& args, const TensorView& bias, const Activation& activation, const TensorView& y,
               window::Order order = window::Order::kChannelsFirst);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_CUDA_DIRECT_H_
