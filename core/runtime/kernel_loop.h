// The loops of kernels, as the engine runs them: they end early, and may be split the same way always.
#ifndef ONDA_CORE_RUNTIME_KERNEL_LOOP_H_
#define ONDA_CORE_RUNTIME_KERNEL_LOOP_H_

#include <cstdint>

#include "core/runtime/stop_token.h"
#include "providers/cpu/thread_pool.h"

namespace onda {

// What kernels are told of the threads where results must not depend on them.
constexpr int kDeterministicThreads = 8;

// Calls body over disjoint ranges that cover [0, n), of at least grain items but for the last. With a stop token (may
// be null) the ranges are cut into pieces of about a millisecond, and what has not begun when a stop is seen is left
// out. fixed: the ranges depend on n and grain alone. Allocates nothing.
void RunKernelLoop(ThreadPool& threads, const StopToken* stop, bool fixed, int64_t n, int64_t grain,
                   ThreadPool::Body body, void* arg);

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_KERNEL_LOOP_H_
