// How a kernel that is written against function-level engines meets the launch interface.
#ifndef ONDA_KERNELS_SIMD_LAUNCH_H_
#define ONDA_KERNELS_SIMD_LAUNCH_H_

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>

#include "kernels/simd/parallel.h"
#include "onda/provider.h"

namespace onda {

// Workspace is sized before the session's thread count is known: an upper bound of the threads that engines use.
inline int MaxThreads() {
  static const int threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 256);
  return threads;
}

// The session's threads, at most MaxThreads(). args must outlive the result.
inline Parallel ParallelOf(const LaunchArgs& args) {
  Parallel parallel;
  parallel.self = const_cast<LaunchArgs*>(&args);
  parallel.threads = std::min(args.thread_count(), MaxThreads());
  parallel.run = [](void* self, int64_t n, void (*body)(void*, int64_t, int64_t), void* arg) {
    const LaunchArgs& a = *static_cast<const LaunchArgs*>(self);
    a.host().parallel_for(a.host_state(), n, 1, body, arg);
    a.CheckStop();
  };
  parallel.stop = [](void* self) { return static_cast<const LaunchArgs*>(self)->stop_requested(); };
  return parallel;
}

// Floats that start on a cache line, for prepared constants.
class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(int64_t count) {
    if (count <= 0) return;
    const size_t bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
    data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (!data_) throw std::bad_alloc();
  }
  float* get() const { return data_.get(); }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_LAUNCH_H_
