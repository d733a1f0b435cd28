#include "cli/providers.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "onda/onda.h"

namespace onda::cli {

int Providers(bool json) {
  const std::vector<std::string> names = GetAvailableProviders();
  if (json) {
    std::printf("%s\n", nlohmann::json({{"version", GetVersionString()}, {"providers", names}}).dump().c_str());
  } else {
    for (const std::string& name : names) std::printf("%s\n", name.c_str());
  }
  return kExitOk;
}

}  // namespace onda::cli
