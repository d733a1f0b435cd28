#include "core/api/handles.h"
#include "core/passes/canonicalize.h"
#include "core/passes/upgrade_model.h"
#include "core/text/parse.h"
#include "core/text/print.h"
#include "proto/export.h"
#include "proto/import.h"
#include "proto/import_external.h"

namespace onda {
namespace {

OndaModel* NewModel(Model model) { return new OndaModel{std::make_shared<const Model>(std::move(model)), "", ""}; }

class FilesOfText : public ExternalTensors {
 public:
  explicit FilesOfText(const std::string& folder) : files_(folder) {}
  TensorPtr Read(DType dtype, std::vector<int64_t> dims, const StringPairs& entries) override {
    return files_.Read(dtype, dims, entries);
  }

 private:
  proto::ExternalFiles files_;
};

}  // namespace

void FillModelApi(OndaApi& api) {
  api.CreateModelFromFile = [](const char* path, OndaModel** out) {
    return Guard([&] {
      RequireArgument(path, "path");
      RequireArgument(out, "out");
      *out = NewModel(proto::ImportFile(path));
    });
  };
  api.CreateModelFromMemory = [](const void* data, size_t size, OndaModel** out) {
    return Guard([&] {
      RequireArgument(data, "data");
      RequireArgument(out, "out");
      *out = NewModel(proto::ImportBytes({nullptr, static_cast<const std::byte*>(data), size}));
    });
  };
  api.CreateModelFromText = [](const char* text, OndaModel** out) {
    return Guard([&] {
      RequireArgument(text, "text");
      RequireArgument(out, "out");
      *out = NewModel(ParseModel(text));
    });
  };
  api.CreateModelFromMemoryInFolder = [](const void* data, size_t size, const char* folder, OndaModel** out) {
    return Guard([&] {
      RequireArgument(data, "data");
      RequireArgument(folder, "folder");
      RequireArgument(out, "out");
      proto::ImportOptions options;
      options.external_folder = folder;
      *out = NewModel(proto::ImportBytes({nullptr, static_cast<const std::byte*>(data), size}, options));
    });
  };
  api.CreateModelFromTextInFolder = [](const char* text, const char* folder, OndaModel** out) {
    return Guard([&] {
      RequireArgument(text, "text");
      RequireArgument(folder, "folder");
      RequireArgument(out, "out");
      FilesOfText files(folder);
      *out = NewModel(ParseModel(text, &files));
    });
  };
  api.ModelPrint = [](OndaModel* model, const char* stage, const char** text) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(text, "text");
      const std::string which = stage ? stage : "";
      if (which.empty()) {
        model->text = Print(*model->model);
      } else if (which == "upgraded") {
        model->text = Print(*InferenceSession(*model->model, {}).ShareGraph());
      } else {
        throw Error(ErrorCode::kInvalidArgument, "unknown stage '" + which + "'; known are '' and 'upgraded'");
      }
      *text = model->text.c_str();
    });
  };
  api.ModelSave = [](const OndaModel* model, const char* path, const char* format, const char* external) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(path, "path");
      const std::string which = format ? format : "onnx";
      if (which != "onnx") throw Error(ErrorCode::kInvalidArgument, "unknown format '" + which + "'");
      proto::ExportOptions options;
      if (external) options.external_location = external;
      proto::ExportFile(*model->model, path, options);
    });
  };
  api.ModelSerialize = [](OndaModel* model, const void** data, size_t* size) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(data, "data");
      RequireArgument(size, "size");
      model->serialised = proto::ExportBytes(*model->model);
      *data = model->serialised.data();
      *size = model->serialised.size();
    });
  };
  api.ModelUpgrade = [](const OndaModel* model, OndaModel** out) {
    return Guard([&] {
      RequireArgument(model, "model");
      RequireArgument(out, "out");
      *out = NewModel(UpgradeModel(*model->model));
    });
  };
  api.ReleaseModel = [](OndaModel* model) { delete model; };
}

}  // namespace onda
