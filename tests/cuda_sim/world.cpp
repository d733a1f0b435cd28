#include "tests/cuda_sim/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "onda/types.h"

namespace onda::cuda_sim {

namespace {

// Worlds share the memory of __shared__ variables, and the count of intervals.
std::recursive_mutex& OneAtATime() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace

std::shared_ptr<StreamState> World::AddStream() {
  const std::lock_guard lock(mutex_);
  auto stream = std::make_shared<StreamState>();
  stream->number = stream_count_++;
  streams_.push_back(stream);
  return stream;
}

void World::Enqueue(StreamState& stream, std::string name, std::function<std::string()> run) {
  const std::lock_guard lock(mutex_);
  stream.clock.Join(host_);
  if (stream.clock.at.size() <= stream.number) stream.clock.at.resize(stream.number + 1);
  Work work;
  work.name = std::move(name);
  work.run = std::move(run);
  work.index = stream.clock.at[stream.number] = ++stream.count;
  work.before = stream.clock;
  stream.queue.push_back(std::move(work));
  if (random_() % 8 == 0)
    for (uint64_t n = random_() % 4; n > 0; --n) RunOne();
}

void World::Record(StreamState& stream, const std::shared_ptr<EventState>& event) {
  const std::lock_guard lock(mutex_);
  const uint64_t generation = ++event->asked;
  stream.clock.Join(host_);
  event->clock = stream.clock;
  Enqueue(stream, "event", [this, event, generation] {
    event->reached = generation;
    event->time = Tick();
    return std::string();
  });
}

void World::Wait(StreamState& stream, const std::shared_ptr<EventState>& event) {
  const std::lock_guard lock(mutex_);
  stream.clock.Join(event->clock);
  Work work;
  work.name = "wait";
  work.event = event;
  work.generation = event->asked;
  stream.queue.push_back(std::move(work));
}

bool World::RunOne() {
  std::vector<StreamState*> ready;
  for (auto it = streams_.begin(); it != streams_.end();) {
    StreamState& s = **it;
    if (s.queue.empty() && it->use_count() == 1) {  // destroyed, and all its work is done
      it = streams_.erase(it);
      continue;
    }
    if (!s.queue.empty() && (!s.queue.front().event || s.queue.front().event->reached >= s.queue.front().generation))
      ready.push_back(&s);
    ++it;
  }
  if (ready.empty()) return false;
  StreamState& s = *ready[random_() % ready.size()];
  const Work work = std::move(s.queue.front());
  s.queue.pop_front();
  if (!work.run || (failed() && work.name != "event")) return true;
  const std::lock_guard one_at_a_time(OneAtATime());
  running_ = &work;
  current_ = {LastInterval() + 1, 0, s.number, work.index, work.name};
  const std::string report = work.run();
  if (LastInterval() >= current_.first) {
    current_.last = LastInterval();
    done_.push_back(current_);
  }
  running_ = nullptr;
  if (!report.empty()) AddFailure(report);
  return true;
}

template <class Condition>
bool World::RunUntil(Condition done) {
  while (!done())
    if (!RunOne()) return false;
  return true;
}

void World::Synchronize(StreamState& stream) {
  const std::lock_guard lock(mutex_);
  if (!RunUntil([&] { return stream.queue.empty(); }))
    throw Error(ErrorCode::kInternal, "cuda_sim: a stream waits for an event that is never reached");
  host_.Join(stream.clock);
  ThrowFailure();
}

void World::Synchronize(EventState& event) {
  const std::lock_guard lock(mutex_);
  const uint64_t generation = event.asked;
  if (!RunUntil([&] { return event.reached >= generation; }))
    throw Error(ErrorCode::kInternal, "cuda_sim: an event is never reached");
  host_.Join(event.clock);
  ThrowFailure();
}

bool World::IsDone(StreamState& stream) {
  const std::lock_guard lock(mutex_);
  for (uint64_t n = random_() % 3; n > 0; --n) RunOne();
  ThrowFailure();
  if (!stream.queue.empty()) return false;
  host_.Join(stream.clock);
  return true;
}

bool World::IsDone(EventState& event) {
  const std::lock_guard lock(mutex_);
  for (uint64_t n = random_() % 3; n > 0; --n) RunOne();
  ThrowFailure();
  if (event.reached < event.asked) return false;
  host_.Join(event.clock);
  return true;
}

void World::Drain() {
  const std::lock_guard lock(mutex_);
  while (RunOne()) {
  }
}

bool World::IsIdle() {
  const std::lock_guard lock(mutex_);
  return std::all_of(streams_.begin(), streams_.end(), [](const auto& s) { return s->queue.empty(); });
}

std::vector<std::string> World::TakeFailures() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failures_, {});
}

void World::AddFailure(const std::string& report) {
  const std::lock_guard lock(mutex_);
  failures_.push_back(report);
}

void World::ThrowFailure() const {
  if (!failures_.empty()) throw Error(ErrorCode::kInternal, "cuda_sim: " + failures_.front());
}

Actor World::Touching() {
  Actor actor;
  actor.interval = actor.block_first = actor.launch_first = NewInterval();
  actor.oracle = this;
  return actor;
}

const World::Done* World::Find(uint64_t interval) const {
  auto it =
      std::upper_bound(done_.begin(), done_.end(), interval, [](uint64_t i, const Done& d) { return i < d.first; });
  if (it == done_.begin()) return nullptr;
  --it;
  return interval <= it->last ? &*it : nullptr;
}

bool World::WorkIsOver(uint64_t interval, uint64_t* first, uint64_t* last) {
  // Earlier parts of the work that runs, as in the body of a condition, are over.
  if (interval >= current_.first) {
    *first = *last = interval;
    return true;
  }
  const Done* done = Find(interval);
  if (!done) return true;
  *first = done->first;
  *last = done->last;
  return running_->before.Covers(done->stream, done->index);
}

std::string World::DescribeWork(uint64_t interval) const {
  const Done* done = Find(interval);
  return done ? done->name + " on stream " + std::to_string(done->stream) : "earlier work";
}

}  // namespace onda::cuda_sim
