// Lets long loops outside of ParallelFor end with the run.
#ifndef ONDA_KERNELS_SIMD_STOP_POLL_H_
#define ONDA_KERNELS_SIMD_STOP_POLL_H_

#include <cstdint>

#include "onda/provider.h"

namespace onda {

// Cheap enough for inner loops: asks once in some ten thousand operations. Of one thread; inside the body of a
// ParallelFor each call makes its own.
class StopPoll {
 public:
  explicit StopPoll(const LaunchArgs& args) : args_(args) {}
  // After about so many elementary operations. Throws kCancelled once the run is to end early.
  void Work(int64_t operations = 1) {
    left_ -= operations;
    if (left_ <= 0) Ask();
  }

 private:
  static constexpr int64_t kEvery = 1 << 14;
  void Ask() {
    left_ = kEvery;
    args_.CheckStop();
  }
  const LaunchArgs& args_;
  int64_t left_ = kEvery;
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_STOP_POLL_H_
