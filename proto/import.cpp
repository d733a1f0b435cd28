#include "proto/import.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "onda/types.h"
#include "proto/attempt.h"
#include "proto/check_rules.h"
#include "proto/external_data.h"
#include "proto/import_graph.h"
#include "proto/quoted.h"
#include "proto/wire_scan.h"

namespace onda::proto {
namespace {

constexpr int kNewestIrVersion = 14;

[[noreturn]] void RejectModel(const std::string& why) { throw Error(ErrorCode::kInvalidModel, why); }

void RejectForeignFile(const Bytes& bytes) {
  if (bytes.size == 0) RejectModel("not a valid ONNX file: it is empty");
  const std::string_view start(reinterpret_cast<const char*>(bytes.data), std::min<uint64_t>(bytes.size, 64));
  if (start.starts_with("version https://git-lfs")) {
    RejectModel("not an ONNX file but a Git LFS pointer to one; fetch it with 'git lfs pull'");
  }
}

// In an arena: protobuf's own containers lose what they were about to take where memory runs out.
wire::Model& Parse(ScannedModel& scanned, int max_nesting, google::protobuf::Arena& arena) {
  auto& model = *google::protobuf::Arena::CreateMessage<wire::Model>(&arena);
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(scanned.message.data()),
                                                static_cast<int>(scanned.message.size()));
  stream.SetRecursionLimit(ProtobufRecursionLimit(max_nesting));
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    RejectModel("not a valid ONNX file: a type, shape or other small part of it is malformed or nests too deeply");
  }
  std::string().swap(scanned.message);
  return model;
}

// The fields of `from` that running does not need, kept as a message of their own.
template <class Message, class Field>
std::string Keep(Field* (Message::*field)(), Message& from) {
  if ((from.*field)()->empty()) return {};
  Message kept;
  (kept.*field)()->Swap((from.*field)());
  return kept.SerializeAsString();
}

Model Read(const Bytes& bytes, const ImportOptions& options, std::optional<std::string> folder) {
  RejectForeignFile(bytes);
  if (bytes.size > options.max_file_bytes) {
    throw Error(ErrorCode::kResourceLimit, "the model's " + std::to_string(bytes.size) +
                                               " bytes are over the limit of " +
                                               std::to_string(options.max_file_bytes));
  }
  ScanOptions scan;
  scan.max_nesting = options.max_nesting;
  scan.max_nodes = options.max_nodes;
  scan.max_attributes = 4 * options.max_nodes;
  scan.max_parts = 10 * options.max_nodes;
  scan.stop = options.stop;
  ScannedModel scanned = ScanWire(WireMessage::kModel, bytes.span(), scan);
  google::protobuf::Arena arena;
  wire::Model& wire = Parse(scanned, options.max_nesting, arena);

  Model model;
  if (!wire.has_ir_version() || !wire.has_graph()) {
    RejectModel(std::string("not a valid ONNX model: it has no ") + (wire.has_graph() ? "ir_version" : "graph"));
  }
  Attempt(options.on_problem, [&] {
    if (wire.ir_version() < 1 || wire.ir_version() > kNewestIrVersion) {
      RejectModel("the model has IR version " + std::to_string(wire.ir_version()) + "; versions 1 to " +
                  std::to_string(kNewestIrVersion) + " are supported");
    }
  });
  model.ir_version = static_cast<int>(std::clamp<int64_t>(wire.ir_version(), 1, kNewestIrVersion));
  Attempt(options.on_problem, [&] {
    model.opsets = ReadOpsets(wire.opset_import());
    // Operator sets came with IR version 3.
    if (model.opsets.empty() && model.ir_version >= 3) RejectModel("the model has no opset_import");
  });
  if (model.opsets.empty()) model.opsets[""] = 1;
  model.producer_name = wire.producer_name();
  model.producer_version = wire.producer_version();
  model.domain = wire.domain();
  model.model_version = wire.model_version();
  model.doc = wire.doc_string();
  model.metadata = ReadPairs(wire.metadata_props());
  model.training_info = Keep(&wire::Model::mutable_training_info, wire);
  model.device_configurations = Keep(&wire::Model::mutable_configuration, wire);
  model.quantization_annotation = Keep(&wire::Graph::mutable_quantization_annotation, *wire.mutable_graph());

  ExternalData external(std::move(folder), options.external_data);
  const TensorReader tensors(bytes, scanned.pieces, &external, {options.max_tensor_bytes, options.max_rank},
                             options.stop);
  GraphReader graphs(model.opsets, tensors, options.max_rank, options.stop, options.on_problem);
  if (options.on_problem) CheckRules(wire, options.on_problem);
  for (const wire::Function& function : wire.functions()) {
    Attempt(options.on_problem, [&] { graphs.Declare(function); });
  }
  model.graph = graphs.ReadMain(*wire.mutable_graph());
  for (wire::Function& function : *wire.mutable_functions()) {
    Attempt(options.on_problem, [&] { model.functions.push_back(graphs.ReadFunction(function)); });
  }
  RejectRecursion(model.functions);
  return model;
}

}  // namespace

Model ImportFile(const std::string& path, const ImportOptions& options) {
  const Bytes bytes = OpenFile(path, options.stop);
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
  try {
    return Read(bytes, options, options.external_folder.value_or(folder));
  } catch (const Error& error) {
    throw Error(error.code(), Quoted(path) + ": " + error.what());
  }
}

Model ImportBytes(const Bytes& bytes, const ImportOptions& options) {
  return Read(bytes, options, options.external_folder);
}

Model ImportStream(std::istream& stream, const ImportOptions& options) {
  return Read(ReadStream(stream, options.stop), options, options.external_folder);
}

}  // namespace onda::proto
