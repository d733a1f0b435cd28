// Models in the forms that the command reads and writes.
#ifndef ONDA_CLI_MODEL_FILE_H_
#define ONDA_CLI_MODEL_FILE_H_

#include <string>
#include <vector>

#include "onda/model.h"

namespace onda::cli {

enum class ModelForm { kBinary, kText, kProtoText, kProtoJson };

// By the name of the file: .onnxtxt, .onnxtext and .txt are ONNX text; .prototxt, .textproto, .txtpb and .pbtxt
// protobuf text; .json and .onnxjson protobuf JSON; everything else ONNX's binary format.
ModelForm FormOf(const std::string& path);

// Weights may lie in other files of the model's folder, whatever its form.
Model LoadModel(const std::string& path);

// Everything that is wrong with the model. Text in ONNX's syntax that cannot be parsed has one problem.
std::vector<Problem> FindProblems(const std::string& path, bool inference);

// external: a file beside the model for the weights, "" to keep them inside; only for the binary form.
void SaveModel(const Model& model, const std::string& path, ModelForm form, const std::string& external);

}  // namespace onda::cli

#endif  // ONDA_CLI_MODEL_FILE_H_
