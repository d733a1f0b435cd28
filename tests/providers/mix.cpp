// onda_mix: models over the host and two late devices with random sets of operators, held to the host alone.
//
//   onda_mix [--seeds FIRST:LAST] [--fused 0|1] [--jobs N] [--timeout SECONDS] [--quiet] FOLDER...
//
// FOLDERs hold cases in ONNX's test-data layout, of which the inputs are read. For each seed a model is placed with
// fusion off, where every output must be the host's bit for bit, and with fusion on, where every value that both
// compute must be close to it. Cases with random operators are left out; what the host refuses, the mix must refuse.
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "cli/data/case_folder.h"
#include "cli/isolate.h"
#include "core/api/file_value.h"
#include "core/ir/op_def.h"
#include "onda/float_formats.h"
#include "proto/import.h"
#include "tests/kernels/is_random.h"
#include "tests/providers/close_to.h"
#include "tests/providers/late_device.h"
#include "tests/providers/placed.h"

namespace onda {
namespace {

namespace fs = std::filesystem;

struct Options {
  uint64_t first = 0, last = 0;
  bool fused = true;
  bool quiet = false;
  int jobs = 1;
  double timeout_seconds = 1200;
  std::vector<std::string> folders;
};

// The cases of one model file: hard links of it lie in several folders.
struct Group {
  std::string name;
  std::string model;
  std::vector<fs::path> sets;
};

std::vector<Group> GroupCases(const std::vector<std::string>& folders) {
  std::vector<Group> groups;
  std::map<std::pair<dev_t, ino_t>, size_t> by_file;
  for (const std::string& folder : cli::FindCases(folders)) {
    const std::string model = folder + "/model.onnx";
    struct stat info {};
    if (stat(model.c_str(), &info) != 0) continue;
    const auto [at, is_new] = by_file.try_emplace({info.st_dev, info.st_ino}, groups.size());
    if (is_new) groups.push_back({folder, model, {}});
    for (const fs::path& set : cli::Numbered(folder, "test_data_set_", "")) groups[at->second].sets.push_back(set);
  }
  return groups;
}

using Feeds = std::vector<std::pair<std::string, RuntimeValue>>;

Feeds ReadFeeds(const InferenceSession& session, const fs::path& set) {
  Feeds feeds;
  const std::vector<fs::path> files = cli::Numbered(set, "input_", ".pb");
  for (const PortInfo& port : session.inputs()) {
    if (port.fact.constant || port.default_value) continue;
    if (feeds.size() == files.size()) break;
    const proto::FileValue value = proto::ImportValue(proto::OpenFile(files[feeds.size()].string(), {}), port.fact);
    feeds.emplace_back(port.name, FromFile(value));
  }
  std::erase_if(feeds, [](const auto& feed) { return !feed.second.present(); });
  return feeds;
}

// The values that the nodes of a run make, by name, in their order: in a loop a name has several.
using Trace = std::map<std::string, std::deque<RuntimeValue>>;

RuntimeValue Snapshot(const OndaTensorView& view) {
  const TensorView& tensor = static_cast<const TensorView&>(view);
  const std::vector<std::byte> bytes = ReadLate(tensor.data, tensor.bytes());
  auto copy = Tensor::Make(tensor.type(), std::vector<int64_t>(view.dims, view.dims + view.rank));
  if (!bytes.empty()) std::memcpy(copy->mutable_data(), bytes.data(), bytes.size());
  return RuntimeValue::FromTensor(copy);
}

template <class Function>
NodeObserver ForEachOutput(Function function) {
  NodeObserver observer;
  observer.after_node = [function](const Graph& graph, const Node& node, std::span<const OndaTensorView>,
                                   std::span<const OndaTensorView> outputs, double) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!node.has_output(i) || !outputs[i].dtype || !outputs[i].data) continue;
      const std::string& name = graph.value(node.outputs[i]).name;
      if (outputs[i].dtype != static_cast<int32_t>(DType::kString) && !name.empty()) function(node, name, outputs[i]);
    }
  };
  return observer;
}

Trace TraceOf(const InferenceSession& session, const Feeds& feeds) {
  Trace trace;
  const NodeObserver observer = ForEachOutput(
      [&](const Node&, const std::string& name, const OndaTensorView& view) { trace[name].push_back(Snapshot(view)); });
  RunOn(session, feeds, &observer);
  return trace;
}

