#include "cli/convert.h"

#include "cli/exit_code.h"
#include "cli/model_file.h"
#include "onda/model.h"

namespace onda::cli {
namespace {

ModelForm FormNamed(const std::string& name, const std::string& path) {
  if (name == "onnx") return ModelForm::kBinary;
  if (name == "text") return ModelForm::kText;
  if (name == "prototxt") return ModelForm::kProtoText;
  if (name == "json") return ModelForm::kProtoJson;
  return FormOf(path);
}

}  // namespace

int Convert(const ConvertOptions& options) {
  Model model = LoadModel(options.from);
  if (options.newest) model = model.Upgraded();
  if (options.infer_shapes) model = model.InferShapes();
  SaveModel(model, options.to, FormNamed(options.form, options.to), options.external);
  return kExitOk;
}

}  // namespace onda::cli
