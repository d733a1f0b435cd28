#include "providers/cuda/plan_tuner.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "onda/float_formats.h"
#include "providers/cuda/library_op_text.h"

namespace onda::cuda {
namespace {

using Clock = std::chrono::steady_clock;

// A plan that takes longer to make than to restore is kept though it was not timed.
constexpr auto kSlowToMake = std::chrono::milliseconds(20);
constexpr int kRounds = 9;
// Variants that are slower than the best by this factor at first sight are not timed again.
constexpr float kHopeless = 1.5f;
// A group of executions between two events lasts about as long, so that the events' own time does not show.
constexpr float kGroupMilliseconds = 0.3f;
constexpr int kMostInGroup = 50;

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Operands of the same sizes as a launch's, in memory of their own and with values like data. The same where the
// launch's are the same.
class Scratch {
 public:
  Scratch(Device& device, const LibraryOp& op, std::span<const Buffer> like, size_t workspace) : device_(device) {
    stream_ = device.MakeStream(false);
    try {
      std::vector<char> noise = Noise(TypeOf(op));
      for (size_t i = 0; i < like.size(); ++i) {
        const auto same = std::find_if(like.begin(), like.begin() + static_cast<std::ptrdiff_t>(i),
                                       [&](const Buffer& b) { return b.data == like[i].data; });
        if (same != like.begin() + static_cast<std::ptrdiff_t>(i)) {
          operands_.push_back(operands_[static_cast<size_t>(same - like.begin())]);
          operands_.back().bytes = std::min(operands_.back().bytes, like[i].bytes);
          continue;
        }
        operands_.push_back(Make(like[i].bytes));
        Fill(operands_.back(), noise);
      }
      workspace_ = Make(workspace);
      device_.Synchronize(*stream_);
    } catch (...) {
      Release();
      throw;
    }
  }
  ~Scratch() { Release(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Stream& stream() { return *stream_; }
  std::span<const Buffer> operands() const { return operands_; }
  Buffer workspace() const { return workspace_; }

  static size_t Bytes(std::span<const Buffer> like, size_t workspace) {
    size_t total = workspace;
    for (const Buffer& b : like) total += b.bytes;
    return total;
  }

 private:
  // Numbers of [-1, 1]: data that is all the same takes less power, and so less time, than real data.
  static std::vector<char> Noise(DType type) {
    std::vector<char> noise(size_t{1} << 16);
    std::minstd_rand random(1);
    const int64_t count = static_cast<int64_t>(noise.size() * 8 / BitsOf(type));
    for (int64_t i = 0; i < count; ++i)
      StoreDouble(type, noise.data(), i, static_cast<double>(random() % 2001) / 1000.0 - 1.0);
    return noise;
  }
  Buffer Make(size_t bytes) {
    if (bytes == 0) return {};
    memory_.push_back(device_.Allocate(bytes));
    return {memory_.back(), bytes};
  }
  void Fill(const Buffer& to, const std::vector<char>& noise) {
    if (to.bytes == 0) return;
    char* memory = static_cast<char*>(to.data);
    size_t have = std::min(noise.size(), to.bytes);
    device_.Copy(memory, noise.data(), have, kOndaHostToDevice, *stream_);
    device_.Synchronize(*stream_);
    for (size_t next; have < to.bytes; have += next) {
      next = std::min(have, to.bytes - have);
      device_.Copy(memory + have, memory, next, kOndaDeviceToDevice, *stream_);
    }
  }
  void Release() {
    try {
      device_.Synchronize(*stream_);
    } catch (const Error&) {  // lost: the memory goes with the device
    }
    for (void* p : memory_) device_.Free(p);
    memory_.clear();
  }

  Device& device_;
  std::unique_ptr<Stream> stream_;
  std::vector<void*> memory_;
  std::vector<Buffer> operands_;
  Buffer workspace_{};
};

struct Candidate {
  int variant;
  float first;  // milliseconds
  // A group of executions as they run later: from a graph, so that the host's part of a launch does not show. Null
  // where the library's work cannot be captured.
  std::unique_ptr<GraphExecutable> group = nullptr;
  std::vector<float> times = {};
  float Median() {
    if (times.empty()) return first;
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
  }
};

}  // namespace

PlanTuner::PlanTuner(const Properties& properties, TuningOptions options)
    : environment_(Environment(properties)), options_(std::move(options)), cache_(options_.cache, options_.warn) {}

std::string PlanTuner::Environment(const Properties& p) {
  return p.name + ", sm_" + std::to_string(p.compute_major) + std::to_string(p.compute_minor) + " x" +
         std::to_string(p.multiprocessors) + ", driver " + std::to_string(p.driver_version) + ", cudart " +
         std::to_string(p.runtime_version) + ", cublasLt " + std::to_string(p.cublas_version) + ", cudnn " +
         std::to_string(p.cudnn_version);
}

ChosenPlan PlanTuner::Choose(Device& device, const LibraryOp& op, std::span<const Buffer> operands, size_t workspace,
                             bool may_wait) {
  const std::string key = environment_ + "; workspace " + std::to_string(workspace) + "; " + TextOf(op);
  const bool tune = options_.tuning && may_wait;
  std::unique_lock<std::mutex> timing;
  if (tune) timing = std::unique_lock(timing_);
  if (const auto stored = cache_.Find(key); stored && !stored->blob.empty() && (stored->timed || !tune)) {
    try {
      ChosenPlan chosen{device.RestorePlan(op, stored->blob), 0};
      if (chosen.plan->workspace_bytes(0) <= workspace) return chosen;
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kDeviceLost) throw;
      Warn("a stored plan cannot be restored and is chosen anew: " + std::string(e.what()));
    }
  }
  const Clock::time_point begin = Clock::now();
  ChosenPlan chosen{device.MakePlan(op, tune ? options_.variants : 1, workspace), 0};
  if (!tune) {
    if (options_.keep_untimed && Clock::now() - begin > kSlowToMake) cache_.Put(key, {chosen.plan->Blob(0), false, 0});
    return chosen;
  }
  const auto [fastest, microseconds] = Fastest(device, op, *chosen.plan, operands);
  if (fastest < 0) return chosen;
  chosen.variant = fastest;
  StoredPlan stored{chosen.plan->Blob(fastest), true, microseconds};
  try {  // without the plans that were not chosen
    if (!stored.blob.empty()) chosen = {device.RestorePlan(op, stored.blob), 0};
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kDeviceLost) throw;
    return chosen;
  }
  cache_.Put(key, std::move(stored));
  return chosen;
}

std::pair<int, float> PlanTuner::Fastest(Device& device, const LibraryOp& op, LibraryPlan& plan,
                                         std::span<const Buffer> operands) {
  size_t workspace = 0;
  for (int v = 0; v < plan.variants(); ++v) workspace = std::max(workspace, plan.workspace_bytes(v));
  try {
    if (Scratch::Bytes(operands, workspace) > device.FreeBytes() / 2) return {-1, 0.0f};
    Scratch scratch(device, op, operands, workspace);
    const auto begin = device.MakeEvent(true), end = device.MakeEvent(true);
    auto execute = [&](int variant, int repeats) {
      for (int i = 0; i < repeats; ++i)
        device.Execute(scratch.stream(), plan, variant, scratch.operands(), scratch.workspace());
    };
    auto capture = [&](int variant, int repeats) -> std::unique_ptr<GraphExecutable> {
      try {
        device.BeginCapture(scratch.stream());
        try {
          execute(variant, repeats);
        } catch (...) {
          device.EndCapture(scratch.stream());
          throw;
        }
        return device.Instantiate(*device.EndCapture(scratch.stream()));
      } catch (const Error&) {
        if (device.lost()) throw;
        return nullptr;
      }
    };
    // Milliseconds of one execution, over a group of them.
    auto measure = [&](int variant, int repeats, GraphExecutable* group) {
      device.Record(*begin, scratch.stream());
      group ? device.LaunchGraph(*group, scratch.stream()) : execute(variant, repeats);
      device.Record(*end, scratch.stream());
      device.Synchronize(*end);
      return device.Milliseconds(*begin, *end) / static_cast<float>(repeats);
    };
    const Clock::time_point start = Clock::now();
    std::vector<Candidate> candidates;
    for (int v = 0; v < plan.variants(); ++v) {
      if (!candidates.empty() && MillisecondsSince(start) > options_.milliseconds / 2) break;
      try {
        measure(v, 1, nullptr);  // loads what is loaded at first use
        candidates.push_back({v, measure(v, 1, nullptr)});
      } catch (const Error&) {  // a variant that does not run is not chosen
        if (device.lost()) throw;
      }
    }
    if (candidates.empty()) return {-1, 0.0f};
    const float best = std::min_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
                         return a.first < b.first;
                       })->first;
    std::erase_if(candidates, [&](const Candidate& c) { return c.first > kHopeless * best; });
    const int repeats = std::clamp(static_cast<int>(kGroupMilliseconds / std::max(best, 1e-4f)), 1, kMostInGroup);
    for (int round = 0; round < kRounds && candidates.size() > 1; ++round) {
      if (MillisecondsSince(start) > options_.milliseconds) break;
      for (Candidate& c : candidates) {
        if (round == 0) c.group = capture(c.variant, repeats);
        const float time = measure(c.variant, repeats, c.group.get());
        if (round > 0) c.times.push_back(time);  // a graph's first launch is slower than the others
      }
    }
    Candidate& fastest = *std::min_element(candidates.begin(), candidates.end(),
                                           [](Candidate& a, Candidate& b) { return a.Median() < b.Median(); });
    return {fastest.variant, fastest.Median() * 1000};
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kDeviceLost || device.lost()) throw;
    Warn("plans were not timed: " + std::string(e.what()));
    return {-1, 0.0f};
  }
}

}  // namespace onda::cuda