// The first node whose values are not close to (exact: not the same as) those of the trace; "" where there is none.
std::string FirstDifference(const InferenceSession& session, const Feeds& feeds, Trace trace, bool exact,
                            int64_t& compared, std::vector<RuntimeValue>& results) {
  std::string first;
  const NodeObserver observer =
      ForEachOutput([&](const Node& node, const std::string& name, const OndaTensorView& view) {
        const auto at = trace.find(name);
        if (at == trace.end() || at->second.empty() || !first.empty()) return;
        const RuntimeValue expected = std::move(at->second.front());
        at->second.pop_front();
        const RuntimeValue actual = Snapshot(view);
        const std::string what = exact ? Difference(actual, expected) : FarFrom(expected, actual);
        ++compared;
        if (!what.empty()) first = "'" + name + "' of " + Describe(node) + ": " + what;
      });
  results = RunOn(session, feeds, &observer);
  return first;
}

// What one group's runs came to.
struct Tally {
  int64_t sessions = 0, on_host = 0, on_devices = 0, copies = 0, peer_copies = 0, compared = 0;
};

LoadOptions MixOptions(uint64_t seed, bool fused) {
  LoadOptions options = PlainOptions();
  options.host_kernels = WatchedCpuKernels;
  options.fuse = fused;
  options.place.by_cost = seed % 4 == 0;
  // From nearly nothing to nearly everything.
  const int first = static_cast<int>(200 + seed * 37 % 700), second = static_cast<int>(300 + seed * 53 % 700);
  const OndaProviderDef* provider = options.place.by_cost ? LateDeviceWithCosts() : LateDevice();
  // Now and then two providers that know nothing of each other.
  const OndaProviderDef* other = seed % 4 == 2 ? LateDeviceWithCosts() : provider;
  options.devices = {Late(seed, first, "late:0", {{"cpu_kernels", "1"}}, provider),
                     Late(seed + 1, second, "late:1", {{"cpu_kernels", "1"}}, other)};
  return options;
}

class GroupRun {
 public:
  GroupRun(const Group& group, const Options& options) : group_(group), options_(options) {}

  // "pass", "skip" or "fail", a line of the tally, and what failed.
  std::string Run() {
    std::string status = "pass";
    try {
      RunAll();
    } catch (const Error& e) {
      Fail(std::string("error: ") + e.what());
    }
    if (skipped_) status = "skip";
    if (!failure_.empty()) status = "fail";
    std::ostringstream text;
    text << status << "\n"
         << tally_.sessions << " " << tally_.on_host << " " << tally_.on_devices << " " << tally_.copies << " "
         << tally_.peer_copies << " " << tally_.compared << "\n"
         << failure_;
    return text.str();
  }

 private:
  struct Expected {
    Feeds feeds;
    std::string error;  // "" where it runs
    std::vector<RuntimeValue> outputs;
    Trace trace;
  };

  void Fail(const std::string& what) { failure_ += (failure_.empty() ? "" : "; ") + what; }

  void RunAll() {
    const Model model = proto::ImportFile(group_.model);
    LoadOptions alone = PlainOptions();
    alone.host_kernels = WatchedCpuKernels;
    std::string refused;
    std::unique_ptr<InferenceSession>& host = host_;
    try {
      host = std::make_unique<InferenceSession>(model, alone);
    } catch (const Error& e) {
      refused = e.what();
    }
    if (host && IsRandom(host->graph())) {
      skipped_ = true;
      return;
    }
    std::vector<Expected> expected;
    for (size_t i = 0; host && i < group_.sets.size(); ++i) {
      Expected& e = expected.emplace_back();
      e.feeds = ReadFeeds(*host, group_.sets[i]);
      try {
        e.outputs = RunOn(*host, e.feeds);
        if (options_.fused) e.trace = TraceOf(*host, e.feeds);
      } catch (const Error& error) {
        e.error = error.what();
      }
    }
    for (uint64_t seed = options_.first; seed <= options_.last && failure_.empty(); ++seed) {
      // The same seed gives other sets of operators to other cases.
      const uint64_t own = std::hash<std::string>()(fs::path(group_.name).filename().string()) % 100000 * 1000 + seed;
      for (const bool fused : {false, true}) {
        if (fused && !options_.fused) continue;
        const std::string where = "seed " + std::to_string(seed) + (fused ? ", fused: " : ": ");
        try {
          const InferenceSession session(model, MixOptions(own, fused));
          if (!refused.empty()) return Fail(where + "loads, but the host refuses it: " + refused);
          Count(session);
          for (const Expected& e : expected) RunOne(session, e, fused, where);
        } catch (const Error& e) {
          if (refused.empty()) Fail(where + e.what());
        }
      }
    }
  }

