// The command `onda`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/exit_code.h"
#include "cli/test.h"

namespace {

using namespace onda::cli;

void AddEngineOptions(CLI::App* command, EngineOptions* options) {
  command->add_option("--threads", options->threads, "threads per session; 0: one per core");
  command->add_option("--provider", options->providers, "where to run, best first; cpu is always last");
}

int Main(int argc, char** argv) {
  CLI::App app("Runs and inspects ONNX models.", "onda");
  app.require_subcommand(1);
  app.footer(kExitCodeHelp);
  int code = kExitOk;

  TestOptions test;
  test.engine.threads = 1;
  CLI::App* command = app.add_subcommand("test", "Runs folders in ONNX's test-data layout");
  command->add_option("folders", test.folders, "folders, searched for model.onnx with test_data_set_N beside it")
      ->required();
  command->add_option("--json", test.json, "write a list of {case, status, message}; '-' for standard output");
  command->add_option("--rtol", test.rtol, "relative tolerance")->capture_default_str();
  command->add_option("--atol", test.atol, "absolute tolerance")->capture_default_str();
  command->add_option("--timeout", test.timeout_seconds, "seconds per case")->capture_default_str();
  command->add_option("--jobs", test.jobs, "cases at a time; 0: one per core");
  command->add_flag("--quiet", test.quiet, "no lines for cases that pass");
  command->add_flag("--no-isolation", test.in_process, "all in this process, for debuggers");
  AddEngineOptions(command, &test.engine);
  command->callback([&] { code = Test(test); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? kExitOk : kExitUsage;
  } catch (const onda::Error& error) {
    std::fprintf(stderr, "onda: %s\n", error.what());
    return ExitCodeOf(error.code());
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
