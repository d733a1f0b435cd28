#include "providers/cuda/options.h"

#include <string>

namespace onda::cuda {
namespace {

int64_t InRange(ProviderOptions& given, const char* key, int64_t absent, int64_t least, int64_t most) {
  const int64_t value = given.Int(key, absent);
  if (value < least || value > most)
    throw Error(ErrorCode::kInvalidArgument, "option '" + std::string(key) + "' must be from " + std::to_string(least) +
                                                 " to " + std::to_string(most) + ", not " + std::to_string(value));
  return value;
}

}  // namespace

Options ParseOptions(ProviderOptions& given) {
  Options options;
  options.device_id = static_cast<int>(InRange(given, "device_id", 0, 0, 1023));
  options.memory_limit = static_cast<uint64_t>(InRange(given, "memory_limit", 0, 0, INT64_MAX));
  options.tf32 = InRange(given, "tf32", 0, 0, 1) != 0;
  options.cuda_graphs = InRange(given, "cuda_graphs", 1, 0, 1) != 0;
  options.tuning = InRange(given, "tuning", 0, 0, 1) != 0;
  options.plan_cache = given.String("plan_cache", "");
  return options;
}

}  // namespace onda::cuda
