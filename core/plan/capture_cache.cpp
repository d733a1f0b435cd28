#include "core/plan/capture_cache.h"

namespace onda {
namespace {

// Executables of one span, over all runs.
constexpr size_t kMaxEntries = 4;

}  // namespace

CaptureCache::CaptureCache(std::vector<CaptureSpan> spans,
                           std::vector<std::shared_ptr<const ProviderInstance>> instances)
    : spans_(std::move(spans)), instances_(std::move(instances)), states_(spans_.size()) {
  for (State& state : states_) state.free.reserve(kMaxEntries);
}

CaptureCache::~CaptureCache() {
  for (size_t s = 0; s < states_.size(); ++s)
    for (const std::unique_ptr<Entry>& entry : states_[s].free)
      if (entry->executable) instances_[s]->DestroyExecutable(entry->executable);
}

bool CaptureCache::Begin(size_t span) {
  const std::lock_guard lock(mutex_);
  State& state = states_[span];
  return ++state.runs > 1 && state.failure.empty();
}

std::unique_ptr<CaptureCache::Entry> CaptureCache::Take(size_t span, const CaptureAddresses& addresses) {
  const std::lock_guard lock(mutex_);
  State& state = states_[span];
  auto it = state.free.begin();
  while (it != state.free.end() && !((*it)->addresses == addresses)) ++it;
  if (it == state.free.end()) {  // one where only copies differ is changed at little cost
    it = state.free.begin();
    while (it != state.free.end() && !(*it)->addresses.DifferInCopies(addresses)) ++it;
  }
  ++state.taken;
  if (it == state.free.end()) {
    if (state.free.empty() || state.free.size() + static_cast<size_t>(state.taken) <= kMaxEntries) return nullptr;
    --it;
  }
  std::unique_ptr<Entry> entry = std::move(*it);
  state.free.erase(it);
  return entry;
}

void CaptureCache::Return(size_t span, std::unique_ptr<Entry> entry) noexcept {
  const std::lock_guard lock(mutex_);
  State& state = states_[span];
  --state.taken;
  if (!entry || !entry->executable) return;
  if (state.free.size() >= kMaxEntries) {
    instances_[span]->DestroyExecutable(state.free.back()->executable);
    state.free.pop_back();
  }
  state.free.insert(state.free.begin(), std::move(entry));
}

bool CaptureCache::OnOneStream(size_t span) const {
  const std::lock_guard lock(mutex_);
  return states_[span].one_stream;
}

void CaptureCache::CaptureOnOneStream(size_t span) {
  const std::lock_guard lock(mutex_);
  states_[span].one_stream = true;
}

void CaptureCache::GiveUp(size_t span, std::string reason) {
  const std::lock_guard lock(mutex_);
  states_[span].failure = reason.empty() ? "unknown cause" : std::move(reason);
}

void CaptureCache::CountReplay(size_t span) {
  const std::lock_guard lock(mutex_);
  ++states_[span].replays;
}

std::vector<std::string> CaptureCache::Describe() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (size_t s = 0; s < spans_.size(); ++s) {
    std::string line = "steps " + std::to_string(spans_[s].first) + " to " + std::to_string(spans_[s].end - 1) + ": " +
                       std::to_string(spans_[s].launches) + " launches, ";
    line += states_[s].failure.empty() ? "replayed " + std::to_string(states_[s].replays) + " times"
                                       : "not captured: " + states_[s].failure;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace onda
