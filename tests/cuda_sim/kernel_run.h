// Runs one kernel launch: blocks one after another in a seeded order, a block's threads as fibers in a seeded order.
#ifndef ONDA_TESTS_CUDA_SIM_KERNEL_RUN_H_
#define ONDA_TESTS_CUDA_SIM_KERNEL_RUN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "providers/cuda/launch.h"
#include "tests/cuda_sim/device_calls.h"
#include "tests/cuda_sim/device_memory.h"
#include "tests/cuda_sim/fiber.h"
#include "tests/cuda_sim/shadow.h"

namespace onda::cuda_sim {

// A launch with copies of its arguments.
struct KernelLaunch {
  cuda::LaunchConfig config;
  const void* function;
  void (*invoke)(const void*, void* const*);
  std::string name;
  std::vector<std::vector<std::max_align_t>> values;
  std::vector<void*> arguments;
  std::vector<cuda::Touch> touches;

  KernelLaunch(const cuda::LaunchConfig& config, const cuda::KernelCall& call);
};

// What launches refuse on an H100; "" where it is legal.
std::string RefuseLaunch(const KernelLaunch& launch);

class KernelRun : public OrderOracle {
 public:
  // The work before, and the numbering of intervals, belong to the caller.
  struct Context {
    DeviceMemory* memory;
    std::mt19937_64* random;
    std::function<bool(uint64_t interval, uint64_t* first, uint64_t* last)> work_is_over;
    std::function<std::string(uint64_t interval)> describe_work;
    std::function<void(uint64_t condition, unsigned value)> set_condition;
  };
  KernelRun(const KernelLaunch& launch, Context context);

  // The report of what went wrong, or "".
  std::string Run();

  // The run that this OS thread is in the middle of, for the hooks; nullptr outside of kernels.
  static KernelRun* Current();

  // Called by device code.
  uint3 thread_index() const { return thread_->index; }
  uint3 block_index() const { return block_; }
  uint3 block_size() const { return {launch_.config.block.x, launch_.config.block.y, launch_.config.block.z}; }
  uint3 grid_size() const { return {launch_.config.grid.x, launch_.config.grid.y, launch_.config.grid.z}; }
  void* dynamic_shared() const;
  void Access(const void* p, size_t n, Mode mode, const void* pc);
  int AtBarrier(BarrierKind kind, int predicate, int site);
  void InCollective(WarpOp op, unsigned mask, void* value, size_t bytes, int lane, int width);
  unsigned ActiveLanes() const;
  void AtFence();
  void AtAtomic(void* p, size_t bytes, const void* pc);
  void SetCondition(uint64_t condition, unsigned value) { context_.set_condition(condition, value); }
  // What follows is the simulator's own code: hooks, which it may reach through shared inline functions, do nothing.
  void LeaveDeviceCode() { busy_ = true; }
  // Ends the launch with that report.
  [[noreturn]] void Fail(const std::string& what, const void* pc = nullptr);

  bool WorkIsOver(uint64_t interval, uint64_t* first, uint64_t* last) override {
    return context_.work_is_over(interval, first, last);
  }
  bool BlockIsOver(uint64_t interval) override;

 private:
  enum class State : uint8_t { kNew, kReady, kAtBarrier, kInCollective, kDone };
  struct Thread {
    KernelRun* run;
    uint3 index;
    uint32_t number;
    State state = State::kNew;
    std::unique_ptr<Fiber> fiber;
    int site = 0;  // of the barrier
    int predicate = 0;
    // The warp operation that it is in.
    WarpOp op{};
    unsigned mask = 0;
    unsigned char value[16];
    size_t bytes = 0;
    int lane = 0, width = 32;
    uint32_t clock = 1;
    bool fenced = false;
  };
  struct Warp {
    uint32_t seen[32][32];
  };
  // What atomics on one address have made known of other blocks: the last interval of each that is over.
  struct Released {
    std::map<uint64_t, uint64_t> last_interval;  // by the block's first interval
  };

  void RunBlock(uint32_t number);
  void RunThread(Thread& thread);
  void BeginInterval();
  // Of what the launch turned out to use of shared memory; "" where it is legal.
  std::string RefuseSharedMemory() const;
  void ReleaseBarrier();
  // Where all lanes of the thread's operation have come.
  void TryCollective(Thread& thread);
  void Complete(uint32_t warp, unsigned mask);
  void Suspend(State state);
  std::string DescribeThread(uint32_t thread) const;
  std::string DescribePlace(const void* p) const;
  std::string DescribeStamp(const Fault& fault) const;
  std::string DescribeStuck() const;
  static void Entry(void* thread);

  const KernelLaunch& launch_;
  Context context_;
  Actor actor_;
  uint3 block_{};
  uint32_t thread_count_ = 0;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> spare_;
  std::vector<uint32_t> ready_;
  Thread* thread_ = nullptr;
  uint32_t at_barrier_ = 0, done_ = 0;
  int barrier_result_ = 0;
  BarrierKind barrier_kind_{};
  std::map<const void*, Released> released_;
  std::vector<const Released*> acquired_;
  std::vector<std::pair<uint64_t, uint3>> blocks_;  // first interval of each block that began
  bool fenced_ = false;                             // a thread of the block has fenced
  bool busy_ = false;
  std::vector<bool> variables_;  // of shared memory, those that were touched
  std::string failure_;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_KERNEL_RUN_H_
