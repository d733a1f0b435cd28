// The command `onda`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>

#include "cli/bench.h"
#include "cli/bisect.h"
#include "cli/check.h"
#include "cli/convert.h"
#include "cli/doctor.h"
#include "cli/dump.h"
#include "cli/exit_code.h"
#include "cli/info.h"
#include "cli/profile.h"
#include "cli/providers.h"
#include "cli/run.h"
#include "cli/test.h"
#include "cli/verify.h"
#include "onda/onda.h"

namespace {

using namespace onda::cli;

void AddInputOptions(CLI::App* command, InputOptions* options) {
  command->add_option("-i,--input", options->files, kInputHelp)->allow_extra_args(false);
  command->add_option("--data-set", options->data_set, "a test_data_set_N folder: inputs from its input_0.pb, ...");
  command->add_flag("--random", options->random, "fill inputs that are not given with random values");
  command->add_option("--seed", options->seed, "of random values")->capture_default_str();
  command->add_option("-d,--dim", options->dimensions, "NAME=SIZE of a symbolic dimension")->allow_extra_args(false);
  command->add_option("--scale", options->picture.scale, "pictures: factor of the values 0 to 255 (default 1/255)");
  command->add_option("--mean", options->picture.mean, "pictures: taken off after scaling, one or one per channel")
      ->delimiter(',');
  command->add_option("--std", options->picture.std, "pictures: divisor after that, one or one per channel")
      ->delimiter(',');
  command->add_flag("--bgr", options->picture.bgr, "pictures: blue first");
}

void AddEngineOptions(CLI::App* command, EngineOptions* options) {
  command->add_option("--threads", options->threads, "threads per session; 0: one per core");
  command->add_flag("!--no-optimize", options->optimize, "leave the nodes as the model has them");
  command->add_flag("--verbose", options->verbose, "log to standard error");
  command->add_option("--custom-ops", options->custom_ops, "a library of operators of your own")
      ->allow_extra_args(false);
  command->add_option("--set", options->settings, "KEY=VALUE of a session, such as memory_limit=BYTES")
      ->allow_extra_args(false);
  command->add_option("--skip-rewrite", options->skip_rewrites, "a rewrite of the graph that is left out, by name")
      ->allow_extra_args(false);
  command->add_option("--max-rewrites", options->max_rewrites, "how many rewrites are made at most")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--dump-folder", options->dump_folder,
                      "where the graph goes when a pass of Onda fails (default: the system's folder for temporary "
                      "files; none: nowhere)");
  command
      ->add_option("--provider", options->providers,
                   "where to run, best first: NAME[,KEY=VALUE...], or the path of a provider's library in the place of "
                   "its name; cpu is always last")
      ->allow_extra_args(false);
  command
      ->add_option("--provider-library", options->provider_libraries,
                   "a provider's library, by the name that it has itself")
      ->allow_extra_args(false);
}

