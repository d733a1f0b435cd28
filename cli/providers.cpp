#include "cli/providers.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "onda/onda.h"

namespace onda::cli {

using nlohmann::json;

int Providers(const std::vector<std::string>& libraries, bool as_json) {
  Env env(LoggingLevel::kError);
  std::vector<std::string> names = GetAvailableProviders();
  for (const std::string& library : libraries) {
    env.RegisterExecutionProviderLibrary(library.c_str(), library);
    names.push_back(library);
  }
  json list = json::array();
  for (const std::string& name : names) {
    std::vector<Env::ProviderLine> lines;
    try {
      lines = env.DescribeExecutionProvider(name);
    } catch (const Error& error) {
      lines.push_back({"machine", "missing", error.what()});
    }
    json entry = {{"name", name}, {"options", json::object()}, {"machine", json::array()}};
    for (const Env::ProviderLine& line : lines) {
      if (line.section == "option") {
        entry["options"][line.what] = line.text;
      } else {
        entry["machine"].push_back({line.what, line.text});
      }
    }
    list.push_back(std::move(entry));
    if (as_json) continue;
    std::printf("%s\n", name.c_str());
    for (const Env::ProviderLine& line : lines)
      std::printf("  %s%s: %s\n", line.section == "option" ? "option " : "", line.what.c_str(), line.text.c_str());
  }
  if (as_json)
    std::printf("%s\n", json({{"version", GetVersionString()}, {"providers", names}, {"details", list}})
                            .dump(-1, ' ', false, json::error_handler_t::replace)
                            .c_str());
  return kExitOk;
}

}  // namespace onda::cli
