// Does what streams are given, when its turn comes, and checks every access.
#ifndef ONDA_TESTS_CUDA_SIM_WORK_RUNNER_H_
#define ONDA_TESTS_CUDA_SIM_WORK_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "tests/cuda_sim/captured.h"
#include "tests/cuda_sim/device_memory.h"
#include "tests/cuda_sim/world.h"

namespace onda::cuda_sim {

class WorkRunner {
 public:
  WorkRunner(World& world, DeviceMemory& memory) : world_(world), memory_(memory) {}

  void Enqueue(StreamState& stream, const Op& op);
  // "" or what is against the access.
  std::string Touch(Actor& actor, const void* p, size_t bytes, Mode mode, const std::string& who) {
    return Touch(memory_, actor, p, bytes, mode, who);
  }
  void SetCondition(uint64_t condition, unsigned value) { conditions_[condition] = value; }

 private:
  std::string Touch(const DeviceMemory& memory, Actor& actor, const void* p, size_t bytes, Mode mode,
                    const std::string& who);
  std::string Run(const Op& op);
  std::string RunKernel(const KernelLaunch& launch);
  std::string RunCopy(const Op& op);
  std::string RunCondition(const Op& op);

  World& world_;
  DeviceMemory& memory_;
  std::map<uint64_t, unsigned> conditions_;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_WORK_RUNNER_H_
