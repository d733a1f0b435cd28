// Walks the plans of a program.
#ifndef ONDA_CORE_RUNTIME_EXECUTOR_H_
#define ONDA_CORE_RUNTIME_EXECUTOR_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/plan/program.h"
#include "core/plan/runtime_value.h"
#include "core/runtime/block_pool.h"
#include "providers/cpu/thread_pool.h"

namespace onda {

// Tells a run to end. Shared by the caller and the kernels.
class StopToken {
 public:
  void RequestStop() { stop_.store(true, std::memory_order_relaxed); }
  void Reset() { stop_.store(false, std::memory_order_relaxed); }
  // A flag of the caller's that is asked as well.
  void SetExternal(const std::atomic<bool>* flag) { external_ = flag; }
  void SetDeadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  bool requested() const {
    return stop_.load(std::memory_order_relaxed) || (external_ && external_->load(std::memory_order_relaxed)) ||
           (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
  }

 private:
  std::atomic<bool> stop_{false};
  const std::atomic<bool>* external_ = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

// Called after each node with its inputs and outputs; for `onda verify` and profiling.
struct NodeObserver {
  std::function<void(const Graph& graph, const Node& node, std::span<const OndaTensorView> inputs,
                     std::span<const OndaTensorView> outputs, double milliseconds)>
      after_node;
};

// What all graphs of one run share.
struct RunContext {
  std::shared_ptr<BlockPool> pool;  // of host memory
  std::span<const std::shared_ptr<BlockPool>> pools =
      {};  // by instance; [0] is `pool`. May be empty where all is on the host
  ThreadPool* threads = nullptr;
  const StopToken* stop = nullptr;         // may be null
  const NodeObserver* observer = nullptr;  // may be null
  int depth = 0;                           // of nested bodies
};

// Memory of the caller's for output i of a run, used where type and shape are as given.
struct OutputBinding {
  DType dtype = DType::kUndefined;
  std::vector<int64_t> dims;
  void* data = nullptr;
};

// Runs the program. inputs: one per input of the graph, in order; absent where the graph has a constant. Results may
// share memory with inputs and constants (borrowed is set then). bindings: empty, or one per output. Throws with the
// node's name; nothing is left running.
std::vector<RuntimeValue> Execute(const Program& program, std::vector<RuntimeValue> inputs, const RunContext& context,
                                  std::span<const OutputBinding> bindings = {});

// A new tensor from the pool, contents undefined (strings: empty). instance: whose memory the pool gives.
RuntimeValue NewTensor(BlockPool& pool, DType dtype, std::vector<int64_t> dims, int32_t instance = 0);

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_EXECUTOR_H_
