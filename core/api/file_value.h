// Values of files as values of a run, and back.
#ifndef ONDA_CORE_API_FILE_VALUE_H_
#define ONDA_CORE_API_FILE_VALUE_H_

#include <string>

#include "core/plan/runtime_value.h"
#include "proto/import_value.h"

namespace onda {

// Tensors share the file's memory.
RuntimeValue FromFile(const proto::FileValue& file);
proto::FileValue ToFile(const RuntimeValue& value, const std::string& name);

}  // namespace onda

#endif  // ONDA_CORE_API_FILE_VALUE_H_
