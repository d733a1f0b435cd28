// The CUDA provider's device interface on the CPU: what it says about order, bounds and initialisation holds; its times
// and its arithmetic's last bits mean nothing.
#ifndef ONDA_TESTS_CUDA_SIM_SIM_DEVICE_H_
#define ONDA_TESTS_CUDA_SIM_SIM_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "providers/cuda/device.h"
#include "tests/cuda_sim/world.h"

namespace onda::cuda_sim {

struct SimOptions {
  uint64_t seed = 0;
  size_t memory = size_t{2} << 30;
  // Simulated time of each variant that a library's plan has; none: as the seed will.
  std::vector<unsigned> plan_microseconds = {};
};

// What went wrong is reported by the next call that waits, as Error kInternal, and by every one after it.
// Devices that share a world may wait for each other's events.
std::unique_ptr<cuda::Device> MakeSimDevice(const SimOptions& options, std::shared_ptr<World> world = nullptr);

// The world of a device that MakeSimDevice made.
World& WorldOf(cuda::Device& device);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SIM_DEVICE_H_
