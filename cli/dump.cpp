#include "cli/dump.h"

#include <cstdio>

#include "cli/data/file.h"
#include "cli/exit_code.h"
#include "cli/model_file.h"

namespace onda::cli {
namespace {

std::string Plans(const DumpOptions& options) {
  EngineOptions engine_options = options.engine;
  engine_options.dimensions = ParseDimensions(options.inputs.dimensions);
  const Engine engine(LoadModel(options.model), engine_options);
  std::vector<std::string> notes;
  engine.Run(ReadInputs(engine, options.inputs, &notes));
  for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());
  return engine.session().PrintPlans();
}

}  // namespace

int Dump(const DumpOptions& options) {
  if (!options.plan && !options.engine.skip_rewrites.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "--skip-rewrite has an effect on plans only: add --plan (a model is printed ahead of all rewrites)");
  const std::string text =
      options.plan ? Plans(options) : LoadModel(options.model).Print(options.upgraded ? "upgraded" : "");
  if (!options.output.empty()) {
    WriteFile(options.output, text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return kExitOk;
}

}  // namespace onda::cli
