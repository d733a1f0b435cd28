// One step of an optimizer on n tensors at once: Adagrad, Adam, Momentum. Inputs are the learning rate R, the update
// count T, then the n tensors X, their n gradients G, and n of each accumulator; outputs are the new X and
// accumulators.
#ifndef ONDA_KERNELS_TRAINING_TRAINING_H_
#define ONDA_KERNELS_TRAINING_TRAINING_H_

#include "onda/provider.h"

namespace onda::training {

// Accumulators of each tensor: Adagrad's and Momentum's one, Adam's two.
inline int AccumulatorsOf(std::string_view op) { return op == "Adam" ? 2 : 1; }

}  // namespace onda::training

#endif  // ONDA_KERNELS_TRAINING_TRAINING_H_
