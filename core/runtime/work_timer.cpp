#include "core/runtime/work_timer.h"

namespace onda {

WorkTimer::WorkTimer(bool wanted, const ProviderInstance& provider, void* stream)
    : provider_(provider), stream_(stream) {
  if (!wanted) return;
  if (!provider_.is_host() && stream_) {
    begin_ = provider_.CreateTimingEvent();
    if (begin_) end_ = provider_.CreateTimingEvent();
    if (end_) try {
        provider_.Record(begin_, stream_);
      } catch (...) {
        provider_.DestroyEvent(begin_);
        provider_.DestroyEvent(end_);
        throw;
      }
  }
  start_ = std::chrono::steady_clock::now();
}

WorkTimer::~WorkTimer() {
  if (begin_) provider_.DestroyEvent(begin_);
  if (end_) provider_.DestroyEvent(end_);
}

double WorkTimer::Milliseconds() {
  if (end_) {
    provider_.Record(end_, stream_);
    provider_.SynchronizeEvent(end_);
    return provider_.ElapsedMilliseconds(begin_, end_);
  }
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace onda
