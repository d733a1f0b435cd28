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

namespace {

// Of the files that a model names.
std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

// read(text), whose errors name the file.
template <class Read>
auto ReadText(const std::string& path, Read&& read) {
  try {
    return read(ReadFile(path));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound && std::string(error.what()).find(path) != std::string::npos) throw;
    throw Error(error.code(), "'" + path + "': " + error.what());
  }
}

std::string ToBinary(ModelForm form, const std::string& text) {
  return ReadProtoForm(form == ModelForm::kProtoText ? ProtoForm::kText : ProtoForm::kJson, text);
}

}  // namespace

Model LoadModel(const std::string& path) {
  const ModelForm form = FormOf(path);
  if (form == ModelForm::kBinary) return Model::FromFile(path);
  return ReadText(path, [&](const std::string& text) {
    if (form == ModelForm::kText) return Model::FromText(text, FolderOf(path));
    const std::string binary = ToBinary(form, text);
    return Model::FromMemory(binary.data(), binary.size(), FolderOf(path));
  });
}

std::vector<Problem> FindProblems(const std::string& path, bool inference) {
  const ModelForm form = FormOf(path);
  if (form == ModelForm::kBinary) return CheckModelFile(path, inference);
  try {
    return ReadText(path, [&](const std::string& text) {
      if (form == ModelForm::kText) return Model::FromText(text, FolderOf(path)).FindProblems(inference);
      const std::string binary = ToBinary(form, text);
      return CheckModelMemory(binary.data(), binary.size(), inference, FolderOf(path));
    });
  } catch (const Error& error) {
    Problem problem;
    problem.code = error.code();
    problem.cause = error.what();
    return {problem};
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
