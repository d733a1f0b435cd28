// A provider of the engine over a simulated device, with every CUDA kernel.
#ifndef ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_
#define ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_

#include "onda/provider.h"

namespace onda::cuda_sim {

// Options: seed=N.
const OndaProviderDef* SimProvider();

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_
