// Library plans of the simulated device: how many variants, with which workspaces and times, the seed says.
#ifndef ONDA_TESTS_CUDA_SIM_SIM_PLAN_H_
#define ONDA_TESTS_CUDA_SIM_SIM_PLAN_H_

#include <cstddef>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "providers/cuda/device.h"
#include "tests/cuda_sim/captured.h"
#include "tests/cuda_sim/device_memory.h"
#include "tests/cuda_sim/work_runner.h"
#include "tests/cuda_sim/world.h"

namespace onda::cuda_sim {

class SimPlan : public cuda::LibraryPlan {
 public:
  struct Variant {
    size_t workspace;
    unsigned microseconds;  // of simulated time
  };
  SimPlan(cuda::LibraryOp o, std::vector<Variant> v) : op(std::move(o)), list(std::move(v)) {}
  int variants() const override { return static_cast<int>(list.size()); }
  size_t workspace_bytes(int variant) const override { return list.at(static_cast<size_t>(variant)).workspace; }
  std::string Blob(int variant) const override {
    const Variant& v = list.at(static_cast<size_t>(variant));
    return "sim " + std::to_string(v.workspace) + " " + std::to_string(v.microseconds);
  }
  cuda::LibraryOp op;
  std::vector<Variant> list;
};

// At most `most` variants, of at most `workspace` bytes. fixed_microseconds: of variants without one, where not empty.
std::unique_ptr<SimPlan> DrawPlan(const cuda::LibraryOp& op, int most, size_t workspace,
                                  std::span<const unsigned> fixed_microseconds, std::mt19937_64& random);
std::unique_ptr<SimPlan> PlanOfBlob(const cuda::LibraryOp& op, const std::string& blob);

// What a stream is given for it. Refuses operands and workspaces that no library takes.
Op LibraryWork(const SimPlan& plan, int variant, std::span<const cuda::Buffer> operands, cuda::Buffer workspace,
               World& world, DeviceMemory& memory, WorkRunner& work);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SIM_PLAN_H_
