#include "tests/cuda_sim/launch_bounds.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

// The linker's names for the section that lists where the no-operations ahead of functions begin, one byte each.
extern "C" {
extern const char* const __start___patchable_function_entries[] __attribute__((weak));
extern const char* const __stop___patchable_function_entries[] __attribute__((weak));
}

namespace onda::cuda_sim {
namespace {

using Begins = std::vector<const char*>;

std::mutex mutex;
std::vector<const Begins*>& Modules() {
  static std::vector<const Begins*> modules;
  return modules;
}

// The bound of the function that begins there, by a sorted list; 0 where it is not in the list.
uint32_t BoundOf(const Begins& begins, const char* entry) {
  constexpr ptrdiff_t kMost = 1024 / 32;
  const auto it = std::lower_bound(begins.begin(), begins.end(), entry);
  if (it == begins.begin()) return 0;
  const ptrdiff_t count = entry - *std::prev(it);
  // Where the list's next function is another one, this one has no entry.
  return count <= kMost ? static_cast<uint32_t>(32 * count) : 0;
}

}  // namespace

uint32_t MostThreads(const void* kernel) {
  static const Begins begins = [] {
    Begins list(__start___patchable_function_entries, __stop___patchable_function_entries);
    std::sort(list.begin(), list.end());
    return list;
  }();
  const char* const entry = static_cast<const char*>(kernel);
  if (const uint32_t bound = BoundOf(begins, entry)) return bound;
  const std::lock_guard lock(mutex);
  for (const Begins* module : Modules())
    if (const uint32_t bound = BoundOf(*module, entry)) return bound;
  return 1024;
}

ModuleBounds::ModuleBounds(std::vector<const char*> begins) : begins_(std::move(begins)) {
  std::sort(begins_.begin(), begins_.end());
  const std::lock_guard lock(mutex);
  Modules().push_back(&begins_);
}

ModuleBounds::~ModuleBounds() {
  const std::lock_guard lock(mutex);
  std::erase(Modules(), &begins_);
}

}  // namespace onda::cuda_sim
