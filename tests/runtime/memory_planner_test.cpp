#include "core/plan/memory_planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace onda {
namespace {

void ExpectSound(const std::vector<BufferLifetime>& buffers, size_t total) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const BufferLifetime& a = buffers[i];
    EXPECT_EQ(a.offset % 64, 0u);
    EXPECT_LE(a.offset + a.bytes, total);
    for (size_t j = i + 1; j < buffers.size(); ++j) {
      const BufferLifetime& b = buffers[j];
      const bool meet =
          (a.last >= b.first && b.last >= a.first) || (a.group >= 0 && a.group == b.group && a.stream != b.stream);
      if (!meet || a.bytes == 0 || b.bytes == 0) continue;
      EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset) << i << " and " << j << " overlap";
    }
  }
}

std::vector<BufferLifetime> RandomBuffers(int count, int steps, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<BufferLifetime> buffers;
  for (int i = 0; i < count; ++i) {
    const int32_t first = static_cast<int32_t>(random() % steps);
    buffers.push_back({random() % 100000, first, first + static_cast<int32_t>(random() % 10)});
  }
  return buffers;
}

TEST(MemoryPlanner, LiveBuffersNeverOverlap) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<BufferLifetime> buffers = RandomBuffers(200, 60, seed);
    const size_t total = PlanMemory(buffers);
    ExpectSound(buffers, total);
  }
}

TEST(MemoryPlanner, LongPlansToo) {
  std::vector<BufferLifetime> buffers = RandomBuffers(3500, 3500, 7);
  const size_t total = PlanMemory(buffers);
  ExpectSound(buffers, total);
}

TEST(MemoryPlanner, StreamsOfAGroupShareNothing) {
  for (int count : {60, 3500}) {
    for (uint32_t seed = 0; seed < 5; ++seed) {
      std::mt19937 random(seed);
      std::vector<BufferLifetime> buffers = RandomBuffers(count, count, seed);
      for (BufferLifetime& b : buffers)
        if (random() % 2) b.group = static_cast<int32_t>(random() % 3), b.stream = static_cast<int32_t>(random() % 3);
      const size_t total = PlanMemory(buffers);
      ExpectSound(buffers, total);
    }
  }
  // Two chains, one step after the other: each needs two places, and not those of the other.
  std::vector<BufferLifetime> chains;
  for (int32_t i = 0; i < 20; ++i) chains.push_back({1 << 20, i, i + (i % 10 != 9), 0, 0, i / 10});
  EXPECT_EQ(PlanMemory(chains), size_t{4} << 20);
}

TEST(MemoryPlanner, ChainOfEqualBuffersNeedsTwo) {
  std::vector<BufferLifetime> buffers;
  for (int32_t i = 0; i < 100; ++i) buffers.push_back({1 << 20, i, i + 1});
  EXPECT_EQ(PlanMemory(buffers), size_t{2} << 20);
}

TEST(MemoryPlanner, NothingNeedsNothing) {
  std::vector<BufferLifetime> none;
  EXPECT_EQ(PlanMemory(none), 0u);
  std::vector<BufferLifetime> empty = {{0, 0, 5}, {0, 2, 3}};
  EXPECT_EQ(PlanMemory(empty), 0u);
}

}  // namespace
}  // namespace onda
