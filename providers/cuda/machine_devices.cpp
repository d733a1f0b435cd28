// The devices of this machine.
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <string>
#include <vector>

#include "kernels/cuda_table.h"
#include "providers/cuda/device_cuda.h"
#include "providers/cuda/device_source.h"

namespace onda::cuda {
namespace {

// The oldest GPUs for which the library has code.
constexpr int kLeastComputeMajor = 8;

std::string CudaVersion(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

struct Found {
  int count = 0;
  std::string missing;   // why there are none; "" where there are some
  std::string versions;  // of driver and runtime
};

Found Find() {
  Found found;
  int driver = 0, runtime = 0;
  const cudaError_t code = cudaGetDeviceCount(&found.count);
  cudaGetLastError();
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  found.versions = std::string("found: ") +
                   (driver ? "a driver for CUDA " + CudaVersion(driver) : "no NVIDIA driver (libcuda.so.1)") +
                   ", CUDA runtime " + CudaVersion(runtime) + ", cuBLASLt " + std::to_string(cublasLtGetVersion()) +
                   ", cuDNN " + std::to_string(cudnnGetVersion()) + "; needed: a driver for CUDA " +
                   CudaVersion(runtime) + " or later and a GPU of compute capability " +
                   std::to_string(kLeastComputeMajor) + ".0 or later";
  if (code != cudaSuccess) {
    found.missing = cudaGetErrorString(code);
    found.count = 0;
  } else if (found.count == 0) {
    found.missing = "the driver finds no device";
  }
  return found;
}

}  // namespace

std::unique_ptr<Device> MakeDevice(int ordinal, ProviderOptions&) {
  const Found found = Find();
  if (found.count == 0)
    throw Error(ErrorCode::kNotFound, "no CUDA device can be used: " + found.missing + " (" + found.versions + ")");
  if (ordinal < 0 || ordinal >= found.count)
    throw Error(ErrorCode::kNotFound, "there is no CUDA device " + std::to_string(ordinal) + ", only " +
                                          std::to_string(found.count) + " (" + found.versions + ")");
  const Properties p = PropertiesOfDevice(ordinal);
  if (p.compute_major < kLeastComputeMajor)
    throw Error(ErrorCode::kNotFound, "CUDA device " + std::to_string(ordinal) + " (" + p.name +
                                          ") has compute capability " + std::to_string(p.compute_major) + "." +
                                          std::to_string(p.compute_minor) + " (" + found.versions + ")");
  return MakeCudaDevice(ordinal);
}

std::vector<const OndaKernelDef*> MakeKernels(int, ProviderOptions&) {
  const std::span<const OndaKernelDef* const> all = CudaKernels();
  return {all.begin(), all.end()};
}

void DescribeMachine(const WriteLine& write) {
  const Found found = Find();
  write("versions", found.versions);
  if (!found.missing.empty()) write("missing", found.missing);
  for (int i = 0; i < found.count; ++i) DescribeDevice(PropertiesOfDevice(i), write);
}

}  // namespace onda::cuda
