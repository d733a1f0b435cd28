// onda dump: a model in ONNX's text syntax.
#ifndef ONDA_CLI_DUMP_H_
#define ONDA_CLI_DUMP_H_

#include <string>

namespace onda::cli {

struct DumpOptions {
  std::string model;
  bool upgraded = false;  // in canonical form, as it is run
  std::string output;     // file; "" for standard output
};

int Dump(const DumpOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_DUMP_H_