  void RunOne(const InferenceSession& session, const Expected& e, bool fused, const std::string& where) {
    try {
      if (fused) {
        std::vector<RuntimeValue> results;
        std::string first = FirstDifference(session, e.feeds, e.trace, false, tally_.compared, results);
        if (first.empty()) first = FarFrom(e.outputs, results);
        if (!first.empty()) Fail(where + first);
      } else {
        const std::string difference = Difference(RunOn(session, e.feeds), e.outputs);
        if (!difference.empty()) {
          std::vector<RuntimeValue> results;
          Fail(where + "output " + difference + "; " +
               FirstDifference(session, e.feeds, TraceOf(*host_, e.feeds), true, tally_.compared, results));
        }
      }
      if (!e.error.empty()) Fail(where + "runs, but fails on the host: " + e.error);
    } catch (const Error& error) {
      if (e.error.empty()) Fail(where + error.what());
    }
    if (const std::string races = RaceText(); !races.empty()) Fail(where + races);
  }

  void Count(const InferenceSession& session) {
    ++tally_.sessions;
    for (const PlacementEntry& entry : session.Placement()) {
      if (entry.op.starts_with("Memcpy")) {
        ++tally_.copies;
        tally_.peer_copies += entry.op == "MemcpyPeer";
      } else {
        ++(entry.provider.starts_with("late") ? tally_.on_devices : tally_.on_host);
      }
    }
  }

  const Group& group_;
  const Options& options_;
  Tally tally_;
  std::unique_ptr<InferenceSession> host_;  // alone
  bool skipped_ = false;
  std::string failure_;
};

Options ParseOptions(int count, char** arguments) {
  Options options;
  options.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    auto value = [&] {
      if (++i == count) throw Error(ErrorCode::kInvalidArgument, argument + " takes a value");
      return std::string(arguments[i]);
    };
    if (argument == "--seeds") {
      const std::string range = value();
      options.first = std::strtoull(range.c_str(), nullptr, 10);
      const size_t colon = range.find(':');
      options.last = colon == std::string::npos ? options.first : std::strtoull(&range[colon + 1], nullptr, 10);
    } else if (argument == "--fused") {
      options.fused = value() != "0";
    } else if (argument == "--jobs") {
      options.jobs = std::atoi(value().c_str());
    } else if (argument == "--timeout") {
      options.timeout_seconds = std::atof(value().c_str());
    } else if (argument == "--quiet") {
      options.quiet = true;
    } else if (argument.starts_with("--")) {
      throw Error(ErrorCode::kInvalidArgument, "unknown option " + argument);
    } else {
      options.folders.push_back(argument);
    }
  }
  return options;
}

int Main(int count, char** arguments) {
  const Options options = ParseOptions(count, arguments);
  const std::vector<Group> groups = GroupCases(options.folders);
  std::printf("seeds %llu to %llu, %zu models\n", static_cast<unsigned long long>(options.first),
              static_cast<unsigned long long>(options.last), groups.size());
  std::fflush(stdout);
  Tally total;
  size_t passed = 0, skipped = 0, failed = 0;
  cli::IsolateOptions isolate;
  isolate.jobs = options.jobs;
  isolate.timeout_seconds = options.timeout_seconds;
  cli::RunIsolated(
      groups.size(), isolate, [&](size_t i) { return GroupRun(groups[i], options).Run(); },
      [&](size_t i, cli::Outcome outcome) {
        if (outcome.ending != cli::Ending::kFinished) outcome.text = "fail\n0 0 0 0 0 0\n" + outcome.text;
        std::istringstream text(outcome.text);
        std::string status, failure;
        Tally t;
        text >> status >> t.sessions >> t.on_host >> t.on_devices >> t.copies >> t.peer_copies >> t.compared;
        std::getline(text, failure);
        std::getline(text, failure, '\0');
        total.sessions += t.sessions, total.on_host += t.on_host, total.on_devices += t.on_devices;
        total.copies += t.copies, total.peer_copies += t.peer_copies, total.compared += t.compared;
        ++(status == "pass" ? passed : status == "skip" ? skipped : failed);
        if (status == "fail" || !options.quiet)
          std::printf("%s  %s: %s\n", status.c_str(), groups[i].name.c_str(), failure.c_str());
        std::fflush(stdout);
      });
  std::printf(
      "%lld sessions: %lld nodes on devices, %lld on the host, %lld copies (%lld between devices), %lld values of "
      "nodes "
      "compared; %zu models with random operators left out\n",
      static_cast<long long>(total.sessions), static_cast<long long>(total.on_devices),
      static_cast<long long>(total.on_host), static_cast<long long>(total.copies),
      static_cast<long long>(total.peer_copies), static_cast<long long>(total.compared), skipped);
  std::printf("%zu passed, %zu failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace onda

int main(int count, char** arguments) {
  try {
    return onda::Main(count, arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "onda_mix: %s\n", e.what());
    return 2;
  }
}
