// The late devices' shared world: streams whose work is queued, the order in which it runs, and the devices themselves.
#ifndef ONDA_TESTS_PROVIDERS_LATE_WORLD_H_
#define ONDA_TESTS_PROVIDERS_LATE_WORLD_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "onda/provider.h"
#include "tests/providers/late_capture.h"
#include "tests/providers/race_check.h"

namespace onda::late {

// Pages come when they are touched.
constexpr size_t kRegionBytes = size_t{1} << 32;

struct Event {
  uint64_t asked = 0;      // times it was recorded
  uint64_t reached = 0;    // the last of those that has happened
  RaceCheck::Clock clock;  // of the last of those that were asked for
};

struct Device;

struct Stream {
  Device* device;
  RaceCheck::Actor actor;
  struct Item {
    std::function<void()> run;  // empty for a wait
    Event* event = nullptr;     // waited for
    uint64_t generation = 0;
  };
  std::deque<Item> queue;
  std::unique_ptr<LateCapture> recording;  // between begin_capture and end_capture
  bool may_go_on() const {
    return !queue.empty() && (!queue.front().event || queue.front().event->reached >= queue.front().generation);
  }
};

// All devices of the process share a lock and the order of things, since events cross instances.
struct World {
  std::recursive_mutex mutex;
  std::vector<Stream*> streams;
  std::vector<Device*> devices;
  std::mt19937_64 random;
  RaceCheck races;
  // Kernels that look whether to stop are told to from then on.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  // Runs items until done() holds. False where nothing can go on.
  template <class Done>
  bool RunUntil(Done done) {
    while (!done()) {
      std::vector<Stream*> ready;
      for (Stream* s : streams)
        if (s->may_go_on()) ready.push_back(s);
      if (ready.empty()) return false;
      Stream* s = ready[random() % ready.size()];
      Stream::Item item = std::move(s->queue.front());
      s->queue.pop_front();
      if (item.run) item.run();
    }
    return true;
  }
};

World& TheWorld();

struct Device {
  uint64_t seed = 0;
  int64_t share = 1000;
  std::string only;  // ",A,B,"; "" for all
  bool cpu_kernels = false;
  int64_t fail_at = 0;
  bool regions = false;
  std::atomic<int64_t> calls{0};
  // Steps that are left out, and how many of each there were so far.
  int64_t drop_wait = 0, drop_record = 0, drop_sync = 0, waits = 0, records = 0, syncs = 0;
  std::atomic<int64_t> events{0};  // that exist
  int64_t number = 0;              // counted from 1 among those that exist
  int64_t stream_number = 0;       // of the last one made
  char* face = nullptr;            // the addresses that are handed out: no access
  char* real = nullptr;            // the same bytes, for the device itself
  std::map<size_t, size_t> used;   // offset -> bytes
  std::vector<OndaKernelDef> defs;
  std::vector<const OndaKernelDef*> table;

  Device();
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  bool Owns(const void* p) const { return p >= face && p < face + kRegionBytes; }
  void* Real(const void* p) const {
    return Owns(p) ? real + (static_cast<const char*>(p) - face) : const_cast<void*>(p);
  }
  // Throws where this call is the one that is to fail.
  void Count(const char* what);
};

// An address of any device, where its bytes are.
void* RealOfAny(const void* p);

inline Device* Of(void* instance) { return static_cast<Device*>(instance); }

// The stream records and cannot record that.
[[noreturn]] void Spoil(Stream& stream, const std::string& what);

}  // namespace onda::late

#endif  // ONDA_TESTS_PROVIDERS_LATE_WORLD_H_
