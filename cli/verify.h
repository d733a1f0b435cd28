// onda verify: each node against its reference kernel.
#ifndef ONDA_CLI_VERIFY_H_
#define ONDA_CLI_VERIFY_H_

#include <string>

#include "cli/inputs.h"

namespace onda::cli {

struct VerifyOptions {
  std::string model;
  InputOptions inputs;
  EngineOptions engine;
  double rtol = 1e-3;
  double atol = 1e-5;
  bool all = false;  // every node that differs, not only the first
  bool json = false;
};

// Runs the model twice, as it would run and on the reference kernels without any optimization, and compares what each
// node gives. kExitDifferent names the first that differs.
int Verify(const VerifyOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_VERIFY_H_