int Main(int argc, char** argv) {
  CLI::App app("Runs and inspects ONNX models.", "onda");
  app.require_subcommand(1);
  app.footer(kExitCodeHelp);
  app.set_version_flag("--version", onda::GetVersionString());
  int code = kExitOk;

  RunOptions run;
  CLI::App* command = app.add_subcommand("run", "Runs a model once and shows or stores its outputs");
  command->add_option("model", run.model, "the model")->required();
  AddInputOptions(command, &run.inputs);
  command->add_option("-o,--output", run.outputs, "outputs to compute (default: all)")->allow_extra_args(false);
  command->add_option("--output-dir", run.output_dir, "store each output as DIR/NAME.npy instead of showing it");
  command->add_option("--format", run.format, "of stored outputs")
      ->check(CLI::IsMember({"npy", "pb"}))
      ->capture_default_str();
  command->add_option("--max-elements", run.max_elements, "shown of each output")->capture_default_str();
  command->add_flag("--json", run.json, "print outputs and times as JSON");
  command->add_option("--timeout", run.timeout, "seconds that the run may take; then it ends with exit code 17")
      ->check(CLI::NonNegativeNumber);
  AddEngineOptions(command, &run.engine);
  command->callback([&] { code = Run(run); });

  InfoOptions info;
  command = app.add_subcommand("info", "Shows inputs, outputs, operators, where they run, and memory");
  command->add_option("model", info.model, "the model")->required();
  AddInputOptions(command, &info.inputs);
  command->add_flag("--placement", info.placement, "a line per node, otherwise per operator, place and reason");
  command->add_flag("--rewrites", info.rewrites, "the rewrites of the graph, and how often each was made");
  command->add_flag("--run", info.run, "run once, to measure memory");
  command->add_flag("--json", info.json, "print JSON");
  AddEngineOptions(command, &info.engine);
  command->callback([&] { code = Info(info); });

  DumpOptions dump;
  command = app.add_subcommand("dump", "Prints a model in ONNX's text syntax");
  command->add_option("model", dump.model, "the model")->required();
  command->add_flag("--upgraded", dump.upgraded, "in canonical form, as it is run");
  command->add_flag("--plan", dump.plan, "run once and print the plans instead: steps, and where values lie")
      ->excludes("--upgraded");
  AddInputOptions(command, &dump.inputs);
  AddEngineOptions(command, &dump.engine);
  command->add_option("-o,--output", dump.output, "file to write instead");
  command->callback([&] { code = Dump(dump); });

  ConvertOptions convert;
  command = app.add_subcommand("convert", "Reads and writes binary, ONNX text, protobuf text and protobuf JSON");
  command->add_option("from", convert.from, "the model")->required();
  command->add_option("to", convert.to, "the file to write")->required();
  command->add_option("--form", convert.form, "of the file to write (default: by its name)")
      ->check(CLI::IsMember({"onnx", "text", "prototxt", "json"}));
  command->add_flag("--newest-opset", convert.newest, "at the newest operator sets");
  command->add_flag("--infer-shapes", convert.infer_shapes, "with the type and shape of every value");
  command->add_option("--external", convert.external, "file beside the model that takes the weights");
  command->callback([&] { code = Convert(convert); });

  CheckOptions check;
  command =
      app.add_subcommand("check", "Finds everything that is wrong with models: ONNX's checker and full inference");
  command->add_option("models", check.models, "the models")->required();
  command->add_flag("--types", check.types, "also the type and shape of every value, as inferred");
  command->add_flag("!--no-inference", check.inference, "each node against its signature alone");
  command->add_flag("--no-warnings", check.no_warnings, "only what is wrong");
  command->add_flag("--json", check.json, "print a line of JSON per model");
  command->callback([&] { code = CheckModels(check); });

  VerifyOptions verify;
  command =
      app.add_subcommand("verify", "Compares each node with its reference kernel and names the first that differs");
  command->add_option("model", verify.model, "the model")->required();
  AddInputOptions(command, &verify.inputs);
  command->add_option("--rtol", verify.rtol, "relative tolerance")->capture_default_str();
  command->add_option("--atol", verify.atol, "absolute tolerance")->capture_default_str();
  command->add_flag("--all", verify.all, "every node that differs");
  command->add_flag("--json", verify.json, "print JSON");
  AddEngineOptions(command, &verify.engine);
  command->callback([&] { code = Verify(verify); });

  BisectOptions bisect;
  command = app.add_subcommand("bisect", "Finds the first rewrite of the graph after which outputs differ");
  command->add_option("model", bisect.model, "the model")->required();
  AddInputOptions(command, &bisect.inputs);
  command->add_option("--rtol", bisect.rtol, "relative tolerance")->capture_default_str();
  command->add_option("--atol", bisect.atol, "absolute tolerance")->capture_default_str();
  command->add_flag("--json", bisect.json, "print JSON");
  AddEngineOptions(command, &bisect.engine);
  command->callback([&] { code = Bisect(bisect); });

  ProfileOptions profile;
  command = app.add_subcommand("profile", "Traces a model, or sums up a trace: where the time goes");
  command->add_option("model", profile.model, "the model, or a trace (.json)")->required();
  AddInputOptions(command, &profile.inputs);
  command->add_option("--warmup", profile.warmup, "runs that are not summed up")->capture_default_str();
  command->add_option("--runs", profile.runs, "runs that are")->capture_default_str();
  command->add_option("--output", profile.output, "keep the trace, for chrome://tracing or Perfetto");
  command->add_option("--top", profile.top, "nodes that are shown")->capture_default_str();
  command->add_flag("--json", profile.json, "print JSON");
  AddEngineOptions(command, &profile.engine);
  command->callback([&] { code = Profile(profile); });

  BenchOptions bench;
  command = app.add_subcommand("bench", "Measures how long a model takes");
  command->add_option("model", bench.model, "the model")->required();
  AddInputOptions(command, &bench.inputs);
  command->add_option("--warmup", bench.warmup, "runs that are not measured")->capture_default_str();
  command->add_option("--runs", bench.runs, "measured runs; 0: as many as fit in --seconds")->capture_default_str();
  command->add_option("--seconds", bench.seconds, "how long to measure")->capture_default_str();
  command->add_flag("--json", bench.json, "print the result as JSON");
  command->add_flag("--serve", bench.serve, kServeHelp);
  command->add_option("--device-memory", bench.device_memory,
                      "the provider in whose memory inputs and outputs stay, such as cuda (default: host memory)");
  AddEngineOptions(command, &bench.engine);
  command->callback([&] { code = Bench(bench); });

  TestOptions test;
  test.engine.threads = 1;
  command = app.add_subcommand("test", "Runs folders in ONNX's test-data layout");
  command->add_option("folders", test.folders, "folders, searched for model.onnx with test_data_set_N beside it")
      ->required();
  command->add_option("--json", test.json, "write a list of {case, status, message}; '-' for standard output");
  command->add_option("--rtol", test.rtol, "relative tolerance")->capture_default_str();
  command->add_option("--atol", test.atol, "absolute tolerance")->capture_default_str();
  command->add_option("--timeout", test.timeout_seconds, "seconds per case")->capture_default_str();
  command->add_option("--jobs", test.jobs, "cases at a time; 0: one per core");
  command->add_option("--repeat", test.repeat, "times that each data set is run: what a provider records is replayed")
      ->check(CLI::PositiveNumber);
  command->add_flag("--quiet", test.quiet, "no lines for cases that pass");
  command->add_flag("--no-isolation", test.in_process, "all in this process, for debuggers");
  AddEngineOptions(command, &test.engine);
  command->callback([&] { code = Test(test); });

  bool providers_json = false;
  std::vector<std::string> provider_libraries;
  command = app.add_subcommand("providers",
                               "Lists what this build can run on, with options, and what was found on this machine");
  command->add_flag("--json", providers_json, "print JSON");
  command->add_option("libraries", provider_libraries, "shared libraries of providers to look at as well");
  command->callback([&] { code = Providers(provider_libraries, providers_json); });

  DoctorOptions doctor;
  command = app.add_subcommand("doctor", "Looks whether Onda works here, and says what to do where it does not");
  command->add_option("--provider", doctor.providers, "one that must work, NAME[,KEY=VALUE...]")
      ->allow_extra_args(false);
  command
      ->add_option("--provider-library", doctor.provider_libraries,
                   "a provider's library, by the name that it has itself")
      ->allow_extra_args(false);
  command->add_flag("--json", doctor.json, "print JSON");
  command->callback([&] { code = Doctor(doctor); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? kExitOk : kExitUsage;
  } catch (const onda::Error& error) {
    std::fprintf(stderr, "onda: %s\n", error.what());
    return ExitCodeOf(error.code());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "onda: out of memory\n");
    return ExitCodeOf(onda::ErrorCode::kOutOfMemory);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "onda: %s\n", error.what());
    return ExitCodeOf(onda::ErrorCode::kInternal);
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
