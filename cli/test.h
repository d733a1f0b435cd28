// onda test: runs folders in ONNX's test-data layout.
#ifndef ONDA_CLI_TEST_H_
#define ONDA_CLI_TEST_H_

#include <string>
#include <vector>

#include "cli/engine.h"

namespace onda::cli {

struct TestOptions {
  std::vector<std::string> folders;
  std::string json;  // file of the report; "" for none
  double rtol = 1e-3;
  double atol = 1e-7;
  double timeout_seconds = 120;
  int jobs = 0;    // 0: one per core
  int repeat = 1;  // times that each data set is run
  bool quiet = false;
  bool in_process = false;  // for debuggers
  EngineOptions engine;
};

// kExitOk where every case passes, else kExitDifferent.
int Test(const TestOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_TEST_H_
