#include "cli/convert.h"

#include "cli/exit_code.h"
#include "cli/model_file.h"
#include "onda/onda.h"

namespace onda::cli {
namespace {

ModelForm FormNamed(const std::string& name, const std::string& path) {
  if (name == "onnx") return ModelForm::kBinary;
  if (name == "text") return ModelForm::kText;
  if (name == "prototxt") return ModelForm::kProtoText;
  if (name == "json") return ModelForm::kProtoJson;
  return FormOf(path);
}

// The canonical form is that of the newest operator sets, and a text without a header stands for a model of these. What
// only Onda's canonical set has (see the design) is no ONNX: the check of a session names the node.
Model AtNewestOpset(const Model& model) {
  Model newest = Model::FromText(model.Print("upgraded"));
  Env::Options env;
  env.threads = 1;
  env.log_level = LoggingLevel::kError;
  Session check(Env(env), newest);
  return newest;
}

}  // namespace

int Convert(const ConvertOptions& options) {
  Model model = LoadModel(options.from);
  if (options.newest) model = AtNewestOpset(model);
  SaveModel(model, options.to, FormNamed(options.form, options.to), options.external);
  return kExitOk;
}

}  // namespace onda::cli
