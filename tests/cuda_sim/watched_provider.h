// The simulated provider with counts of what the engine asks of it.
#ifndef ONDA_TESTS_CUDA_SIM_WATCHED_PROVIDER_H_
#define ONDA_TESTS_CUDA_SIM_WATCHED_PROVIDER_H_

#include <cstdint>

#include "onda/provider.h"

namespace onda::cuda_sim {

struct ProviderCounts {
  uint64_t uploaded = 0, downloaded = 0;  // bytes of copies that the host asked for
  int64_t allocations = 0;                // of device memory and pinned memory, streams, events, executables
  int64_t streams = 0;                    // made
  int64_t executables = 0;                // that exist
  int64_t captures = 0, launched = 0;     // begun; executables
  int64_t heap = 0;                       // allocations by the calling thread outside of the provider
  bool measures_host = false;             // set by tests: the next two, at each copy and allocation
  size_t most_heap = 0, most_pinned = 0;  // bytes in use
  void* instance = nullptr;               // the one made last
};

// While one exists, the calling thread's allocations are counted in ProviderCounts::heap.
class CountHeap {
 public:
  CountHeap();
  ~CountHeap();
};

// One table for the process, and its counts since `CountAgain`. Tests that use it run one at a time.
const OndaProviderDef* WatchedProvider();
ProviderCounts& CountAgain();

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_WATCHED_PROVIDER_H_
