// The working state of one run of a program.
#ifndef ONDA_CORE_PLAN_FRAME_H_
#define ONDA_CORE_PLAN_FRAME_H_

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/place/provider_instance.h"
#include "core/plan/capture_cache.h"
#include "core/plan/runtime_value.h"
#include "onda/provider.h"

namespace onda {

// Kept between runs, so that a run of shapes that were seen before allocates nothing.
struct Frame {
  std::vector<RuntimeValue> values;                            // by ValueId
  std::vector<OndaTensorView> views;                           // by argument of the plan that runs
  std::vector<std::shared_ptr<void>> blocks;                   // the plan's arenas, by instance
  std::vector<std::unique_ptr<ProviderInstance::Lane>> lanes;  // by instance; null where none is taken
  CaptureAddresses addresses;                                  // of the span that runs
  // By span of the plan that runs: the executable that is running, and whether there is one.
  std::vector<std::pair<std::unique_ptr<CaptureCache::Entry>, bool>> captured;
};

// The frames that nobody uses. Safe from any thread.
class FramePool {
 public:
  std::unique_ptr<Frame> Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      free_.reserve(++made_);  // so that Return need not allocate
      return std::make_unique<Frame>();
    }
    std::unique_ptr<Frame> frame = std::move(free_.back());
    free_.pop_back();
    return frame;
  }
  // No value may be left in it.
  void Return(std::unique_ptr<Frame> frame) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(frame));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Frame>> free_;
  size_t made_ = 0;
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_FRAME_H_
