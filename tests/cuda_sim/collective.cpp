// Operations of a warp: all lanes that a mask names meet, then each gets its value.
#include <cstring>

#include "tests/cuda_sim/kernel_run.h"

namespace onda::cuda_sim {
namespace {

std::string Hex(unsigned mask) {
  char text[16];
  std::snprintf(text, sizeof(text), "%08x", mask);
  return text;
}

}  // namespace

void KernelRun::InCollective(WarpOp op, unsigned mask, void* value, size_t bytes, int lane, int width) {
  busy_ = true;
  Thread& t = *thread_;
  const uint32_t own = t.number % 32, warp = t.number / 32;
  const uint32_t lanes = thread_count_ - 32 * warp < 32 ? thread_count_ - 32 * warp : 32;
  if (!(mask >> own & 1)) Fail("a warp operation whose mask " + Hex(mask) + " does not name the calling lane");
  if (lanes < 32 && mask >> lanes) Fail("a warp operation whose mask " + Hex(mask) + " names lanes that do not exist");
  if (bytes > sizeof(t.value)) Fail("a shuffle of more than 16 bytes");
  t.op = op;
  t.mask = mask;
  t.bytes = bytes;
  t.lane = lane;
  t.width = width;
  if (bytes) std::memcpy(t.value, value, bytes);
  t.state = State::kInCollective;
  TryCollective(t);
  if (t.state == State::kInCollective) Suspend(State::kInCollective);
  if (bytes) std::memcpy(value, t.value, bytes);
  actor_.clock = t.clock;
  busy_ = false;
}

void KernelRun::TryCollective(Thread& thread) {
  const uint32_t base = thread.number / 32 * 32;
  for (uint32_t l = 0; l < 32; ++l) {
    if (!(thread.mask >> l & 1)) continue;
    const Thread& other = threads_[base + l];
    if (other.state == State::kDone)
      Fail("a warp operation whose mask " + Hex(thread.mask) + " names lane " + std::to_string(l) +
           ", which has returned");
    if (other.state != State::kInCollective || other.mask != thread.mask || other.op != thread.op) return;
  }
  Complete(thread.number / 32, thread.mask);
}

void KernelRun::Complete(uint32_t warp, unsigned mask) {
  unsigned char in[32][16];
  const uint32_t base = 32 * warp;
  unsigned ballot = 0;
  for (uint32_t l = 0; l < 32; ++l) {
    if (!(mask >> l & 1)) continue;
    const Thread& t = threads_[base + l];
    std::memcpy(in[l], t.value, sizeof(t.value));
    unsigned predicate = 0;
    if (t.op == WarpOp::kBallot) std::memcpy(&predicate, t.value, sizeof(predicate));
    if (predicate) ballot |= 1u << l;
  }
  uint32_t joined[32] = {};
  for (uint32_t l = 0; l < 32; ++l) {
    if (!(mask >> l & 1)) continue;
    Thread& t = threads_[base + l];
    int from = static_cast<int>(l);
    const int begin = from - from % t.width, end = begin + t.width;
    switch (t.op) {
      case WarpOp::kShuffle:
        from = begin + (t.lane % t.width + t.width) % t.width;
        break;
      case WarpOp::kShuffleUp:
        from -= t.lane;
        if (from < begin) from = static_cast<int>(l);
        break;
      case WarpOp::kShuffleDown:
        from += t.lane;
        if (from >= end) from = static_cast<int>(l);
        break;
      case WarpOp::kShuffleXor:
        from ^= t.lane;
        if (from >= end) from = static_cast<int>(l);
        break;
      case WarpOp::kBallot:
        std::memcpy(t.value, &ballot, sizeof(ballot));
        break;
      case WarpOp::kMatch: {
        unsigned same = 0;
        for (uint32_t k = 0; k < 32; ++k)
          if ((mask >> k & 1) && std::memcmp(in[k], in[l], 8) == 0) same |= 1u << k;
        std::memset(t.value, 0, sizeof(t.value));
        std::memcpy(t.value, &same, sizeof(same));
        break;
      }
      case WarpOp::kSync: {
        uint32_t* seen = warps_[warp].seen[l];
        seen[l] = t.clock;
        for (uint32_t k = 0; k < 32; ++k) joined[k] = joined[k] < seen[k] ? seen[k] : joined[k];
        break;
      }
    }
    if (from != static_cast<int>(l)) {
      if (!(mask >> from & 1))
        Fail("a shuffle with mask " + Hex(mask) + " in which lane " + std::to_string(l) + " reads lane " +
             std::to_string(from) + ", which takes no part");
      std::memcpy(t.value, in[from], t.bytes);
    }
  }
  const bool sync = threads_[thread_->number].op == WarpOp::kSync;
  for (uint32_t l = 0; l < 32; ++l) {
    if (!(mask >> l & 1)) continue;
    Thread& t = threads_[base + l];
    if (sync) {
      std::memcpy(warps_[warp].seen[l], joined, sizeof(joined));
      if (t.clock < 65535) ++t.clock;
    }
    t.state = State::kReady;
    if (&t != thread_) ready_.push_back(t.number);
  }
}

unsigned KernelRun::ActiveLanes() const {
  unsigned mask = 0;
  for (uint32_t l = 0; l < 32; ++l) {
    const uint32_t t = thread_->number / 32 * 32 + l;
    if (t < thread_count_ && threads_[t].state != State::kDone) mask |= 1u << l;
  }
  return mask;
}

}  // namespace onda::cuda_sim
