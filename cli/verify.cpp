#include "cli/verify.h"

#include <cstdio>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/data/compare.h"
#include "cli/exit_code.h"
#include "cli/model_file.h"

namespace onda::cli {
namespace {

struct Difference {
  std::string node;
  std::string op;
  std::string value;
  std::string what;
};

}  // namespace

int Verify(const VerifyOptions& options) {
  const Model model = LoadModel(options.model);
  EngineOptions engine_options = options.engine;
  engine_options.dimensions = ParseDimensions(options.inputs.dimensions);
  const Engine engine(model, engine_options);
  engine_options.reference = true;
  engine_options.optimize = false;
  engine_options.providers.clear();
  const Engine reference(model, engine_options);
  std::vector<std::string> notes;
  const Feeds feeds = ReadInputs(engine, options.inputs, &notes);
  for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());

  // Values are found by name: the model as it runs has fewer of them. In a loop a name has a value for each iteration.
  std::map<std::string, std::deque<Data>> expected;
  reference.Observe(feeds, [&](const Engine::NodeResult& result) {
    for (size_t i = 0; i < result.outputs.size(); ++i) {
      if (!result.names[i].empty()) expected[result.names[i]].push_back(result.outputs[i]);
    }
  });
  const Tolerance tolerance{options.rtol, options.atol, false};
  std::vector<Difference> differences;
  size_t compared = 0, nodes = 0;
  engine.Observe(feeds, [&](const Engine::NodeResult& actual) {
    ++nodes;
    for (size_t i = 0; i < actual.outputs.size(); ++i) {
      const auto wanted = expected.find(actual.names[i]);
      if (wanted == expected.end() || wanted->second.empty()) continue;
      ++compared;
      std::string what = Compare(wanted->second.front(), actual.outputs[i], tolerance);
      wanted->second.pop_front();
      if (!what.empty()) differences.push_back({actual.node, actual.op, actual.names[i], std::move(what)});
    }
  });
  if (options.json) {
    nlohmann::json report = {{"nodes", nodes}, {"values", compared}, {"differences", nlohmann::json::array()}};
    for (const Difference& d : differences) {
      report["differences"].push_back({{"node", d.node}, {"op", d.op}, {"value", d.value}, {"message", d.what}});
    }
    std::printf("%s\n", report.dump(1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (differences.empty()) {
    std::printf("%zu values of %zu nodes agree with the reference\n", compared, nodes);
  } else {
    for (const Difference& d : differences) {
      std::printf("node '%s' (%s): '%s' %s\n", d.node.c_str(), d.op.c_str(), d.value.c_str(), d.what.c_str());
      if (!options.all) break;
    }
  }
  return differences.empty() ? kExitOk : kExitDifferent;
}

}  // namespace onda::cli
