// onda bench: how long a model takes.
#ifndef ONDA_CLI_BENCH_H_
#define ONDA_CLI_BENCH_H_

#include <string>

#include "cli/inputs.h"

namespace onda::cli {

struct BenchOptions {
  std::string model;
  InputOptions inputs;
  EngineOptions engine;
  int warmup = 3;
  int runs = 0;  // 0: as many as fit in `seconds`
  double seconds = 3;
  bool json = false;
  bool serve = false;
  std::string device_memory;  // the provider in whose memory inputs and outputs stay; "": on the host
};

inline constexpr char kServeHelp[] =
    "measure on demand: prints {\"ready\": true, \"create_ms\": X, \"load_ms\": X} when loaded and run once, then "
    "answers "
    "lines on standard input with a line of JSON each: 'run N' with the milliseconds of N runs, 'memory' with "
    "{\"peak_rss_kb\": X}; ends at 'quit' or the end of input";

int Bench(const BenchOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_BENCH_H_
