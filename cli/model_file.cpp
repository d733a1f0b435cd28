#include "cli/model_file.h"

#include <algorithm>
#include <cctype>

#include "cli/data/file.h"
#include "cli/proto_text.h"

namespace onda::cli {

ModelForm FormOf(const std::string& path) {
  std::string end = path.substr(std::min(path.rfind('.'), path.size()));
  std::transform(end.begin(), end.end(), end.begin(), [](unsigned char c) { return std::tolower(c); });
  if (end == ".onnxtxt" || end == ".onnxtext" || end == ".txt") return ModelForm::kText;
  if (end == ".prototxt" || end == ".textproto" || end == ".txtpb" || end == ".pbtxt") return ModelForm::kProtoText;
  if (end == ".json" || end == ".onnxjson") return ModelForm::kProtoJson;
  return ModelForm::kBinary;
}

Model LoadModel(const std::string& path) {
  const ModelForm form = FormOf(path);
  if (form == ModelForm::kBinary) return Model::FromFile(path);
  try {
    const std::string text = ReadFile(path);
    if (form == ModelForm::kText) return Model::FromText(text);
    const std::string binary = ReadProtoForm(form == ModelForm::kProtoText ? ProtoForm::kText : ProtoForm::kJson, text);
    return Model::FromMemory(binary.data(), binary.size());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) throw;
    throw Error(error.code(), "'" + path + "': " + error.what());
  }
}

void SaveModel(const Model& model, const std::string& path, ModelForm form, const std::string& external) {
  if (form == ModelForm::kBinary) return model.Save(path, external);
  if (!external.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "external data is only written beside models in the binary format");
  }
  if (form == ModelForm::kText) return WriteFile(path, model.Print());
  // The other forms are made from the binary one.
  const std::string binary = model.Serialize();
  WriteFile(path, WriteProtoForm(form == ModelForm::kProtoText ? ProtoForm::kText : ProtoForm::kJson, binary));
}

}  // namespace onda::cli
