#include "proto/export.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "onda/types.h"
#include "proto/export_graph.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

// A file that comes to be, whole, when Commit is called. One of that name before is replaced, not overwritten: its
// contents may be mapped. What is no plain file (a pipe, /dev/stdout) is written to at once.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".part" + std::to_string(getpid())) {
    struct stat info;
    if (stat(path_.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
      temporary_.clear();
      committed_ = true;
    }
    file_ = temporary_.empty() ? std::fopen(path_.c_str(), "wbe") : std::fopen(temporary_.c_str(), "wbxe");
    if (!file_) {
      committed_ = true;
      Fail();
    }
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (file_) std::fclose(file_);
    if (!committed_) unlink(temporary_.c_str());
  }

  void Write(const void* data, size_t size) {
    if (size > 0 && std::fwrite(data, 1, size, file_) != size) Fail();
    size_ += size;
  }

  void Flush() {
    const int closed = std::fclose(std::exchange(file_, nullptr));
    if (closed != 0) Fail();
  }

  void Commit() {
    if (committed_) return;
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) Fail();
    committed_ = true;
  }

  uint64_t size() const { return size_; }

 private:
  [[noreturn]] void Fail() {
    const std::string cause = std::generic_category().message(errno);
    throw Error(ErrorCode::kInvalidArgument, "cannot write " + Quoted(path_) + ": " + cause);
  }

  std::string path_, temporary_;
  std::FILE* file_ = nullptr;
  uint64_t size_ = 0;
  bool committed_ = false;
};

// Writes tensors behind each other, large ones at page boundaries so that they can be mapped on their own.
class ExternalSink : public DataSink {
 public:
  ExternalSink(NewFile& file, std::string location, uint64_t from)
      : file_(file), location_(std::move(location)), from_(from) {}

  bool Take(const Tensor& tensor, wire::Tensor& out) override {
    if (tensor.bytes() < from_) return false;
    // Tensors that share their bytes share them in the file.
    const auto [at, added] = offsets_.try_emplace(tensor.data(), std::pair(file_.size(), tensor.bytes()));
    if (!added && at->second.second != tensor.bytes()) return false;
    if (added) {
      constexpr char kZeros[kPage] = {};
      const uint64_t alignment = tensor.bytes() >= kPage ? kPage : kSmall;
      file_.Write(kZeros, (alignment - file_.size() % alignment) % alignment);
      at->second.first = file_.size();
      file_.Write(tensor.data(), tensor.bytes());
    }
    out.set_data_location(wire::Tensor::EXTERNAL);
    const StringPairs entries = {{"location", location_},
                                 {"offset", std::to_string(at->second.first)},
                                 {"length", std::to_string(tensor.bytes())}};
    WritePairs(entries, *out.mutable_external_data());
    return true;
  }

 private:
  static constexpr uint64_t kPage = 4096, kSmall = 64;
  NewFile& file_;
  std::string location_;
  uint64_t from_;
  std::unordered_map<const void*, std::pair<uint64_t, uint64_t>> offsets_;  // and sizes
};

void Write(const Model& model, DataSink* sink, wire::Model& out) {
  out.set_ir_version(model.ir_version);
  WriteOpsets(model.opsets, *out.mutable_opset_import());
  if (!model.producer_name.empty()) out.set_producer_name(model.producer_name);
  if (!model.producer_version.empty()) out.set_producer_version(model.producer_version);
  if (!model.domain.empty()) out.set_domain(model.domain);
  if (model.model_version != 0) out.set_model_version(model.model_version);
  if (!model.doc.empty()) out.set_doc_string(model.doc);
  WritePairs(model.metadata, *out.mutable_metadata_props());
  GraphWriter writer(sink);
  writer.WriteMain(*model.graph, *out.mutable_graph());
  for (const Function& function : model.functions) writer.WriteFunction(function, *out.add_functions());
  out.MergeFromString(model.training_info);
  out.MergeFromString(model.device_configurations);
  out.mutable_graph()->MergeFromString(model.quantization_annotation);
}

std::string Serialize(const wire::Model& message) {
  // Sizes are counted in an int: asking first tells the limit apart from other failures.
  if (message.ByteSizeLong() > (uint64_t{1} << 31) - 1) {
    throw Error(ErrorCode::kInvalidArgument, "the model is over 2 GiB; its weights need external data");
  }
  return message.SerializeAsString();
}

}  // namespace

void ExportFile(const Model& model, const std::string& path, const ExportOptions& options) {
  const std::string& location = options.external_location;
  if (location.find('/') != std::string::npos || location == "." || location == "..") {
    throw Error(ErrorCode::kInvalidArgument,
                "external data goes beside the model: " + Quoted(location) + " is no file name");
  }
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  if (!location.empty() && folder + location == path) {
    throw Error(ErrorCode::kInvalidArgument, "the model and its external data cannot be one file");
  }
  std::unique_ptr<NewFile> weights;
  std::unique_ptr<ExternalSink> sink;
  if (!location.empty()) {
    weights = std::make_unique<NewFile>(folder + location);
    sink = std::make_unique<ExternalSink>(*weights, location, options.external_from);
  }
  NewFile file(path);
  {
    wire::Model message;
    Write(model, sink.get(), message);
    const std::string bytes = Serialize(message);
    file.Write(bytes.data(), bytes.size());
  }
  file.Flush();
  if (weights) {
    weights->Flush();
    weights->Commit();
  }
  file.Commit();
}

std::string ExportBytes(const Model& model) {
  wire::Model message;
  Write(model, nullptr, message);
  return Serialize(message);
}

}  // namespace onda::proto
