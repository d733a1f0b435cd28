#include "tests/cuda_sim/launch_bounds.h"

#include <algorithm>
#include <cstddef>
#include <vector>

// The linker's names for the section that lists where the no-operations ahead of functions begin, one byte each.
extern "C" {
extern const char* const __start___patchable_function_entries[] __attribute__((weak));
extern const char* const __stop___patchable_function_entries[] __attribute__((weak));
}

namespace onda::cuda_sim {

uint32_t MostThreads(const void* kernel) {
  constexpr ptrdiff_t kMost = 1024 / 32;
  static const std::vector<const char*> begins = [] {
    std::vector<const char*> list(__start___patchable_function_entries, __stop___patchable_function_entries);
    std::sort(list.begin(), list.end());
    return list;
  }();
  const char* const entry = static_cast<const char*>(kernel);
  const auto it = std::lower_bound(begins.begin(), begins.end(), entry);
  if (it == begins.begin()) return 1024;
  const ptrdiff_t count = entry - *std::prev(it);
  // Where the list's next function is another one, this one has no entry.
  return count <= kMost ? static_cast<uint32_t>(32 * count) : 1024;
}

}  // namespace onda::cuda_sim
