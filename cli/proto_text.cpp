#include "cli/proto_text.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdint>

#include "onda/types.h"
#include "onda_text.pb.h"

namespace onda::cli {
namespace {

// Enough for graphs in graphs as deep as Onda takes them.
constexpr int kRecursionLimit = 400;

// Each message takes memory of its own, many times what its braces take in the text. Each node of a model has a few.
constexpr int64_t kMaxMessages = 500'000;

// Bytes of a parser's message, which may quote the text.
constexpr size_t kShown = 250;

// Keeps the first error of a parser, instead of printing all.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  // Both count from 0.
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (text_.empty()) {
      text_ = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " + message;
    }
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

std::string WriteProtoForm(ProtoForm form, const std::string& binary) {
  text::Model model;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(binary.data()),
                                                static_cast<int>(binary.size()));
  stream.SetRecursionLimit(kRecursionLimit);
  if (!model.ParseFromCodedStream(&stream)) {
    throw Error(ErrorCode::kInvalidModel, "not a serialized ONNX model");
  }
  std::string text;
  if (form == ProtoForm::kText) {
    google::protobuf::TextFormat::PrintToString(model, &text);
    return text;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(model, &text, options);
  if (!status.ok()) {
    throw Error(ErrorCode::kInvalidArgument, "the model has no JSON form: " + std::string(status.message()));
  }
  return text;
}

std::string ReadProtoForm(ProtoForm form, const std::string& text) {
  const auto messages = std::count_if(text.begin(), text.end(), [](char c) { return c == '{' || c == '<'; });
  if (messages > kMaxMessages) {
    throw Error(ErrorCode::kResourceLimit, "the text has " + std::to_string(messages) +
                                               " messages, over the limit of " + std::to_string(kMaxMessages) +
                                               "; the binary form takes larger models");
  }
  text::Model model;
  if (form == ProtoForm::kText) {
    FirstError error;
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&error);
    parser.SetRecursionLimit(kRecursionLimit);
    if (!parser.ParseFromString(text, &model)) {
      throw Error(ErrorCode::kInvalidModel,
                  "not an ONNX model in protobuf's text form: " + error.text().substr(0, kShown));
    }
  } else {
    const auto status = google::protobuf::util::JsonStringToMessage(text, &model);
    if (!status.ok()) {
      throw Error(ErrorCode::kInvalidModel,
                  "not an ONNX model in protobuf's JSON form: " + std::string(status.message()).substr(0, kShown));
    }
  }
  if (model.ByteSizeLong() > (uint64_t{1} << 31) - 1) {
    throw Error(ErrorCode::kResourceLimit, "the model is over 2 GiB");
  }
  return model.SerializeAsString();
}

}  // namespace onda::cli
