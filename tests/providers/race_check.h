// Finds two accesses to the same bytes, one of them a write, that neither streams nor events put in order.
#ifndef ONDA_TESTS_PROVIDERS_RACE_CHECK_H_
#define ONDA_TESTS_PROVIDERS_RACE_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace onda {

// Vector clocks over buffers. The actors are the host (one thread at a time) and the streams; they are told of in the
// order in which the host asks for things, which is one of the orders that can happen: whatever is ordered at all is
// ordered that way. So a race is found for every order of execution, whichever the device really took.
class RaceCheck {
 public:
  using Actor = size_t;
  using Clock = std::vector<uint64_t>;  // by actor: how many of its actions have happened; 0 behind the end
  static constexpr Actor kHost = 0;

  RaceCheck() { Reset(); }

  // Forgets everything but the reports.
  void Reset();
  Actor AddStream(std::string name);

  // Work is queued: it comes after all that the host has done so far, and after earlier work of the stream.
  void Queue(Actor stream);
  // What has happened once the work queued so far is done: what an event stands for.
  const Clock& At(Actor actor) const { return clocks_[actor]; }
  // What the actor does next comes after all that the clock says.
  void Join(Actor actor, const Clock& clock);

  // `what` names the access in reports: "Add 'sum', input 0".
  void Read(Actor actor, const void* memory, size_t bytes, const std::string& what);
  void Write(Actor actor, const void* memory, size_t bytes, const std::string& what);
  // The bytes are of another buffer from now on.
  void Forget(const void* memory, size_t bytes);

  // Another mistake, to be reported beside the races.
  void Report(std::string what) { reports_.push_back(std::move(what)); }
  // The races found since the last call, each with both accesses, their streams and the bytes that they share.
  std::vector<std::string> TakeReports();

 private:
  struct Access {
    Actor actor = kHost;
    uint64_t time = 0;  // 0: none
    std::shared_ptr<const std::string> what;
  };
  struct Range {
    uintptr_t end = 0;
    Access write;               // the last one
    std::vector<Access> reads;  // since then, the last one of each actor
  };

  void Note(Actor actor, const void* memory, size_t bytes, const std::string& what, bool is_write);
  void SplitAt(uintptr_t address);
  void Compare(const Access& before, const Access& now, bool before_writes, bool now_writes, uintptr_t begin,
               uintptr_t end);

  std::vector<std::string> names_;     // by actor
  std::vector<Clock> clocks_;          // by actor
  std::map<uintptr_t, Range> ranges_;  // by first address, disjoint
  std::vector<std::string> reports_;
};

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_RACE_CHECK_H_
