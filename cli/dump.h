// onda dump: a model in ONNX's text syntax, or its plan.
#ifndef ONDA_CLI_DUMP_H_
#define ONDA_CLI_DUMP_H_

#include <string>

#include "cli/inputs.h"

namespace onda::cli {

struct DumpOptions {
  std::string model;
  bool upgraded = false;  // in canonical form, as it is run
  bool plan = false;      // runs once and prints the plans that this takes
  InputOptions inputs;    // of that run
  EngineOptions engine;
  std::string output;  // file; "" for standard output
};

int Dump(const DumpOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_DUMP_H_
