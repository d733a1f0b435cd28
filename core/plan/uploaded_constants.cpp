#include "core/plan/uploaded_constants.h"

#include <algorithm>

namespace onda {

UploadedConstants::~UploadedConstants() {
  for (const auto& [key, memory] : memory_) instances_->instances[key.first]->Free(memory);
}

void UploadedConstants::Add(int32_t instance, const TensorPtr& constant, const std::string& name) {
  const auto [entry, added] = memory_.try_emplace({instance, constant}, nullptr);
  if (!added) return;
  const ProviderInstance& provider = *instances_->instances[instance];
  void* const memory = provider.Allocate(std::max<size_t>(constant->bytes(), 1));
  if (!memory) {
    memory_.erase(entry);
    throw Error(ErrorCode::kOutOfMemory, provider.label() + ": no memory for constant '" + name + "' of " +
                                             std::to_string(constant->bytes()) + " bytes");
  }
  entry->second = memory;
  if (constant->bytes() == 0) return;
  auto lane = provider.TakeLane(0);
  try {
    provider.Copy(memory, constant->data(), constant->bytes(), kOndaHostToDevice, lane->stream);
    provider.Synchronize(lane->stream);
  } catch (...) {
    provider.ReturnLane(std::move(lane), false);
    throw;
  }
  provider.ReturnLane(std::move(lane), true);
}

}  // namespace onda
