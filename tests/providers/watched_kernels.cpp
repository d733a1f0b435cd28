// The host's kernels, under the race check.
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "core/ir/op_def.h"
#include "kernels/op_table.h"
#include "tests/providers/late_device.h"
#include "tests/providers/late_launch.h"
#include "tests/providers/late_world.h"

namespace onda {
namespace {

using namespace late;

// The host's own kernels run at once.
void LaunchOnHost(const void* opaque, const OndaLaunch* launch, OndaStatus* status) {
  const WrappedKernel& kernel = *static_cast<const WrappedKernel*>(opaque);
  {
    const std::lock_guard lock(TheWorld().mutex);
    NoteLaunch(TheWorld().races, kernel, *launch, RaceCheck::kHost, nullptr);
  }
  kernel.Launch(*launch, status);
  const std::lock_guard lock(TheWorld().mutex);
  NoteOutputs(TheWorld().races, kernel, *launch, RaceCheck::kHost);
}

// A table of the host's kernels with each behind LaunchOnHost.
class HostTable {
 public:
  explicit HostTable(bool reference) {
    for (const OpDef* op : AllOps()) {
      std::vector<const OndaKernelDef*>& list = table_[{op->domain, op->name}];
      for (const size_t i : KernelIndices(op->domain, op->name, reference))
        list.push_back(&defs_.emplace_back(WrapKernel(op->domain, op->name, i, true, LaunchOnHost)));
    }
  }
  std::span<const OndaKernelDef* const> Find(std::string_view domain, std::string_view op) const {
    const auto it = table_.find({domain, op});
    if (it == table_.end()) return {};
    return it->second;
  }

 private:
  std::deque<OndaKernelDef> defs_;
  std::map<std::pair<std::string_view, std::string_view>, std::vector<const OndaKernelDef*>> table_;
};

}  // namespace

std::span<const OndaKernelDef* const> WatchedCpuKernels(std::string_view domain, std::string_view op) {
  static const HostTable table(false);
  return table.Find(domain, op);
}

std::span<const OndaKernelDef* const> WatchedReferenceKernels(std::string_view domain, std::string_view op) {
  static const HostTable table(true);
  return table.Find(domain, op);
}

void NoteHostRead(const void* memory, size_t bytes, const std::string& what) {
  const std::lock_guard lock(TheWorld().mutex);
  TheWorld().races.Read(RaceCheck::kHost, memory, bytes, what);
}

void NoteHostWrite(const void* memory, size_t bytes, const std::string& what) {
  const std::lock_guard lock(TheWorld().mutex);
  TheWorld().races.Write(RaceCheck::kHost, memory, bytes, what);
}

}  // namespace onda
