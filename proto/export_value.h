// Writes files of one value, as ImportValue reads them.
#ifndef ONDA_PROTO_EXPORT_VALUE_H_
#define ONDA_PROTO_EXPORT_VALUE_H_

#include <string>

#include "proto/import_value.h"

namespace onda::proto {

// `type` tells what the elements are where there are none. Throws kInvalidArgument for what ONNX has no form for.
std::string ExportValue(const FileValue& value, const Fact& type = {});

}  // namespace onda::proto

#endif  // ONDA_PROTO_EXPORT_VALUE_H_
