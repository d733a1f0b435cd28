// How long a piece of work takes that an observer is told of: on a device with events that measure, by its own clock.
#ifndef ONDA_CORE_RUNTIME_WORK_TIMER_H_
#define ONDA_CORE_RUNTIME_WORK_TIMER_H_

#include <chrono>

#include "core/place/provider_instance.h"

namespace onda {

class WorkTimer {
 public:
  // wanted: otherwise nothing is measured. The work is what is given to the stream from now on; on the host, and where
  // the provider does not measure, it is the call that gives it.
  WorkTimer(bool wanted, const ProviderInstance& provider, void* stream);
  ~WorkTimer();
  WorkTimer(const WorkTimer&) = delete;
  WorkTimer& operator=(const WorkTimer&) = delete;

  // Until now. Waits for the work where the device measures.
  double Milliseconds();

 private:
  const ProviderInstance& provider_;
  void* stream_;
  void* begin_ = nullptr;
  void* end_ = nullptr;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_WORK_TIMER_H_
