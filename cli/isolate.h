// Work in child processes, so that a crash or a hang is only that piece's result.
#ifndef ONDA_CLI_ISOLATE_H_
#define ONDA_CLI_ISOLATE_H_

#include <cstddef>
#include <functional>
#include <string>

namespace onda::cli {

enum class Ending { kFinished, kCrashed, kTimedOut };

struct Outcome {
  Ending ending = Ending::kFinished;
  std::string text;  // what the work returned, or how it ended
};

struct IsolateOptions {
  int jobs = 1;
  double timeout_seconds = 120;
};

// Runs work(0) to work(count - 1), each in a process forked from this one, `jobs` at a time; `done` is called here with
// each outcome, in the order in which they end. This process must have no other threads.
void RunIsolated(size_t count, const IsolateOptions& options, const std::function<std::string(size_t)>& work,
                 const std::function<void(size_t, Outcome)>& done);

}  // namespace onda::cli

#endif  // ONDA_CLI_ISOLATE_H_
