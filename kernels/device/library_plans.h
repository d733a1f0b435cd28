// The library plans that a node has needed so far, found again without asking the library. Host code.
#ifndef ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_
#define ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_

#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "providers/cuda/device.h"

namespace onda::cuda {

class LibraryPlans {
 public:
  // What a launch for the operation takes: what its plan needs, and before there is one, the most that it may.
  size_t WorkspaceBytes(const LibraryOp& op) const {
    const std::lock_guard lock(mutex_);
    for (const Entry& e : entries_)
      if (e.op == op) return e.chosen.plan->workspace_bytes(e.chosen.variant);
    return kLibraryWorkspaceBytes;
  }

  // Executes with the launch's workspace, which is of WorkspaceBytes or more. Throws kNotImplemented where the library
  // has no plan that is content with that.
  void Execute(const LaunchArgs& args, const LibraryOp& op, std::span<const Buffer> operands) {
    Stream& stream = StreamOf(args);
    const auto [plan, variant] = For(stream, op, operands);
    const size_t bytes = plan->workspace_bytes(variant);
    stream.device().Execute(stream, *plan, variant, operands, bytes ? WorkspaceOf(args, 0, bytes) : Buffer{});
  }

 private:
  struct Entry {
    Device* device;
    LibraryOp op;  // as it was asked for
    ChosenPlan chosen;
  };
  std::pair<LibraryPlan*, int> For(Stream& stream, const LibraryOp& op, std::span<const Buffer> operands) {
    Device& device = stream.device();
    const std::lock_guard lock(mutex_);
    for (const Entry& e : entries_)
      if (e.device == &device && e.op == op) return {e.chosen.plan.get(), e.chosen.variant};
    Entry entry{&device, op, {}};
    LibraryOp allowed = op;
    if (device.allow_tf32) AllowTf32(allowed);
    if (PlanChooser* chooser = device.plan_chooser())
      entry.chosen = chooser->Choose(device, allowed, operands, kLibraryWorkspaceBytes, !device.IsCapturing(stream));
    else
      entry.chosen = {device.MakePlan(allowed, 1, kLibraryWorkspaceBytes), 0};
    entries_.push_back(std::move(entry));
    return {entries_.back().chosen.plan.get(), entries_.back().chosen.variant};
  }

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_
