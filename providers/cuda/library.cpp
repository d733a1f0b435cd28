// What libonda_cuda.so exports.
#include "onda/provider.h"
#include "providers/cuda/provider.h"

extern "C" __attribute__((visibility("default"))) const OndaProviderDef* OndaGetProvider(uint32_t abi) {
  return abi == kOndaProviderAbi ? onda::cuda::Provider() : nullptr;
}
