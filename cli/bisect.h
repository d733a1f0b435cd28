// onda bisect: the first rewrite of the graph after which outputs differ.
#ifndef ONDA_CLI_BISECT_H_
#define ONDA_CLI_BISECT_H_

#include <string>

#include "cli/inputs.h"

namespace onda::cli {

struct BisectOptions {
  std::string model;
  InputOptions inputs;
  EngineOptions engine;
  double rtol = 1e-3;
  double atol = 1e-5;
  bool json = false;
};

// Runs the model without rewrites and with the first N of them, for a few N, and names the first after which an output
// differs or the run fails, with the nodes before and after. kExitDifferent where there is one.
int Bisect(const BisectOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_BISECT_H_
