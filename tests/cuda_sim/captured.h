// What streams are given, as data: run at once, or kept by a capture and run later.
#ifndef ONDA_TESTS_CUDA_SIM_CAPTURED_H_
#define ONDA_TESTS_CUDA_SIM_CAPTURED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "providers/cuda/device.h"
#include "tests/cuda_sim/kernel_run.h"
#include "tests/cuda_sim/world.h"

namespace onda::cuda_sim {

struct Op {
  enum class Kind { kKernel, kCopy, kFill, kLibrary, kRecord, kWait, kCondition };
  Op(Kind k, std::string n) : kind(k), name(std::move(n)) {}
  Kind kind;
  std::string name;
  uint32_t slot = 0;  // which of a graph's streams

  std::shared_ptr<KernelLaunch> kernel;

  void* to = nullptr;  // copies and fills
  const void* from = nullptr;
  size_t bytes = 0;
  OndaCopyKind copy = kOndaDeviceToDevice;
  uint8_t value = 0;

  // A library's operation: gives a report, or "".
  std::function<std::string()> library;

  std::shared_ptr<EventState> event;

  uint64_t condition = 0;
  cuda::ConditionKind condition_kind = cuda::ConditionKind::kIf;
  std::vector<Op> body;
};

struct SimGraph : cuda::Graph {
  std::vector<Op> ops;
  uint32_t slots = 1;
  std::map<uint64_t, bool> conditions;  // with what they are before each launch
};

struct SimExecutable : cuda::GraphExecutable {
  SimGraph graph;
  std::vector<std::shared_ptr<StreamState>> streams;  // one per slot
};

// The same work with events that no other graph has.
SimGraph WithOwnEvents(const SimGraph& graph);
// Whether both differ in arguments alone.
bool SameShape(const std::vector<Op>& a, const std::vector<Op>& b);

// A capture that is going on.
struct Capture {
  std::shared_ptr<SimGraph> graph = std::make_shared<SimGraph>();
  const void* origin = nullptr;  // the stream that began it
  std::thread::id thread;
  std::map<const void*, uint32_t> slots;  // by stream
  std::vector<Clock> clocks;              // by slot
  std::string broken;                     // why it cannot be ended well
  // Of a condition's body.
  Capture* outer = nullptr;
  uint32_t outer_slot = 0;
  uint64_t condition = 0;
  cuda::ConditionKind kind = cuda::ConditionKind::kIf;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_CAPTURED_H_
