// The targets that load a model as text and run it.
#include "core/session.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "core/text/parse.h"
#include "kernels/op_table.h"
#include "onda/float_formats.h"
#include "tests/fuzz/feeds.h"
#include "tests/fuzz/target.h"
#include "tests/kernels/is_random.h"
#include "tests/providers/late_device.h"

namespace onda::fuzz {
namespace {

constexpr size_t kMemoryLimit = size_t{64} << 20;
constexpr std::chrono::milliseconds kLongest{100};

using Feeds = std::vector<std::pair<std::string, RuntimeValue>>;

// What a model makes of its inputs, or why it does not.
struct Outcome {
  std::vector<RuntimeValue> values;
  ErrorCode code = ErrorCode::kOk;
  std::string message;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "finding: %s\n", what.c_str());
  std::abort();
}

template <class Fn>
Outcome Try(Fn fn) {
  Outcome outcome;
  try {
    outcome.values = fn();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) Fail(std::string("internal error: ") + error.what());
    outcome.code = error.code();
    outcome.message = error.what();
  }
  return outcome;
}

Outcome RunOnce(const InferenceSession& session, const Feeds& feeds, const NodeObserver* observer = nullptr) {
  static ThreadPool threads(1);
  return Try([&] {
    StopToken stop;
    stop.SetDeadline(std::chrono::steady_clock::now() + kLongest);
    InferenceSession::RunArguments arguments;
    arguments.feeds = feeds;
    arguments.threads = &threads;
    arguments.pool = std::make_shared<BlockPool>(kMemoryLimit);
    arguments.stop = &stop;
    arguments.observer = observer;
    return session.Run(std::move(arguments));
  });
}

// The session of a text, or null where it is refused.
std::unique_ptr<InferenceSession> Load(const Model& model, const LoadOptions& options) {
  std::unique_ptr<InferenceSession> session;
  Try([&] {
    session = std::make_unique<InferenceSession>(model, options);
    return std::vector<RuntimeValue>{};
  });
  return session;
}

std::optional<Model> Parse(std::string_view text) {
  std::optional<Model> model;
  Try([&] {
    model = ParseModel(text);
    return std::vector<RuntimeValue>{};
  });
  return model;
}

LoadOptions Plain() {
  LoadOptions options;
  options.host_kernels = ReferenceKernels;
  options.fuse = false;
  options.place.by_cost = false;
  return options;
}

std::string Describe(const OndaTensorView& v) {
  return Fact::Tensor(static_cast<DType>(v.dtype), Dims(v.dims, v.dims + v.rank)).ToString();
}

TensorPtr Copied(const OndaTensorView& view) {
  const auto dtype = static_cast<DType>(view.dtype);
  if (dtype == DType::kUndefined) return nullptr;
  auto tensor = Tensor::Make(dtype, std::vector<int64_t>(view.dims, view.dims + view.rank));
  if (dtype == DType::kString) {
    std::copy_n(static_cast<const std::string*>(view.data), tensor->count(), tensor->mutable_as<std::string>().data());
  } else if (tensor->bytes()) {
    std::memcpy(tensor->mutable_data(), view.data, tensor->bytes());
  }
  return tensor;
}

// "" where the kernel's output is the reference's, but for rounding: sums in another order, and an integer or a boolean
// that lies beside what it was rounded from. In `steps` a value may also go to either of two steps of a quantization
// on the way.
std::string Different(const OndaTensorView& actual, const Tensor& expected, bool steps) {
  const auto dtype = static_cast<DType>(actual.dtype);
  if (dtype != expected.dtype() ||
      !std::equal(expected.dims().begin(), expected.dims().end(), actual.dims, actual.dims + actual.rank))
    return "is " + Describe(actual) + " where the reference gives " +
           Fact::Tensor(expected.dtype(), Dims(expected.dims().begin(), expected.dims().end())).ToString();
  if (dtype == DType::kString) {
    for (int64_t i = 0; i < expected.count(); ++i)
      if (static_cast<const std::string*>(actual.data)[i] != expected.as<std::string>()[i]) return "strings differ";
    return "";
  }
  if (IsComplex(dtype) || dtype == DType::kBool) return "";
  double scale = 0;
  for (int64_t i = 0; i < expected.count(); ++i)
    if (const double e = std::fabs(LoadDouble(dtype, expected.data(), i)); std::isfinite(e)) scale = std::max(scale, e);
  const double tolerance = IsInteger(dtype) ? 1
                                            : (steps                 ? 0.1
                                               : BitsOf(dtype) >= 32 ? 1e-3
                                               : BitsOf(dtype) == 16 ? 0.05
                                                                     : 0.5) *
                                                      scale +
                                                  1e-5;
  for (int64_t i = 0; i < expected.count(); ++i) {
    const double a = LoadDouble(dtype, actual.data, i), e = LoadDouble(dtype, expected.data(), i);
    // What overflows on the way, or cancels beyond that, has no single right answer.
    if (!std::isfinite(e) || !std::isfinite(a) || std::fabs(e) > 1e9) continue;
    if (!(std::fabs(a - e) <= tolerance))
      return "element " + std::to_string(i) + " is " + std::to_string(a) + ", the reference " + std::to_string(e);
  }
  return "";
}

