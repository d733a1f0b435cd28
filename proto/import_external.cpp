#include "proto/import_external.h"

#include "onnx.pb.h"
#include "proto/tensor_data.h"

namespace onda::proto {

TensorPtr ExternalFiles::Read(DType dtype, const std::vector<int64_t>& dims, const StringPairs& entries) {
  wire::Tensor tensor;
  tensor.set_data_location(wire::Tensor::EXTERNAL);
  tensor.set_data_type(static_cast<int32_t>(dtype));
  for (const int64_t dim : dims) tensor.add_dims(dim);
  for (const auto& [key, value] : entries) {
    wire::StringStringEntry* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  const Bytes nothing;
  return TensorReader(nothing, {}, &data_, {}, {}).Read(tensor);
}

}  // namespace onda::proto
