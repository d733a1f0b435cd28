// The CUDA provider: the table of onda/provider.h over a device.
#ifndef ONDA_PROVIDERS_CUDA_PROVIDER_H_
#define ONDA_PROVIDERS_CUDA_PROVIDER_H_

#include "onda/provider.h"

namespace onda::cuda {

const OndaProviderDef* Provider();

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_PROVIDER_H_
