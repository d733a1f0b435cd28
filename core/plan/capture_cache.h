// Parts of a plan that a device can record once and replay.
#ifndef ONDA_CORE_PLAN_CAPTURE_CACHE_H_
#define ONDA_CORE_PLAN_CAPTURE_CACHE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/place/provider_instance.h"

namespace onda {

// Steps [first, end) of a plan: launches and copies on the streams of one instance, with nothing between that the host
// or another instance has to do with.
struct CaptureSpan {
  uint32_t first = 0;
  uint32_t end = 0;
  int32_t instance = 0;
  int32_t launches = 0;
};

// Where the steps of a span find their data. A replay is right where these are what they were when it was recorded.
struct CaptureAddresses {
  std::vector<const void*> fixed;                     // of launches: arguments, workspaces, the status word
  std::vector<std::pair<void*, const void*>> copies;  // to, from
  std::vector<OndaCopyKind> kinds;                    // of the copies
  void Clear() {
    fixed.clear();
    copies.clear();
    kinds.clear();
  }
  // Whether they differ in the addresses of copies at most.
  bool DifferInCopies(const CaptureAddresses& other) const { return fixed == other.fixed && kinds == other.kinds; }
  friend bool operator==(const CaptureAddresses&, const CaptureAddresses&) = default;
};

// The executables of a plan's spans: one for each set of addresses that runs come with, the least recently used one
// changed where there are too many. Safe from any thread; an executable is used by one run at a time.
class CaptureCache {
 public:
  struct Entry {
    void* executable = nullptr;
    CaptureAddresses addresses;
  };

  CaptureCache(std::vector<CaptureSpan> spans, std::vector<std::shared_ptr<const ProviderInstance>> instances);
  ~CaptureCache();
  CaptureCache(const CaptureCache&) = delete;
  CaptureCache& operator=(const CaptureCache&) = delete;

  const std::vector<CaptureSpan>& spans() const { return spans_; }
  // Counts a run of the span. False where it is to run step by step: the first time, and once capturing has failed.
  bool Begin(size_t span);
  // The entry for these addresses; else one that may be changed, where there are enough; else null. It is the caller's
  // until Return.
  std::unique_ptr<Entry> Take(size_t span, const CaptureAddresses& addresses);
  // Once the entry's work is done.
  void Return(size_t span, std::unique_ptr<Entry> entry) noexcept;
  // Whether the span is captured on one stream alone: once its provider has refused to capture several.
  bool OnOneStream(size_t span) const;
  void CaptureOnOneStream(size_t span);
  // The span cannot be captured, for this reason.
  void GiveUp(size_t span, std::string reason);
  void CountReplay(size_t span);

  // "steps 3 to 9: 4 launches, replayed 12 times": for dumps.
  std::vector<std::string> Describe() const;

 private:
  struct State {
    int64_t runs = 0;
    int64_t replays = 0;
    int32_t taken = 0;                         // entries that runs have
    std::vector<std::unique_ptr<Entry>> free;  // the most recently used first; has room for all
    bool one_stream = false;
    std::string failure;  // why it is not captured; "" while it may be
  };
  const std::vector<CaptureSpan> spans_;
  std::vector<std::shared_ptr<const ProviderInstance>> instances_;  // by span
  mutable std::mutex mutex_;
  std::vector<State> states_;  // by span
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_CAPTURE_CACHE_H_
