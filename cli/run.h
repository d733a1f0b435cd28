// onda run: runs a model once and shows or stores what comes out.
#ifndef ONDA_CLI_RUN_H_
#define ONDA_CLI_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/inputs.h"

namespace onda::cli {

struct RunOptions {
  std::string model;
  InputOptions inputs;
  EngineOptions engine;
  std::vector<std::string> outputs;  // all where empty
  std::string output_dir;            // "" shows the outputs instead
  std::string format = "npy";        // of files: npy or pb
  int64_t max_elements = 32;         // shown of each output
  bool json = false;
  double timeout = 0;  // seconds that the run may take; 0: any
};

int Run(const RunOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_RUN_H_
