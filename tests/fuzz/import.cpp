#include "proto/import.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "onda/types.h"
#include "proto/export.h"
#include "proto/import_value.h"
#include "tests/fuzz/target.h"

namespace onda::fuzz {
namespace {

void ReadModel(const proto::Bytes& bytes) {
  proto::ImportOptions options;
  options.max_tensor_bytes = 1 << 20;
  Model model;
  try {
    model = proto::ImportBytes(bytes, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInternal) return;
    std::fprintf(stderr, "internal error: %s\n", error.what());
    std::abort();
  }
  const std::string written = proto::ExportBytes(model);
  const proto::Bytes again{nullptr, reinterpret_cast<const std::byte*>(written.data()), written.size()};
  if (proto::ExportBytes(proto::ImportBytes(again, options)) != written) {
    std::fprintf(stderr, "reading what was written gives another model\n");
    std::abort();
  }
}

}  // namespace

void Import(std::string_view data) {
  const proto::Bytes bytes{nullptr, reinterpret_cast<const std::byte*>(data.data()), data.size()};
  ReadModel(bytes);
  Fact map;
  map.kind = ValueKind::kMap;
  for (const Fact& type : {Fact(), Fact::Sequence({}), Fact::Optional({}), map}) {
    try {
      proto::ImportValue(bytes, type);
    } catch (const Error&) {
    }
  }
}

}  // namespace onda::fuzz
