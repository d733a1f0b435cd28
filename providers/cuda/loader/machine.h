// The libraries that the provider needs, and what of them and of devices there is; asked without linking any of them.
#ifndef ONDA_PROVIDERS_CUDA_LOADER_MACHINE_H_
#define ONDA_PROVIDERS_CUDA_LOADER_MACHINE_H_

#include <span>
#include <string>

namespace onda::cuda {

struct NeededLibrary {
  const char* file;
  const char* what;  // with its version
};
std::span<const NeededLibrary> NeededLibraries();

// Looks where the system does, in CUDA_HOME, in /usr/local/cuda, in `folder`, and where Python packages beside it have
// them. True where it is loaded now.
bool LoadNeeded(const NeededLibrary& library, const std::string& folder);

// "driver for CUDA 13.0, 1 device: NVIDIA H100 (compute capability 9.0)"
std::string FoundText();
std::string NeededText();

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_LOADER_MACHINE_H_
