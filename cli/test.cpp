#include "cli/test.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/data/case_folder.h"
#include "cli/data/compare.h"
#include "cli/exit_code.h"
#include "cli/isolate.h"

namespace onda::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Result {
  std::string status;  // pass, fail, error, crash, timeout
  std::string message;
};

// A case's own file data.json: tolerances, outputs whose order is free, and whether the model must be refused.
struct CaseRules {
  Tolerance tolerance;
  std::vector<size_t> unordered;
  bool expect_failure = false;
};

CaseRules ReadRules(const fs::path& folder, const TestOptions& options) {
  CaseRules rules;
  rules.tolerance.rtol = options.rtol;
  rules.tolerance.atol = options.atol;
  std::ifstream file(folder / "data.json");
  if (!file) return rules;
  const json data = json::parse(file, nullptr, false);
  if (!data.is_object()) throw Error(ErrorCode::kInvalidArgument, "data.json is not a JSON object");
  rules.tolerance.rtol = data.value("rtol", rules.tolerance.rtol);
  rules.tolerance.atol = data.value("atol", rules.tolerance.atol);
  rules.unordered = data.value("unordered", std::vector<size_t>());
  rules.expect_failure = data.value("expect", "") == "failure";
  return rules;
}

// What differs in one data set, "" where nothing does.
std::string RunDataSet(const Engine& engine, const fs::path& folder, const CaseRules& rules) {
  // Positional over the inputs that the caller feeds.
  const std::vector<fs::path> input_files = Numbered(folder, "input_", ".pb");
  std::vector<const Port*> ports;
  for (const Port& port : engine.inputs()) ports.push_back(&port);
  if (input_files.size() > ports.size()) {
    throw Error(ErrorCode::kInvalidArgument, folder.filename().string() + " has " + std::to_string(input_files.size()) +
                                                 " inputs, the model " + std::to_string(ports.size()));
  }
  Feeds feeds;
  for (size_t i = 0; i < input_files.size(); ++i) {
    Data data = ReadProtoFile(input_files[i].string(), *ports[i]);
    if (data.kind == Kind::kNone) continue;  // an optional without a value
    feeds.emplace_back(ports[i]->name, std::move(data));
  }
  const std::vector<fs::path> output_files = Numbered(folder, "output_", ".pb");
  const std::vector<Data> actual = engine.Run(feeds);
  if (rules.expect_failure) return "";
  if (actual.size() != output_files.size()) {
    return "gives " + std::to_string(actual.size()) + " outputs, expected " + std::to_string(output_files.size());
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    const Data expected = ReadProtoFile(output_files[i].string(), engine.outputs()[i]);
    Tolerance tolerance = rules.tolerance;
    tolerance.unordered = std::find(rules.unordered.begin(), rules.unordered.end(), i) != rules.unordered.end();
    const std::string difference = Compare(expected, actual[i], tolerance);
    if (!difference.empty()) return "output '" + engine.outputs()[i].name + "' " + difference;
  }
  return "";
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Result RunCase(const std::string& folder, const TestOptions& options) {
  CaseRules rules;
  try {
    rules = ReadRules(folder, options);
    const Engine engine(Model::FromFile((fs::path(folder) / "model.onnx").string()), options.engine);
    std::vector<fs::path> sets = Numbered(folder, "test_data_set_", "");
    if (sets.empty()) return {"error", "no test_data_set_0"};
    for (int run = 1; run <= options.repeat; ++run) {
      for (const fs::path& set : sets) {
        const std::string difference = RunDataSet(engine, set, rules);
        if (difference.empty()) continue;
        return {"fail", OneLine((sets.size() > 1 ? set.filename().string() + ": " : "") +
                                (run > 1 ? "run " + std::to_string(run) + ": " : "") + difference)};
      }
    }
  } catch (const Error& error) {
    if (rules.expect_failure) return {"pass", OneLine(error.what())};
    return {"error", OneLine(error.what())};
  } catch (const std::exception& error) {
    return {"error", OneLine(std::string("not an onda::Error: ") + error.what())};
  }
  if (rules.expect_failure) return {"fail", "ran, but must be refused"};
  return {"pass", ""};
}

void WriteReport(const std::string& path, const std::vector<std::string>& cases, const std::vector<Result>& results) {
  json report = json::array();
  for (size_t i = 0; i < cases.size(); ++i) {
    report.push_back({{"case", cases[i]}, {"status", results[i].status}, {"message", results[i].message}});
  }
  const std::string text = report.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  if (path == "-") {
    std::fputs(text.c_str(), stdout);
    return;
  }
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw Error(ErrorCode::kInvalidArgument, "cannot write '" + path + "'");
}

}  // namespace

int Test(const TestOptions& options) {
  const std::vector<std::string> cases = FindCases(options.folders);
  std::vector<Result> results(cases.size());
  std::map<std::string, size_t> counts;
  const bool progress = isatty(fileno(stderr)) != 0 && !options.quiet;
  const bool lines = options.json != "-";
  size_t finished = 0;
  const auto note = [&](size_t i, Result result) {
    ++counts[result.status];
    ++finished;
    if (progress) std::fprintf(stderr, "\r\033[K");
    if (lines && !(options.quiet && result.status == "pass")) {
      std::printf("%-7s %s%s%s\n", result.status.c_str(), cases[i].c_str(), result.message.empty() ? "" : ": ",
                  result.message.c_str());
    }
    if (progress) std::fprintf(stderr, "%zu of %zu", finished, cases.size());
    results[i] = std::move(result);
  };
  const auto begin = std::chrono::steady_clock::now();
  if (options.in_process) {
    for (size_t i = 0; i < cases.size(); ++i) note(i, RunCase(cases[i], options));
  } else {
    IsolateOptions isolate;
    isolate.jobs =
        options.jobs > 0 ? options.jobs : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    isolate.timeout_seconds = options.timeout_seconds;
    const auto work = [&](size_t i) {
      const Result result = RunCase(cases[i], options);
      return result.status + "\n" + result.message;
    };
    RunIsolated(cases.size(), isolate, work, [&](size_t i, const Outcome& outcome) {
      if (outcome.ending == Ending::kCrashed) return note(i, {"crash", outcome.text});
      if (outcome.ending == Ending::kTimedOut) return note(i, {"timeout", outcome.text});
      const size_t newline = std::min(outcome.text.find('\n'), outcome.text.size() - 1);
      note(i, {outcome.text.substr(0, newline), outcome.text.substr(newline + 1)});
    });
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (progress) std::fprintf(stderr, "\r\033[K");
  if (!options.json.empty()) WriteReport(options.json, cases, results);
  if (lines) {
    std::printf("%zu of %zu cases pass", counts["pass"], cases.size());
    for (const char* status : {"fail", "error", "crash", "timeout"})
      if (counts[status]) std::printf(", %zu %s", counts[status], status);
    std::printf(" (%.1f s)\n", seconds.count());
  }
  return counts["pass"] == cases.size() ? kExitOk : kExitDifferent;
}

}  // namespace onda::cli
