// What libonda_provider_cuda_sim.so exports.
#include "tests/cuda_sim/sim_provider.h"

extern "C" __attribute__((visibility("default"))) const OndaProviderDef* OndaGetProvider(uint32_t abi) {
  return abi == kOndaProviderAbi ? onda::cuda_sim::SimProvider() : nullptr;
}
