// libFuzzer target: any bytes read as a model, and as a value, either throw onda::Error or give what can be written and
// read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "onda/types.h"
#include "proto/export.h"
#include "proto/import.h"
#include "proto/import_value.h"

namespace {

using onda::Fact;
using onda::proto::Bytes;

void ReadModel(const Bytes& bytes) {
  onda::proto::ImportOptions options;
  options.max_tensor_bytes = 1 << 20;
  onda::Model model;
  try {
    model = onda::proto::ImportBytes(bytes, options);
  } catch (const onda::Error&) {
    return;
  }
  const std::string written = onda::proto::ExportBytes(model);
  const Bytes again{nullptr, reinterpret_cast<const std::byte*>(written.data()), written.size()};
  if (onda::proto::ExportBytes(onda::proto::ImportBytes(again, options)) != written) std::abort();
}

void ReadValue(const Bytes& bytes, const Fact& type) {
  try {
    onda::proto::ImportValue(bytes, type);
  } catch (const onda::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes{nullptr, reinterpret_cast<const std::byte*>(data), size};
  ReadModel(bytes);
  Fact map;
  map.kind = onda::ValueKind::kMap;
  for (const Fact& type : {Fact(), Fact::Sequence({}), Fact::Optional({}), map}) ReadValue(bytes, type);
  return 0;
}
