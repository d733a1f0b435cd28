// The CUDA provider over simulated devices.
#ifndef ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_
#define ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_

#include "onda/provider.h"

namespace onda::cuda_sim {

// Options beside the provider's own: seed=N of the order of work and of the operators that are taken; share=P of 1000
// operators, how many are taken (1000); memory=BYTES of the device.
const OndaProviderDef* SimProvider();

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SIM_PROVIDER_H_
