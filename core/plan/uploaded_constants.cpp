#include "core/plan/uploaded_constants.h"

#include <algorithm>

namespace onda {

UploadedConstants::~UploadedConstants() {
  for (const auto& [key, memory] : memory_) instances_->instances[key.first]->Free(memory);
}

void UploadedConstants::Add(int32_t instance, const TensorPtr& constant, const std::string& name) {
  if (memory_.count({instance, constant})) return;
  const ProviderInstance& provider = *instances_->instances[instance];
  void* memory = provider.Allocate(std::max<size_t>(constant->bytes(), 1));
  if (!memory)
    throw Error(ErrorCode::kOutOfMemory, provider.label() + ": no memory for constant '" + name + "' of " +
                                             std::to_string(constant->bytes()) + " bytes");
  memory_[{instance, constant}] = memory;
  if (constant->bytes() == 0) return;
  auto lane = provider.TakeLane(0);
  try {
    provider.Copy(memory, constant->data(), constant->bytes(), kOndaHostToDevice, lane->stream);
    provider.Synchronize(lane->stream);
  } catch (const Error&) {
    provider.ReturnLane(std::move(lane), false);
    throw;
  }
  provider.ReturnLane(std::move(lane), true);
}

}  // namespace onda
