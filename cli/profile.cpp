#include "cli/profile.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "cli/data/file.h"
#include "cli/exit_code.h"
#include "cli/trace_summary.h"

namespace onda::cli {
namespace {

// A trace, as opposed to a model in protobuf's JSON.
bool IsTrace(const std::string& path) {
  if (!path.ends_with(".json")) return false;
  return ReadFile(path).find("\"traceEvents\"") < 4096;
}

// Makes a trace; its text.
std::string Trace(const ProfileOptions& options) {
  EngineOptions engine_options = options.engine;
  engine_options.dimensions = ParseDimensions(options.inputs.dimensions);
  engine_options.profile =
      (std::filesystem::temp_directory_path() / ("onda_profile_" + std::to_string(::getpid()))).string();
  std::string path;
  {
    Engine engine(options.model, engine_options);
    std::vector<std::string> notes;
    engine.SetFeeds(ReadInputs(engine, options.inputs, &notes));
    for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());
    for (int i = 0; i < options.warmup + options.runs; ++i) engine.RunOnce();
    path = engine.EndProfiling();
  }
  std::string text = ReadFile(path);
  std::filesystem::remove(path);
  return text;
}

}  // namespace

int Profile(const ProfileOptions& options) {
  const bool given = IsTrace(options.model);
  const std::string text = given ? ReadFile(options.model) : Trace(options);
  if (!given && !options.output.empty()) WriteFile(options.output, text);
  const TraceSummary summary = SummarizeTrace(text, given ? 0 : options.warmup);
  std::fputs((options.json ? ToJson(summary) : ToText(summary, options.top)).c_str(), stdout);
  return kExitOk;
}

}  // namespace onda::cli
