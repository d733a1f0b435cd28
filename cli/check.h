// onda check: everything that is wrong with models.
#ifndef ONDA_CLI_CHECK_H_
#define ONDA_CLI_CHECK_H_

#include <string>
#include <vector>

namespace onda::cli {

struct CheckOptions {
  std::vector<std::string> models;
  bool types = false;  // also what is inferred of every value
  bool no_warnings = false;
  bool inference = true;
  bool json = false;
};

// The exit code is that of the first error, or kExitOk where there are warnings at most.
int CheckModels(const CheckOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_CHECK_H_
