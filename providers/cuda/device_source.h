// The devices that a library of the CUDA provider is linked with: those of this machine (machine_devices.cpp), or the
// simulator's.
#ifndef ONDA_PROVIDERS_CUDA_DEVICE_SOURCE_H_
#define ONDA_PROVIDERS_CUDA_DEVICE_SOURCE_H_

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "onda/make_provider.h"
#include "providers/cuda/device.h"

namespace onda::cuda {

using WriteLine = std::function<void(std::string_view what, std::string_view text)>;

// Throws kNotFound where there is no such device, naming the versions found and needed. May read options of its own.
std::unique_ptr<Device> MakeDevice(int ordinal, ProviderOptions& options);

// The kernels of a provider over that device, best first.
std::vector<const OndaKernelDef*> MakeKernels(int ordinal, ProviderOptions& options);

// Devices, driver and libraries: what was found, and what is needed and missing.
void DescribeMachine(const WriteLine& write);

// As users read it: "H100, compute capability 9.0, 80 GB, ...".
void DescribeDevice(const Properties& properties, const WriteLine& write);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_DEVICE_SOURCE_H_
