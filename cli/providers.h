// onda providers: what this build can run on.
#ifndef ONDA_CLI_PROVIDERS_H_
#define ONDA_CLI_PROVIDERS_H_

#include <string>
#include <vector>

namespace onda::cli {

// The providers of this build and those in shared libraries: their options, and what they tell of this machine.
int Providers(const std::vector<std::string>& libraries, bool as_json);

}  // namespace onda::cli

#endif  // ONDA_CLI_PROVIDERS_H_
