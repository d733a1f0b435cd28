// onda convert: a model from one form into another.
#ifndef ONDA_CLI_CONVERT_H_
#define ONDA_CLI_CONVERT_H_

#include <string>

namespace onda::cli {

struct ConvertOptions {
  std::string from;
  std::string to;
  std::string form;      // onnx, text, prototxt or json; "" by the name of `to`
  std::string external;  // file beside `to` that takes the weights
  bool newest = false;   // at the newest operator sets
  bool infer_shapes = false;
};

int Convert(const ConvertOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_CONVERT_H_
