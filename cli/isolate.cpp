#include "cli/isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "onda/types.h"

namespace onda::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Child {
  size_t index = 0;
  pid_t pid = -1;
  int pipe = -1;
  Clock::time_point deadline;
  std::string output;
};

void WriteAll(int descriptor, const std::string& text) {
  for (size_t written = 0; written < text.size();) {
    const ssize_t n = write(descriptor, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    written += static_cast<size_t>(n);
  }
}

Child Start(size_t index, const IsolateOptions& options, const std::function<std::string(size_t)>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(ErrorCode::kResourceLimit, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  std::fflush(nullptr);  // what is buffered must not be written twice
  const pid_t pid = fork();
  if (pid < 0) {
    close(ends[0]);
    close(ends[1]);
    throw Error(ErrorCode::kResourceLimit, std::string("cannot fork: ") + std::strerror(errno));
  }
  if (pid == 0) {
    close(ends[0]);
    setpgid(0, 0);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::string text;
    try {
      text = work(index);
    } catch (const std::exception& error) {
      text = std::string("uncaught exception: ") + error.what();
    }
    // A closing mark tells a result from the output of a process that ended half way.
    WriteAll(ends[1], text + '\0');
    _exit(0);  // without destructors: threads may still run
  }
  setpgid(pid, pid);
  close(ends[1]);
  const auto limit = std::chrono::duration<double>(options.timeout_seconds);
  return {index, pid, ends[0], Clock::now() + std::chrono::duration_cast<Clock::duration>(limit), ""};
}

Outcome Finish(Child& child, bool timed_out) {
  if (timed_out) kill(-child.pid, SIGKILL);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(child.pipe);
  if (timed_out) return {Ending::kTimedOut, "took too long"};
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return {Ending::kCrashed, "ended by signal " + std::to_string(number) + " (" + strsignal(number) + ")"};
  }
  if (child.output.empty() || child.output.back() != '\0') {
    return {Ending::kCrashed, "ended without a result, exit code " + std::to_string(WEXITSTATUS(status))};
  }
  child.output.pop_back();
  return {Ending::kFinished, std::move(child.output)};
}

// Reads what there is; false at the end.
bool Drain(Child& child) {
  char buffer[65536];
  const ssize_t n = read(child.pipe, buffer, sizeof(buffer));
  if (n < 0) return errno == EINTR;
  child.output.append(buffer, static_cast<size_t>(n));
  return n > 0;
}

}  // namespace

void RunIsolated(size_t count, const IsolateOptions& options, const std::function<std::string(size_t)>& work,
                 const std::function<void(size_t, Outcome)>& done) {
  std::vector<Child> running;
  size_t next = 0;
  while (next < count || !running.empty()) {
    while (next < count && running.size() < static_cast<size_t>(std::max(1, options.jobs))) {
      running.push_back(Start(next++, options, work));
    }
    Clock::time_point soonest = running.front().deadline;
    std::vector<pollfd> polled;
    for (const Child& child : running) {
      polled.push_back({child.pipe, POLLIN, 0});
      soonest = std::min(soonest, child.deadline);
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(soonest - Clock::now()).count();
    poll(polled.data(), polled.size(), static_cast<int>(std::min<int64_t>(std::max<int64_t>(0, wait), 60000)));
    for (size_t i = running.size(); i-- > 0;) {
      Child& child = running[i];
      const bool ended = polled[i].revents != 0 && !Drain(child);
      const bool late = !ended && Clock::now() >= child.deadline;
      if (!ended && !late) continue;
      const size_t index = child.index;
      Outcome outcome = Finish(child, late);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      done(index, std::move(outcome));
    }
  }
}

}  // namespace onda::cli
