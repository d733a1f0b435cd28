// Constants in the memory of devices.
#ifndef ONDA_CORE_PLAN_UPLOADED_CONSTANTS_H_
#define ONDA_CORE_PLAN_UPLOADED_CONSTANTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/ir/tensor.h"
#include "core/place/provider_instance.h"

namespace onda {

// One copy per device for all readers of a graph and its bodies.
class UploadedConstants {
 public:
  explicit UploadedConstants(std::shared_ptr<const InstanceSet> instances) : instances_(std::move(instances)) {}
  ~UploadedConstants();
  UploadedConstants(const UploadedConstants&) = delete;
  UploadedConstants& operator=(const UploadedConstants&) = delete;

  // Copies the constant, unless it is there. name: of the value, for messages.
  void Add(int32_t instance, const TensorPtr& constant, const std::string& name);
  const void* At(int32_t instance, const TensorPtr& constant) const { return memory_.at({instance, constant}); }

 private:
  std::shared_ptr<const InstanceSet> instances_;
  std::map<std::pair<int32_t, TensorPtr>, void*> memory_;
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_UPLOADED_CONSTANTS_H_
