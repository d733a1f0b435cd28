// Chooses library plans: from the cache, by timing the variants that a library offers, or by its heuristics.
#ifndef ONDA_PROVIDERS_CUDA_PLAN_TUNER_H_
#define ONDA_PROVIDERS_CUDA_PLAN_TUNER_H_

#include <mutex>
#include <string>
#include <vector>

#include "providers/cuda/device.h"
#include "providers/cuda/plan_cache.h"

namespace onda::cuda {

struct TuningOptions {
  // Times the variants of what the cache does not know, at its first launch, on scratch operands.
  bool tuning = false;
  std::string cache;  // file; "": none
  // What was not timed and is slow to make is kept there too.
  bool keep_untimed = true;
  int variants = 16;          // that a library is asked for
  double milliseconds = 300;  // for one operation, about; variants that are not reached are not chosen
  PlanCache::Warn warn;
};

class PlanTuner : public PlanChooser {
 public:
  PlanTuner(const Properties& properties, TuningOptions options);

  ChosenPlan Choose(Device& device, const LibraryOp& op, std::span<const Buffer> operands, size_t workspace,
                    bool may_wait) override;
  void Save() { cache_.Save(); }

  // What a plan depends on besides the operation: the kind of GPU, the driver and the libraries.
  static std::string Environment(const Properties& properties);

 private:
  // The fastest variant and its microseconds; {-1, 0} where they could not be timed.
  std::pair<int, float> Fastest(Device& device, const LibraryOp& op, LibraryPlan& plan,
                                std::span<const Buffer> operands);
  void Warn(const std::string& text) const {
    if (options_.warn) options_.warn(text);
  }

  std::string environment_;
  TuningOptions options_;
  PlanCache cache_;
  std::mutex timing_;  // one at a time
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_PLAN_TUNER_H_
