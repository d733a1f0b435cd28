// The library plans that a node has needed so far, found again without asking the library. Host code.
#ifndef ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_
#define ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "providers/cuda/device.h"

namespace onda::cuda {

// The i-th operand of a launch that is yet to come, in memory that is not there.
inline Buffer AtNoPlace(size_t i, size_t bytes) {
  return {reinterpret_cast<void*>(static_cast<uintptr_t>(i + 1) << 48), bytes};
}

class LibraryPlans {
 public:
  // What a launch for the operation takes: what its plan needs, and before there is one, the most that it may.
  size_t WorkspaceBytes(const LibraryOp& op) const {
    const std::lock_guard lock(mutex_);
    bool found = false;
    size_t most = 0;  // of the devices that launches may be for
    for (const Entry& e : entries_) {
      if (!(e.op == op)) continue;
      found = true;
      if (e.chosen.plan) most = std::max(most, e.chosen.plan->workspace_bytes(e.chosen.variant));
    }
    return found ? most : kLibraryWorkspaceBytes;
  }

  // Chooses the operation's plan, unless there is one: launches then find it, and WorkspaceBytes is what it needs.
  // operands: of the sizes that the launches' have, and the same where those are; they are not read. Where the library
  // has no plan, launches will say so.
  void Prepare(const LaunchArgs& args, const LibraryOp& op, std::span<const Buffer> operands) {
    For(StreamOf(args), op, operands, nullptr);
  }

  // Executes with the launch's workspace, which has WorkspaceBytes or more from `offset` on, a multiple of 256. Throws
  // kNotImplemented where the library has no plan that is content with that.
  void Execute(const LaunchArgs& args, const LibraryOp& op, std::span<const Buffer> operands, size_t offset = 0) {
    std::string refusal;
    if (!TryExecute(args, op, operands, &refusal, offset)) throw Error(ErrorCode::kNotImplemented, refusal);
  }
  // The same, but false where there is no plan, which is asked for once only; `refusal`, if not null, says why.
  bool TryExecute(const LaunchArgs& args, const LibraryOp& op, std::span<const Buffer> operands,
                  std::string* refusal = nullptr, size_t offset = 0) {
    Stream& stream = StreamOf(args);
    const auto [plan, variant] = For(stream, op, operands, refusal);
    if (!plan) return false;
    const size_t bytes = plan->workspace_bytes(variant);
    stream.device().Execute(stream, *plan, variant, operands, bytes ? WorkspaceOf(args, offset, bytes) : Buffer{});
    return true;
  }

 private:
  struct Entry {
    Device* device;
    LibraryOp op;  // as it was asked for
    ChosenPlan chosen;
    std::string refusal;  // where there is no plan
  };
  // {null, 0} where there is no plan.
  std::pair<LibraryPlan*, int> For(Stream& stream, const LibraryOp& op, std::span<const Buffer> operands,
                                   std::string* refusal) {
    Device& device = stream.device();
    const std::lock_guard lock(mutex_);
    auto result = [&](const Entry& e) -> std::pair<LibraryPlan*, int> {
      if (!e.chosen.plan && refusal) *refusal = e.refusal;
      return {e.chosen.plan.get(), e.chosen.plan ? e.chosen.variant : 0};
    };
    for (const Entry& e : entries_)
      if (e.device == &device && e.op == op) return result(e);
    Entry entry{&device, op, {}, {}};
    LibraryOp allowed = op;
    if (device.allow_tf32) AllowTf32(allowed);
    try {
      if (PlanChooser* chooser = device.plan_chooser())
        entry.chosen = chooser->Choose(device, allowed, operands, kLibraryWorkspaceBytes, !device.IsCapturing(stream));
      else
        entry.chosen = {device.MakePlan(allowed, 1, kLibraryWorkspaceBytes), 0};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotImplemented) throw;
      entry.refusal = error.what();
    }
    entries_.push_back(std::move(entry));
    return result(entries_.back());
  }

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_
