// What is known of every byte of device and shared memory: whether it may be touched, whether it was written, and who
// touched it last, so that unordered accesses are seen.
#ifndef ONDA_TESTS_CUDA_SIM_SHADOW_H_
#define ONDA_TESTS_CUDA_SIM_SHADOW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace onda::cuda_sim {

// Time is cut into intervals, numbered through the whole process: a new one begins with every piece of work, every
// block and every barrier. A stamp is an access: its interval, thread of the block, the lane's own clock, and flags.
using Stamp = uint64_t;
inline constexpr int kIntervalShift = 30, kThreadShift = 20, kClockShift = 4;
inline constexpr Stamp kAtomicFlag = 8, kManyThreads = 4, kManyBlocks = 2;
inline uint64_t IntervalOf(Stamp s) { return s >> kIntervalShift; }
inline uint32_t ThreadOf(Stamp s) { return static_cast<uint32_t>(s >> kThreadShift) & 1023; }
inline uint32_t ClockOf(Stamp s) { return static_cast<uint32_t>(s >> kClockShift) & 65535; }

// The next interval, and the last that was given. Shared memory outlives a device, and so does their count.
uint64_t NewInterval();
uint64_t LastInterval();

struct Cell {
  Stamp writer, reader;
};

enum ByteState : uint8_t { kForbidden = 0, kFresh = 1, kWritten = 3, kFreed = 4 };

// A stretch of memory with its shadow. state is null for memory whose bytes are fresh in every block.
struct Region {
  char* base = nullptr;
  size_t bytes = 0;
  uint8_t* state = nullptr;
  uint8_t* allowed = nullptr;  // without state: 1 for every byte that belongs to a variable
  Cell* words = nullptr;       // per 4 bytes
  Cell* single = nullptr;      // per byte, where a word's writer is kSplit
  bool Holds(const void* p) const { return static_cast<size_t>(static_cast<const char*>(p) - base) < bytes; }
};
inline constexpr Stamp kSplit = ~Stamp{0};

enum class Mode : uint8_t { kRead, kWrite, kAtomic };
enum class FaultKind : uint8_t { kNone, kOutOfBounds, kFreed, kUninitialised, kRace, kNotDeclared };

struct Fault {
  FaultKind kind = FaultKind::kNone;
  Stamp other = 0;  // of a race: the earlier access
  bool other_wrote = false;
};

// Whether what happened in an interval is known to be over. Slow; called for what is not of this block.
class OrderOracle {
 public:
  virtual ~OrderOracle() = default;
  // Of earlier work. Fills the first and the last interval of the same piece of work.
  virtual bool WorkIsOver(uint64_t interval, uint64_t* first, uint64_t* last) = 0;
  // Of an earlier block of this launch.
  virtual bool BlockIsOver(uint64_t interval) = 0;
};

// Who touches memory now.
struct Actor {
  uint64_t interval = 0;
  uint64_t block_first = 0;   // first interval of the block
  uint64_t launch_first = 0;  // of the launch
  uint32_t thread = 0;
  uint32_t clock = 1;
  const uint32_t* seen = nullptr;  // clocks of the warp's lanes that __syncwarp made known; null: none
  bool acquired = false;           // the block read, by an atomic, what another block released
  OrderOracle* oracle = nullptr;
  uint64_t over_first = 1, over_last = 0;  // intervals of earlier work that is known to be over
};

// Checks an access of n bytes at p, all inside the region, and notes it.
Fault CheckAccess(const Region& region, Actor& actor, const void* p, size_t n, Mode mode);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SHADOW_H_
