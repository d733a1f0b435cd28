// protobuf's own text and JSON forms of an ONNX model. They need protobuf's full runtime and descriptors, which only
// the command has.
#ifndef ONDA_CLI_PROTO_TEXT_H_
#define ONDA_CLI_PROTO_TEXT_H_

#include <string>

namespace onda::cli {

enum class ProtoForm { kText, kJson };

// From a serialized model. Throws Error where it is none.
std::string WriteProtoForm(ProtoForm form, const std::string& binary);

// To a serialized model. Throws Error kInvalidModel with the place of what cannot be read. Field names of JSON may be
// as in the .proto file or in lower camel case.
std::string ReadProtoForm(ProtoForm form, const std::string& text);

}  // namespace onda::cli

#endif  // ONDA_CLI_PROTO_TEXT_H_
