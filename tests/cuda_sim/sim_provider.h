// The CUDA provider over simulated devices.
#ifndef ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_
#define ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_

#include "onda/provider.h"

namespace onda::cuda_sim {

// Options beside the provider's own: seed=N of the order of work, memory=BYTES of the device.
const OndaProviderDef* SimProvider();

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_
