#include "cli/check.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/model_file.h"
#include "onda/model.h"

namespace onda::cli {
namespace {

using nlohmann::json;
using Types = std::vector<std::pair<std::string, std::string>>;

Types TypesOf(const std::string& path) {
  try {
    return LoadModel(path).InferShapes().ValueTypes();
  } catch (const Error&) {  // what the problems tell
    return {};
  }
}

json ToJson(const std::string& model, const std::vector<Problem>& problems, const Types* types) {
  json report = {{"model", model}, {"problems", json::array()}};
  for (const Problem& p : problems) {
    report["problems"].push_back({{"severity", p.warning ? "warning" : "error"},
                                  {"code", static_cast<int>(p.code)},
                                  {"place", p.place},
                                  {"node", p.node},
                                  {"op", p.op},
                                  {"domain", p.op.empty()       ? ""
                                             : p.domain.empty() ? "ai.onnx"
                                                                : p.domain},
                                  {"opset", p.opset},
                                  {"cause", p.cause},
                                  {"hint", p.hint}});
  }
  if (types) {
    report["types"] = json::array();
    for (const auto& [name, type] : *types) report["types"].push_back({name, type});
  }
  return report;
}

}  // namespace

int CheckModels(const CheckOptions& options) {
  int code = kExitOk;
  for (const std::string& model : options.models) {
    std::vector<Problem> problems = FindProblems(model, options.inference);
    if (options.no_warnings) std::erase_if(problems, [](const Problem& p) { return p.warning; });
    size_t errors = 0;
    for (const Problem& problem : problems) {
      errors += !problem.warning;
      if (!problem.warning && code == kExitOk) code = ExitCodeOf(problem.code);
    }
    Types types;
    if (options.types) types = TypesOf(model);
    if (options.json) {
      std::printf("%s\n", ToJson(model, problems, options.types ? &types : nullptr)
                              .dump(-1, ' ', false, json::error_handler_t::replace)
                              .c_str());
      std::fflush(stdout);
      continue;
    }
    for (const auto& [name, type] : types) std::printf("%s: %s\n", name.c_str(), type.empty() ? "?" : type.c_str());
    for (const Problem& problem : problems) std::printf("%s: %s\n", model.c_str(), problem.ToString().c_str());
    if (problems.empty()) {
      std::printf("%s: nothing is wrong\n", model.c_str());
    } else {
      std::printf("%s: %zu error%s, %zu warning%s\n", model.c_str(), errors, errors == 1 ? "" : "s",
                  problems.size() - errors, problems.size() - errors == 1 ? "" : "s");
    }
  }
  return code;
}

}  // namespace onda::cli
