// onda_faults [--most N] [--seed N] [--only N] [--plugin LIBRARY] [WORD...]
//
// Lets each call that can fail fail once: the nth allocation, mapping, read, thread creation and provider call, while a
// model is loaded and while it is run, for small models that take every kind of step. Demanded each time: an error with
// the code that fits (or success, where nothing was lost), nothing held afterwards that was not held before, and a
// session that then gives the right results. --most: so many n of each kind, evenly spread with a start by the seed
// (default: all).
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "onda/types.h"
#include "tests/faults/fault.h"
#include "tests/faults/scenario.h"
#include "tests/providers/late_device.h"

namespace onda::faults {
namespace {

struct Options {
  int64_t most = 0;  // 0: all
  int64_t seed = 0;
  int64_t only = 0;
  std::string plugin;
  std::vector<std::string> words;
};

int64_t passed = 0, failed = 0;

void Report(bool good, const Scenario& scenario, const std::string& what) {
  (good ? passed : failed) += 1;
  if (!good) std::printf("FAILED %s: %s\n", scenario.name, what.c_str());
}

// What an application is to be told of such a failure.
bool Fits(Kind kind, int32_t code) {
  switch (static_cast<ErrorCode>(code)) {
    case ErrorCode::kOutOfMemory:
      return kind != Kind::kRead;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidModel:
    case ErrorCode::kNotFound:
      return kind == Kind::kRead;
    default:
      return false;
  }
}

// The ns of 1..count to try.
std::vector<int64_t> Chosen(int64_t count, const Options& options) {
  const int64_t step = options.most > 0 ? std::max<int64_t>(1, count / options.most) : 1;
  if (options.only > 0) return {options.only};
  std::vector<int64_t> chosen;
  for (int64_t n = 1 + options.seed % step; n <= count; n += step) chosen.push_back(n);
  return chosen;
}

constexpr int64_t kMostProviderCalls = 10000;  // more than any scenario makes

class Trial {
 public:
  Trial(const Scenario& scenario, const Options& options, const std::string& folder)
      : scenario_(scenario), options_(options), bench_(scenario, folder, options.plugin) {
    // Twice: what the process makes once and keeps is there afterwards.
    TakeRaces();
    for (int i = 0; i < 2; ++i) {
      Failure f = bench_.Load();
      if (!f.code) f = bench_.Run(&expected_);
      bench_.Unload();
      if (!f.code) continue;
      Report(false, scenario_, std::string("without faults: ") + f.message.data());
      return;
    }
    ok_ = true;
  }

  void All() {
    if (!ok_) return;
    for (int k = 0; k < kKinds; ++k) {
      const auto kind = static_cast<Kind>(k);
      if (!CanFail(kind)) continue;
      Arm(kind, 0);
      bench_.Load();
      const int64_t at_load = Disarm();
      Arm(kind, 0);
      bench_.Run(&outputs_);
      const int64_t at_run = Disarm();
      bench_.Unload();
      counts_ +=
          std::string(k ? ", " : "") + NameOf(kind) + " " + std::to_string(at_load) + "+" + std::to_string(at_run);
      for (int64_t n : Chosen(at_load, options_)) AtLoad(kind, n);
      for (int64_t n : Chosen(at_run, options_)) AtRun(kind, n);
    }
    if (scenario_.devices) Devices();
    std::printf("%s: %s\n", scenario_.name, counts_.c_str());
    std::fflush(stdout);
  }

 private:
  void ExpectRight(const std::string& where) {
    const Failure f = bench_.Run(&outputs_);
    Report(!f.code, scenario_, where + ": afterwards the session says: " + f.message.data());
    if (!f.code) Report(outputs_ == expected_, scenario_, where + ": afterwards the results are wrong");
  }

  void ExpectNothingHeld(const Holdings& before, const std::string& where) {
    for (const std::string& race : TakeRaces()) Report(false, scenario_, where + ": " + race);
    Holdings after = Held();
    if (after != before && scenario_.devices) {
      // The devices themselves remember what was done on them; the same again makes that the same.
      if (!bench_.Load().code) bench_.Run(&outputs_);
      bench_.Unload();
      after = Held();
    }
    Report(after == before, scenario_, where + ": before " + ToString(before) + " were held, after " + ToString(after));
  }

