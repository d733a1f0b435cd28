#include "cli/bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/exit_code.h"

namespace onda::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Peak resident memory of this process in KiB, 0 where the system does not say.
int64_t PeakKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + 6);
  return 0;
}

void Say(const json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

int Serve(const Engine& engine, double load_ms) {
  engine.RunOnce();
  Say({{"ready", true}, {"create_ms", load_ms}, {"load_ms", load_ms}});
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "quit") break;
    if (line == "memory") {
      Say({{"peak_rss_kb", PeakKib()}});
    } else if (line.starts_with("run ")) {
      const long runs = std::strtol(line.c_str() + 4, nullptr, 10);
      json times = json::array();
      for (long i = 0; i < runs; ++i) times.push_back(engine.RunOnce());
      Say(times);
    } else if (!line.empty()) {
      Say({{"error", "expected 'run N', 'memory' or 'quit'"}});
    }
  }
  return kExitOk;
}

// The value below which the given share of the sorted times lies, between neighbours linearly.
double Percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const size_t low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

// Times in milliseconds, in any order, as "median_ms" and so on.
json Summary(std::vector<double> times) {
  double sum = 0;
  for (double time : times) sum += time;
  std::sort(times.begin(), times.end());
  return {{"min_ms", times.front()},
          {"median_ms", Percentile(times, 0.5)},
          {"mean_ms", sum / static_cast<double>(times.size())},
          {"p90_ms", Percentile(times, 0.9)},
          {"p95_ms", Percentile(times, 0.95)},
          {"p99_ms", Percentile(times, 0.99)},
          {"max_ms", times.back()}};
}

void PrintSummary(const json& summary) {
  for (const char* key : {"median_ms", "mean_ms", "min_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"}) {
    const std::string name = std::string(key, std::char_traits<char>::length(key) - 3);
    std::printf("  %-7s %9.3f ms\n", name.c_str(), summary[key].get<double>());
  }
}

}  // namespace

int Bench(const BenchOptions& options) {
  const Clock::time_point begin = Clock::now();
  EngineOptions engine_options = options.engine;
  engine_options.dimensions = ParseDimensions(options.inputs.dimensions);
  Engine engine(options.model, engine_options);
  const double load_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  std::vector<std::string> notes;
  engine.SetFeeds(ReadInputs(engine, options.inputs, &notes), options.device_memory);
  if (!options.serve)
    for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());
  if (options.serve) return Serve(engine, load_ms);

  for (int i = 0; i < options.warmup; ++i) engine.RunOnce();
  std::vector<double> times;
  std::map<std::string, std::vector<double>> device_times;  // by provider
  const Clock::time_point start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  while (options.runs > 0 ? times.size() < static_cast<size_t>(options.runs)
                          : times.empty() || elapsed() < options.seconds) {
    times.push_back(engine.RunOnce());
    for (const auto& [provider, time] : engine.DeviceMilliseconds()) device_times[provider].push_back(time);
  }
  json report = {{"model", options.model},
                 {"threads", options.engine.threads},
                 {"load_ms", load_ms},
                 {"runs", times.size()},
                 {"peak_rss_kb", PeakKib()}};
  report.update(Summary(times));
  for (const auto& [provider, on_device] : device_times) report["devices"][provider] = Summary(on_device);
  if (options.json) {
    Say(report);
    return kExitOk;
  }
  std::printf("loaded in %.1f ms, %zu runs after %d to warm up, peak memory %.1f MiB\n", load_ms, times.size(),
              options.warmup, static_cast<double>(PeakKib()) / 1024);
  PrintSummary(report);
  for (const auto& [provider, on_device] : device_times) {
    std::printf("of which on %s, by events on its stream\n", provider.c_str());
    PrintSummary(report["devices"][provider]);
  }
  return kExitOk;
}

}  // namespace onda::cli
