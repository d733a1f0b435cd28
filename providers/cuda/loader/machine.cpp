#include "providers/cuda/loader/machine.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn_version.h>
#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#define ONDA_TEXT_OF(x) #x
#define ONDA_TEXT(x) ONDA_TEXT_OF(x)

namespace onda::cuda {
namespace {

constexpr NeededLibrary kNeeded[] = {
    {"libcublasLt.so." ONDA_TEXT(CUBLAS_VER_MAJOR), "cuBLASLt " ONDA_TEXT(CUBLAS_VER_MAJOR)},
    {"libcudnn.so." ONDA_TEXT(CUDNN_MAJOR), "cuDNN " ONDA_TEXT(CUDNN_MAJOR) "." ONDA_TEXT(CUDNN_MINOR)},
    {"libnvrtc.so." ONDA_TEXT(CUBLAS_VER_MAJOR), "NVRTC " ONDA_TEXT(CUBLAS_VER_MAJOR)},
#ifdef ONDA_TEST_NEEDED
    {ONDA_TEST_NEEDED, "a library that is nowhere"},
#endif
};

std::string CudaVersion(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// A function of the driver's library. Result codes are 0 for success.
template <class Function>
Function Find(void* driver, const char* name) {
  return reinterpret_cast<Function>(dlsym(driver, name));
}

}  // namespace

std::span<const NeededLibrary> NeededLibraries() { return kNeeded; }

bool LoadNeeded(const NeededLibrary& library, const std::string& folder) {
  std::vector<std::string> folders{""};
  if (const char* home = std::getenv("CUDA_HOME")) {
    folders.push_back(std::string(home) + "/lib64/");
    folders.push_back(std::string(home) + "/lib/");
  }
  folders.push_back("/usr/local/cuda/lib64/");
  for (const char* below : {"/", "/../nvidia/cu13/lib/", "/../nvidia/cudnn/lib/"}) folders.push_back(folder + below);
  for (const std::string& at : folders)
    if (dlopen((at + library.file).c_str(), RTLD_LAZY | RTLD_LOCAL)) return true;
  return false;
}

std::string FoundText() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver) return "no NVIDIA driver (libcuda.so.1)";
  std::string text = "an NVIDIA driver";
  int version = 0, count = 0;
  const auto get_version = Find<int (*)(int*)>(driver, "cuDriverGetVersion");
  if (get_version && get_version(&version) == 0) text += " for CUDA " + CudaVersion(version);
  const auto init = Find<int (*)(unsigned)>(driver, "cuInit");
  const auto get_count = Find<int (*)(int*)>(driver, "cuDeviceGetCount");
  const auto get_name = Find<int (*)(char*, int, int)>(driver, "cuDeviceGetName");
  const auto get_attribute = Find<int (*)(int*, int, int)>(driver, "cuDeviceGetAttribute");
  if (!init || !get_count || !get_name || !get_attribute || init(0) != 0 || get_count(&count) != 0)
    return text + ", which does not start";
  text += ", " + std::to_string(count) + (count == 1 ? " device" : " devices");
  for (int i = 0; i < count; ++i) {
    char name[256] = "";
    int major = 0, minor = 0;
    get_name(name, sizeof(name), i);
    get_attribute(&major, 75, i);  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
    get_attribute(&minor, 76, i);
    text += (i ? ", " : ": ") + std::string(name) + " (compute capability " + std::to_string(major) + "." +
            std::to_string(minor) + ")";
  }
  return text;
}

std::string NeededText() {
  std::string text =
      "a driver for CUDA " + CudaVersion(CUDART_VERSION) + " or later and a GPU of compute capability 8.0 or later";
  for (const NeededLibrary& library : kNeeded) text += ", " + std::string(library.what);
  return text;
}

}  // namespace onda::cuda
