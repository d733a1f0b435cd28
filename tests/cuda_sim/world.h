// Streams, events and the order of work. Nothing runs when it is asked for: it runs when the host waits, or now and
// then, one piece of any stream that may go on at a time, in an order that the seed chooses.
#ifndef ONDA_TESTS_CUDA_SIM_WORLD_H_
#define ONDA_TESTS_CUDA_SIM_WORLD_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/cuda_sim/shadow.h"

namespace onda::cuda_sim {

// How much of each stream is known to be over.
struct Clock {
  std::vector<uint32_t> at;
  void Join(const Clock& other) {
    if (at.size() < other.at.size()) at.resize(other.at.size());
    for (size_t i = 0; i < other.at.size(); ++i) at[i] = at[i] < other.at[i] ? other.at[i] : at[i];
  }
  bool Covers(uint32_t stream, uint32_t index) const { return stream < at.size() && at[stream] >= index; }
};

struct EventState {
  uint64_t asked = 0;    // times it was recorded
  uint64_t reached = 0;  // the last of those that has happened
  Clock clock;           // of the last record
  double time = 0;       // when it was reached; of no meaning
};

struct Work {
  std::string name;
  std::function<std::string()> run;   // gives a report, or ""; empty for a wait
  std::shared_ptr<EventState> event;  // waited for
  uint64_t generation = 0;
  uint32_t index = 0;
  Clock before;  // what is over when it runs, itself included
};

struct StreamState {
  uint32_t number;
  uint32_t count = 0;
  Clock clock;
  std::deque<Work> queue;
};

class World : public OrderOracle {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  std::recursive_mutex& mutex() { return mutex_; }
  std::mt19937_64& random() { return random_; }

  std::shared_ptr<StreamState> AddStream();
  void Enqueue(StreamState& stream, std::string name, std::function<std::string()> run);
  void Record(StreamState& stream, const std::shared_ptr<EventState>& event);
  void Wait(StreamState& stream, const std::shared_ptr<EventState>& event);

  // Runs work until the stream or event is done. Throws kInternal where that is never, or where something went wrong.
  void Synchronize(StreamState& stream);
  void Synchronize(EventState& event);
  // May run a little. Throws as Synchronize does.
  bool IsDone(StreamState& stream);
  bool IsDone(EventState& event);
  // Runs everything that can run.
  void Drain();
  // Whether nothing is left to run.
  bool IsIdle();

  bool failed() const { return !failures_.empty(); }
  // All reports so far, which are then forgotten; work goes on.
  std::vector<std::string> TakeFailures();
  void AddFailure(const std::string& report);
  void ThrowFailure() const;

  // For a piece of work that touches memory without a kernel: an access of its own.
  Actor Touching();
  bool WorkIsOver(uint64_t interval, uint64_t* first, uint64_t* last) override;
  bool BlockIsOver(uint64_t) override { return false; }
  std::string DescribeWork(uint64_t interval) const;
  double Tick() { return ++time_; }
  // The work that runs takes as many microseconds.
  void Pass(double microseconds) { time_ += microseconds; }

 private:
  struct Done {
    uint64_t first, last;
    uint32_t stream, index;
    std::string name;
  };
  template <class Condition>
  bool RunUntil(Condition done);
  bool RunOne();
  const Done* Find(uint64_t interval) const;
  void Host(Clock& clock);

  std::recursive_mutex mutex_;
  std::mt19937_64 random_;
  uint32_t stream_count_ = 0;
  std::vector<std::shared_ptr<StreamState>> streams_;
  Clock host_;  // what the host knows to be over
  std::vector<Done> done_;
  const Work* running_ = nullptr;
  Done current_{};
  std::vector<std::string> failures_;
  double time_ = 0;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_WORLD_H_
