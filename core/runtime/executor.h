// Walks the plans of a program.
#ifndef ONDA_CORE_RUNTIME_EXECUTOR_H_
#define ONDA_CORE_RUNTIME_EXECUTOR_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/plan/program.h"
#include "core/plan/runtime_value.h"
#include "core/runtime/block_pool.h"
#include "core/runtime/stop_token.h"
#include "providers/cpu/thread_pool.h"

namespace onda {

// Called after each node with its inputs and outputs; for `onda verify` and profiling.
struct NodeObserver {
  std::function<void(const Graph& graph, const Node& node, std::span<const OndaTensorView> inputs,
                     std::span<const OndaTensorView> outputs, double milliseconds)>
      after_node;
  // After a copy between memories: from where, to where. Times of a device are its own, as after_node's too, where it
  // has events that measure; elsewhere they are those of the calls.
  std::function<void(const Node& node, std::span<const OndaTensorView> views, double milliseconds)> after_copy;
  // Something else has ended that began at `begin`: a bind, a node of the engine's, a part of a loop on some thread.
  std::function<void(std::string_view category, std::string_view name, std::chrono::steady_clock::time_point begin)>
      after_phase;
};

inline constexpr uint64_t kMaxStringBytes = uint64_t{32} << 20;

// What all graphs of one run share.
struct RunContext {
  std::shared_ptr<BlockPool> pool;  // of host memory
  std::span<const std::shared_ptr<BlockPool>> pools =
      {};  // by instance; [0] is `pool`. May be empty where all is on the host
  ThreadPool* threads = nullptr;
  const StopToken* stop = nullptr;         // may be null
  const NodeObserver* observer = nullptr;  // may be null
  // By instance: host memory for what is copied from its device; null where it has none. May be empty.
  std::span<const std::shared_ptr<BlockPool>> host_pools = {};
  std::span<void* const> streams = {};  // by instance: the caller's; null: one of the engine's own. May be empty
  std::span<double> device_ms = {};     // by instance: what the run took of it is added. Empty: not measured
  bool ranges = false;                  // providers are told of sessions and nodes
  bool capture = true;                  // devices replay what they have recorded
  bool deterministic = false;           // results do not depend on the threads
  uint64_t max_string_bytes = kMaxStringBytes;  // of one string that a node makes
  int inter_op_threads = 1;                     // branches that run at once; 0: as many as there are threads
  int depth = 0;                                // of nested bodies
};

// Memory of the caller's for an output of a run, used where type and shape are as given: a tensor; null: none.
using OutputBinding = const RuntimeValue*;

// Runs the program. inputs: one per input of the graph, in order; absent where the graph has a constant; they are
// moved from. results becomes one value per output; values that are there give their memory for shapes. Results may
// share memory with inputs and constants (borrowed is set then). bindings: empty, or one per output. Throws with the
// node's name; nothing is left running.
void Execute(const Program& program, std::span<RuntimeValue> inputs, const RunContext& context,
             std::span<const OutputBinding> bindings, std::vector<RuntimeValue>& results);

// A new tensor from the pool, contents undefined (strings: empty). instance: whose memory the pool gives. stop: looked
// at while many strings are made.
void MakeTensor(RuntimeValue& value, BlockPool& pool, DType dtype, std::span<const int64_t> dims, int32_t instance = 0,
                const StopToken* stop = nullptr);
RuntimeValue NewTensor(BlockPool& pool, DType dtype, std::vector<int64_t> dims, int32_t instance = 0);

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_EXECUTOR_H_
