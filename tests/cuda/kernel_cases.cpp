// Runs the cases of every operator family on a provider's library and holds them to the references, which compute in
// double precision on the host. For machines with a GPU, and for the simulator.
//
//   onda_kernel_cases LIBRARY [--option KEY=VALUE]... [--first N] [--last N] [--every N] [--only FAMILY]
//   onda_kernel_cases --count
//
// [first, last) of all cases, or every Nth of them. A line of JSON for each: {"index", "case", "state": "start"}, and
// when it is over the same with "state" "ok", "failed" with a "message", or "off" where the provider takes none of its
// nodes. Exit code 1 where some failed; 3 when the device was lost, which another process may be able to use from the
// next index on.
#include <dlfcn.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/op_table.h"
#include "tests/kernels/family_cases.h"
#include "tests/kernels/is_random.h"

namespace onda {
namespace {

using nlohmann::json;

struct Arguments {
  std::string library;
  std::vector<std::pair<std::string, std::string>> options;
  size_t first = 0, last = SIZE_MAX, every = 1;
  bool count = false;
  std::string only;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  auto value = [&](int& i) { return std::string(i + 1 < argc ? argv[++i] : ""); };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--option") {
      const std::string text = value(i);
      const size_t at = text.find('=');
      if (at == std::string::npos) throw Error(ErrorCode::kInvalidArgument, "'" + text + "' is not KEY=VALUE");
      arguments.options.emplace_back(text.substr(0, at), text.substr(at + 1));
    } else if (word == "--first") {
      arguments.first = std::strtoull(value(i).c_str(), nullptr, 10);
    } else if (word == "--last") {
      arguments.last = std::strtoull(value(i).c_str(), nullptr, 10);
    } else if (word == "--count") {
      arguments.count = true;
    } else if (word == "--every") {
      arguments.every = std::max<size_t>(1, std::strtoull(value(i).c_str(), nullptr, 10));
    } else if (word == "--only") {
      arguments.only = value(i);
    } else if (arguments.library.empty() && !word.starts_with("--")) {
      arguments.library = word;
    } else {
      throw Error(ErrorCode::kInvalidArgument, "unknown argument '" + word + "'");
    }
  }
  if (arguments.library.empty() && !arguments.count)
    throw Error(ErrorCode::kInvalidArgument, "name a provider's library");
  return arguments;
}

const OndaProviderDef& Load(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw Error(ErrorCode::kNotFound, dlerror());
  const auto get = reinterpret_cast<OndaGetProviderFunction>(dlsym(library, "OndaGetProvider"));
  const OndaProviderDef* def = get ? get(kOndaProviderAbi) : nullptr;
  if (!def) throw Error(ErrorCode::kInvalidArgument, path + " is no provider's library");
  return *def;
}

void Say(const json& line) {
  std::printf("%s\n", line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

// "off" or "ok"; throws or fails the running test otherwise.
const char* RunCase(const FamilyCase& c, const std::shared_ptr<const ProviderInstance>& device) {
  const Model model = ModelOfCase(*c.test);
  LoadOptions options;
  options.fold_constants = false;
  options.place.by_cost = false;
  LoadOptions plain = options;
  plain.host_kernels = ReferenceKernels;
  options.devices = {device};
  const InferenceSession ours(model, options);
  size_t placed = 0;
  for (const PlacementEntry& entry : ours.Placement())
    placed += entry.provider == device->label() && !entry.op.starts_with("Memcpy");
  if (placed == 0) return "off";
  const InferenceSession reference(model, plain);
  const std::vector<RuntimeValue> actual = OutputsOfCase(ours, *c.test);
  if (IsRandom(reference.graph())) return "ok";
  const std::vector<RuntimeValue> expected = OutputsOfCase(reference, *c.test);
  for (size_t i = 0; i < expected.size(); ++i) ExpectClose(actual[i], expected[i], *c.test, ours.outputs()[i].name);
  return "ok";
}

int Main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  const std::vector<FamilyCase> cases = AllFamilyCases();
  if (arguments.count) {
    std::printf("%zu\n", cases.size());
    return 0;
  }
  const OndaProviderDef& def = Load(arguments.library);
  std::shared_ptr<const ProviderInstance> device;
  bool failed = false;
  for (size_t i = arguments.first; i < std::min(cases.size(), arguments.last); i += arguments.every) {
    const FamilyCase& c = cases[i];
    if (!arguments.only.empty() && arguments.only != c.family) continue;
    json line = {{"index", i}, {"case", std::string(c.family) + "_" + std::to_string(c.index)}, {"state", "start"}};
    Say(line);
    testing::TestPartResultArray failures;
    bool lost = false;
    {
      testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures);
      try {
        if (!device) device = std::make_shared<const ProviderInstance>(&def, "device", arguments.options);
        line["state"] = RunCase(c, device);
      } catch (const Error& e) {
        line["state"] = "failed";
        line["message"] = e.what();
        lost = e.code() == ErrorCode::kDeviceLost;
        device.reset();  // whatever happened stays with it
      }
    }
    if (failures.size() > 0) {
      line["state"] = "failed";
      line["message"] = failures.GetTestPartResult(0).message();
    }
    if (line["state"] == "failed") line["graph"] = c.test->graph, failed = true;
    Say(line);
    if (lost) return 3;
  }
  return failed;
}

}  // namespace
}  // namespace onda

int main(int argc, char** argv) try {
  int none = 1;
  testing::InitGoogleTest(&none, argv);
  return onda::Main(argc, argv);
} catch (const onda::Error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 2;
}
