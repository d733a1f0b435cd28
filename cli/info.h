// onda info: what a model is, and where it would run.
#ifndef ONDA_CLI_INFO_H_
#define ONDA_CLI_INFO_H_

#include <string>

#include "cli/inputs.h"

namespace onda::cli {

struct InfoOptions {
  std::string model;
  InputOptions inputs;
  EngineOptions engine;
  bool placement = false;  // a line per node
  bool run = false;        // once, to measure memory
  bool rewrites = false;   // those that there are, and how often each was made
  bool json = false;
};

int Info(const InfoOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_INFO_H_