  void AtLoad(Kind kind, int64_t n) {
    const std::string where = std::string(NameOf(kind)) + " " + std::to_string(n) + " of loading";
    const Holdings before = Held();
    Arm(kind, n);
    const Failure f = bench_.Load();
    Disarm();
    if (f.code) {
      Report(Fits(kind, f.code), scenario_, where + ": code " + std::to_string(f.code) + ": " + f.message.data());
      ExpectNothingHeld(before, where);
      if (const Failure again = bench_.Load(); again.code)
        return Report(false, scenario_, where + ": loading again: " + again.message.data());
    }
    ExpectRight(where);
    bench_.Unload();
    ExpectNothingHeld(before, where);
  }

  void AtRun(Kind kind, int64_t n) {
    const std::string where = std::string(NameOf(kind)) + " " + std::to_string(n) + " of running";
    const Holdings before = Held();
    if (const Failure f = bench_.Load(); f.code)
      return Report(false, scenario_, where + ": loading: " + f.message.data());
    Arm(kind, n);
    const Failure f = bench_.Run(&outputs_);
    Disarm();
    if (f.code) {
      Report(Fits(kind, f.code), scenario_, where + ": code " + std::to_string(f.code) + ": " + f.message.data());
    } else {
      Report(outputs_ == expected_, scenario_, where + ": no error, and wrong results");
    }
    ExpectRight(where);
    ExpectRight(where + ", once more");
    bench_.Unload();
    ExpectNothingHeld(before, where);
  }

  // The first device counts its calls from the session's making on.
  void Devices() {
    int64_t n = 1;
    for (bool failed_once = true; failed_once; ++n) {
      if (n > kMostProviderCalls) return Report(false, scenario_, "runs fail without a planted failure");
      if (options_.most > 0 && n > options_.most && n % 7 != options_.seed % 7) continue;
      const std::string where = "provider call " + std::to_string(n);
      const Holdings before = Held();
      failed_once = false;
      Failure f = bench_.Load(n);
      if (f.code) {
        failed_once = true;
        Report(ErrorOfDevice(f.code), scenario_, where + ": code " + std::to_string(f.code) + ": " + f.message.data());
        ExpectNothingHeld(before, where);
        f = bench_.Load();
        if (f.code) return Report(false, scenario_, where + ": loading again: " + f.message.data());
      }
      for (int run = 0; run < 3; ++run) {
        f = bench_.Run(&outputs_);
        if (f.code) {
          Report(!failed_once && ErrorOfDevice(f.code), scenario_,
                 where + ": code " + std::to_string(f.code) + ": " + f.message.data());
          failed_once = true;
        } else {
          Report(outputs_ == expected_, scenario_, where + ": wrong results");
        }
      }
      bench_.Unload();
      ExpectNothingHeld(before, where);
    }
    counts_ += ", provider calls " + std::to_string(n - 2);
  }

  static bool ErrorOfDevice(int32_t code) {
    return code == static_cast<int32_t>(ErrorCode::kRuntime) || code == static_cast<int32_t>(ErrorCode::kOutOfMemory);
  }

  const Scenario& scenario_;
  const Options& options_;
  Bench bench_;
  std::string expected_;
  std::string outputs_ = std::string(1 << 16, ' ');  // has room, so that it takes no memory while that is counted
  std::string counts_;
  bool ok_ = false;
};

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--most" && i + 1 < argc) {
      options.most = std::strtoll(argv[++i], nullptr, 10);
    } else if (word == "--seed" && i + 1 < argc) {
      options.seed = std::strtoll(argv[++i], nullptr, 10);
    } else if (word == "--only" && i + 1 < argc) {
      options.only = std::strtoll(argv[++i], nullptr, 10);
      Trace(true);
    } else if (word == "--plugin" && i + 1 < argc) {
      options.plugin = argv[++i];
    } else {
      options.words.push_back(word);
    }
  }
  std::string folder = std::filesystem::temp_directory_path() / "onda_faults_XXXXXX";
  if (!mkdtemp(folder.data())) return 2;
  for (const Scenario& scenario : Scenarios()) {
    bool wanted = options.words.empty();
    for (const std::string& word : options.words) wanted |= std::string(scenario.name).find(word) != std::string::npos;
    if (!wanted || (scenario.with_plugin && options.plugin.empty())) continue;
    Trial(scenario, options, folder).All();
  }
  std::filesystem::remove_all(folder);
  std::printf("%lld passed, %lld failed\n", static_cast<long long>(passed), static_cast<long long>(failed));
  return failed || !passed;
}

}  // namespace
}  // namespace onda::faults

int main(int argc, char** argv) { return onda::faults::Main(argc, argv); }
