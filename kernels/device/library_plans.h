// The library plans that a node has needed so far, found again without asking the library. Host code.
#ifndef ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_
#define ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_

#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "providers/cuda/device.h"

namespace onda::cuda {

class LibraryPlans {
 public:
  // Executes with the launch's workspace, of kLibraryWorkspaceBytes. Throws kNotImplemented where the library has no
  // plan that is content with these.
  void Execute(const LaunchArgs& args, LibraryOp op, std::span<const Buffer> operands) {
    Stream& stream = StreamOf(args);
    if (stream.device().allow_tf32) AllowTf32(op);
    const auto [plan, variant] = For(stream.device(), op);
    stream.device().Execute(stream, *plan, variant, operands, WorkspaceOf(args, 0, kLibraryWorkspaceBytes));
  }

 private:
  struct Entry {
    Device* device;
    LibraryOp op;
    std::unique_ptr<LibraryPlan> plan;
    int variant;
  };
  std::pair<LibraryPlan*, int> For(Device& device, const LibraryOp& op) {
    const std::lock_guard lock(mutex_);
    for (const Entry& e : entries_)
      if (e.device == &device && e.op == op) return {e.plan.get(), e.variant};
    Entry entry{&device, op, device.MakePlan(op), 0};
    while (entry.plan->workspace_bytes(entry.variant) > kLibraryWorkspaceBytes)
      if (++entry.variant == entry.plan->variants())
        throw Error(ErrorCode::kNotImplemented, "every plan of the library needs too much memory");
    entries_.push_back(std::move(entry));
    return {entries_.back().plan.get(), entries_.back().variant};
  }

  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_LIBRARY_PLANS_H_
