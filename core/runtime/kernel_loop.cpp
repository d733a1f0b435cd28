#include "core/runtime/kernel_loop.h"

#include <algorithm>
#include <chrono>

namespace onda {
namespace {

using Clock = std::chrono::steady_clock;

struct Stoppable {
  const StopToken* stop;
  int64_t grain;
  ThreadPool::Body body;
  void* arg;
};

// Pieces grow and shrink with the time that they take.
void RunPieces(const Stoppable& loop, int64_t begin, int64_t end) {
  constexpr auto kShort = std::chrono::microseconds(500), kLong = std::chrono::microseconds(2000);
  int64_t piece = std::max(loop.grain, (end - begin) / 256);
  while (begin < end && !loop.stop->requested()) {
    const int64_t last = end - begin < piece + loop.grain ? end : begin + piece;
    const Clock::time_point start = Clock::now();
    loop.body(loop.arg, begin, last);
    const auto took = Clock::now() - start;
    begin = last;
    if (took < kShort) {
      piece = std::min(piece, (end - begin) / 2 + 1) * 4;
    } else if (took > kLong) {
      piece = std::max(loop.grain, piece / 2);
    }
  }
}

struct Fixed {
  const StopToken* stop;
  int64_t n;
  int64_t step;
  ThreadPool::Body body;
  void* arg;
};

// Ranges of ranges: each is handed over as it is, however many a thread takes at once.
void RunFixed(const Fixed& loop, int64_t first, int64_t last) {
  for (int64_t r = first; r < last && !(loop.stop && loop.stop->requested()); ++r)
    loop.body(loop.arg, r * loop.step, std::min((r + 1) * loop.step, loop.n));
}

}  // namespace

void RunKernelLoop(ThreadPool& threads, const StopToken* stop, bool fixed, int64_t n, int64_t grain,
                   ThreadPool::Body body, void* arg) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (fixed) {
    Fixed loop{stop, n, std::max(grain, (n + 255) / 256), body, arg};
    threads.ParallelFor((n + loop.step - 1) / loop.step, 1,
                        [](void* p, int64_t begin, int64_t end) { RunFixed(*static_cast<Fixed*>(p), begin, end); },
                        &loop);
  } else if (stop) {
    Stoppable loop{stop, grain, body, arg};
    threads.ParallelFor(
        n, grain, [](void* p, int64_t begin, int64_t end) { RunPieces(*static_cast<Stoppable*>(p), begin, end); },
        &loop);
  } else {
    threads.ParallelFor(n, grain, body, arg);
  }
}

}  // namespace onda
