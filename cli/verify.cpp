#include "cli/verify.h"

#include <cstdio>
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
  engine_options.providers.clear();
  const Engine reference(model, engine_options);
  std::vector<std::string> notes;
  const Feeds feeds = ReadInputs(engine, options.inputs, &notes);
  for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());

  // Both run the same graph in the same order.
  std::vector<Engine::NodeResult> expected;
  reference.Observe(feeds, [&](const Engine::NodeResult& result) { expected.push_back(result); });
  const Tolerance tolerance{options.rtol, options.atol, false};
  std::vector<Difference> differences;
  size_t next = 0;
  engine.Observe(feeds, [&](const Engine::NodeResult& actual) {
    if (next >= expected.size()) return;
    const Engine::NodeResult& wanted = expected[next++];
    for (size_t i = 0; i < actual.outputs.size() && i < wanted.outputs.size(); ++i) {
      std::string what = Compare(wanted.outputs[i], actual.outputs[i], tolerance);
      if (!what.empty()) differences.push_back({actual.node, actual.op, actual.names[i], std::move(what)});
    }
    expected[next - 1].outputs.clear();
  });
  if (options.json) {
    nlohmann::json report = {{"nodes", next}, {"differences", nlohmann::json::array()}};
    for (const Difference& d : differences) {
      report["differences"].push_back({{"node", d.node}, {"op", d.op}, {"value", d.value}, {"message", d.what}});
    }
    std::printf("%s\n", report.dump(1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (differences.empty()) {
    std::printf("%zu nodes agree with their references\n", next);
  } else {
    for (const Difference& d : differences) {
      std::printf("node '%s' (%s): '%s' %s\n", d.node.c_str(), d.op.c_str(), d.value.c_str(), d.what.c_str());
      if (!options.all) break;
    }
  }
  return differences.empty() ? kExitOk : kExitDifferent;
}

}  // namespace onda::cli