// Holds a node that has just run to its reference kernel.
void CheckNode(const Graph& graph, const Node& node, std::span<const OndaTensorView> inputs,
               std::span<const OndaTensorView> outputs) {
  const OndaKernelDef* reference = ReferenceKernel(node.op->domain, node.op->name);
  if (!reference || (node.op->flags & kOpRandom) || node.instance != 0) return;
  // A kernel that works in place has overwritten what it read.
  for (const OndaTensorView& in : inputs)
    for (const OndaTensorView& out : outputs)
      if (in.data && in.data == out.data) return;
  std::vector<TensorPtr> constants;
  std::vector<Fact> facts;
  for (const OndaTensorView& view : inputs) constants.push_back(Copied(view));
  for (size_t i = 0; i < outputs.size(); ++i)
    facts.push_back(!node.has_output(i) ? Fact{}
                                        : Fact::Tensor(static_cast<DType>(outputs[i].dtype),
                                                       Dims(outputs[i].dims, outputs[i].dims + outputs[i].rank)));
  std::optional<std::vector<TensorPtr>> expected;
  try {
    expected = EvaluateOnce(std::span(&reference, 1), node, constants, facts, int64_t{1} << 24);
  } catch (const Error& error) {
    Fail(onda::Describe(node) + ": runs, but its reference says: " + error.what());
  }
  if (!expected) return;
  const bool steps = node.op->name == "DynamicQuantizeLSTM";
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!node.has_output(i) || !(*expected)[i] || !outputs[i].data) continue;
    const std::string what = Different(outputs[i], *(*expected)[i], steps);
    if (what.empty()) continue;
    std::string text = onda::Describe(node) + ": output " + std::to_string(i) + " " + what + "; inputs";
    for (const OndaTensorView& view : inputs) text += " " + (view.dtype ? Describe(view) : std::string("omitted"));
    Fail(text);
  }
  (void)graph;
}

bool Same(const RuntimeValue& a, const RuntimeValue& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.dims != b.dims || !a.elements != !b.elements) return false;
  if (a.elements) {
    if (a.elements->size() != b.elements->size()) return false;
    for (size_t i = 0; i < a.elements->size(); ++i)
      if (!Same((*a.elements)[i], (*b.elements)[i])) return false;
    return true;
  }
  if (a.dtype == DType::kString)
    return std::equal(static_cast<std::string*>(a.data), static_cast<std::string*>(a.data) + a.count(),
                      static_cast<std::string*>(b.data));
  return a.bytes() == 0 || std::memcmp(a.data, b.data, a.bytes()) == 0;
}

uint64_t SeedOf(std::string_view text) { return std::hash<std::string_view>()(text); }

// The memory and time of a run may end it in one session and not in another.
bool Exhausted(const Outcome& o) {
  return o.code == ErrorCode::kCancelled || o.code == ErrorCode::kOutOfMemory || o.code == ErrorCode::kResourceLimit;
}

// Two devices that take some of the operators each. Made once: making one costs more than a session does.
constexpr size_t kDeviceSets = 24;
std::vector<std::shared_ptr<const ProviderInstance>> DevicesOf(size_t set) {
  // Never destroyed: what they report to is made after them and would be gone before.
  static auto& sets = *new std::array<std::vector<std::shared_ptr<const ProviderInstance>>, kDeviceSets>;
  for (size_t i = sets[set].size(); i < 2; ++i) {
    const std::vector<std::pair<std::string, std::string>> values{
        {"seed", std::to_string(2 * set + i)}, {"share", std::to_string(300 + (set * 157 + i * 401) % 700)}};
    sets[set].push_back(std::make_shared<const ProviderInstance>(LateDevice(), "late:" + std::to_string(i), values));
  }
  return sets[set];
}

}  // namespace

void Run(std::string_view text) {
  const std::optional<Model> model = Parse(text);
  if (!model) return;
  const auto session = Load(*model, {});
  if (!session) return;
  for (uint64_t seed : {1, 2}) {
    const auto feeds = MakeFeeds(*session, seed);
    if (feeds) RunOnce(*session, *feeds);
  }
}

void Reference(std::string_view text) {
  const std::optional<Model> model = Parse(text);
  if (!model) return;
  const auto session = Load(*model, {});
  if (!session) return;
  const auto feeds = MakeFeeds(*session, SeedOf(text));
  NodeObserver observer;
  observer.after_node = [](const Graph& graph, const Node& node, std::span<const OndaTensorView> inputs,
                           std::span<const OndaTensorView> outputs,
                           double) { CheckNode(graph, node, inputs, outputs); };
  if (feeds) RunOnce(*session, *feeds, &observer);
}

void Providers(std::string_view text) {
  const std::optional<Model> model = Parse(text);
  if (!model) return;
  const auto host = Load(*model, Plain());
  if (!host || IsRandom(host->graph())) return;
  const uint64_t seed = SeedOf(text);
  const auto feeds = MakeFeeds(*host, seed);
  if (!feeds) return;
  LoadOptions options = Plain();
  options.devices = DevicesOf(seed % kDeviceSets);
  RestartLateDevices(seed);
  const auto placed = Load(*model, options);
  if (!placed) Fail("is loaded for the host, but not over devices");
  const Outcome expected = RunOnce(*host, *feeds);
  // Later than the run's own deadline, which therefore is what a run with such kernels ends with.
  SetLateDeadline(std::chrono::steady_clock::now() + 2 * kLongest);
  const Outcome actual = RunOnce(*placed, *feeds);
  SetLateDeadline(std::chrono::steady_clock::time_point::max());
  const std::vector<std::string> races = TakeRaces();
  if (Exhausted(expected) || Exhausted(actual)) return;
  if (!races.empty()) Fail("race over devices: " + races[0]);
  if ((expected.code == ErrorCode::kOk) != (actual.code == ErrorCode::kOk))
    Fail("the host says '" + expected.message + "', the devices say '" + actual.message + "'");
  for (size_t i = 0; i < expected.values.size(); ++i)
    if (!Same(expected.values[i], actual.values[i])) Fail("output " + std::to_string(i) + " differs over devices");
}

}  // namespace onda::fuzz
