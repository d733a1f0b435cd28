#include "tests/cuda_sim/sim_provider.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/cuda_table.h"
#include "providers/cuda/device_source.h"
#include "providers/cuda/provider.h"
#include "tests/cuda_sim/sim_device.h"

namespace onda {
namespace cuda {

namespace {

constexpr int kDevices = 4;

// Devices of one seed that exist at the same time share a world, so that they may wait for each other.
std::shared_ptr<cuda_sim::World> WorldOfSeed(uint64_t seed) {
  static std::mutex mutex;
  static std::map<uint64_t, std::weak_ptr<cuda_sim::World>> worlds;
  const std::lock_guard lock(mutex);
  std::shared_ptr<cuda_sim::World> world = worlds[seed].lock();
  if (!world) worlds[seed] = world = std::make_shared<cuda_sim::World>(seed);
  return world;
}

}  // namespace

std::unique_ptr<Device> MakeDevice(int ordinal, ProviderOptions& options) {
  if (ordinal >= kDevices)
    throw Error(ErrorCode::kNotFound,
                "there is no simulated device " + std::to_string(ordinal) + ", only " + std::to_string(kDevices));
  cuda_sim::SimOptions sim;
  sim.seed = static_cast<uint64_t>(options.Int("seed", 0));
  sim.memory = static_cast<size_t>(options.Int("memory", static_cast<int64_t>(sim.memory)));
  return cuda_sim::MakeSimDevice(sim, WorldOfSeed(sim.seed));
}

std::vector<const OndaKernelDef*> MakeKernels(int ordinal, ProviderOptions& options) {
  const int64_t seed = options.Int("seed", 0), share = options.Int("share", 1000);
  std::vector<const OndaKernelDef*> taken;
  for (const OndaKernelDef* kernel : CudaKernels()) {
    const std::string drawn = std::string(kernel->op) + std::to_string(seed * kDevices + ordinal);
    if (static_cast<int64_t>(std::hash<std::string>()(drawn) % 1000) < share) taken.push_back(kernel);
  }
  return taken;
}

void DescribeMachine(const WriteLine& write) { write("device", "simulated on the CPU: not a GPU"); }

}  // namespace cuda

namespace cuda_sim {

const OndaProviderDef* SimProvider() {
  // Its times mean nothing: next to no cost, so that everything that it takes runs there, yet launches cost something,
  // so that branches run beside each other.
  static const OndaProviderDef def = [] {
    OndaProviderDef free = *cuda::Provider();
    free.launch_microseconds = 1e-9;
    free.copy_microseconds = free.copy_gigabytes_per_second = 0;
    free.node_microseconds = nullptr;
    return free;
  }();
  return &def;
}

}  // namespace cuda_sim
}  // namespace onda
