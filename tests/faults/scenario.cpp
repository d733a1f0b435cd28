#include "tests/faults/scenario.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "onda/types.h"
#include "tests/faults/fault.h"
#include "tests/providers/late_device.h"

namespace onda::faults {
namespace {

// "@12" stands for twelve numbers.
const std::vector<Scenario> kScenarios = {
    {.name = "kernels",
     .graph = "(float[2,3,8,8] x) => (float[2,4,8,8] y) <float[4,3,3,3] w = {@108}, float[4] b = {@4}> { "
              "a = Conv<pads = [1,1,1,1]>(x, w, b) c = Relu(a) d = Add(c, a) y = Softmax(d) }"},
    {.name = "free_dimensions",
     .graph = "(float[n,16] x, float[n,m] z) => (float[m,8] y, float[n,8] u) <float[16,8] w = {@128}> { "
              "u = MatMul(x, w) t = Transpose<perm = [1,0]>(z) y = MatMul(t, u) }"},
    {.name = "threads",
     .graph = "(float[64,64] x) => (float[64,64] y) { a = MatMul(x, x) y = Softmax(a) }",
     .threads = 3},
    {.name = "control_flow",
     .graph = "(float[3] x, bool c) => (float[3] y, float[3] u, float[k,3] v) <int64 m = {5}, bool go = {1}> { "
              "y = If(c) <then_branch = g1 () => (float[3] p) { p = Neg(x) }, "
              "else_branch = g2 () => (float[3] q) { r = Exp(x) q = Add(r, x) }> "
              "u, v = Loop(m, go, y) <body = b (int64 i, bool t, float[3] s) => (bool t2, float[3] s2, float[3] o) { "
              "t2 = Identity(t) s2 = Add(s, x) o = Mul(s2, s) }> }"},
    {.name = "scan",
     .graph = "(float[2] h, float[5,2] x) => (float[2] y, float[5,2] z) { "
              "y, z = Scan<num_scan_inputs = 1, scan_output_directions = [1], "
              "body = b (float[2] s, float[2] e) => (float[2] t, float[2] o) { t = Add(s, e) o = Mul(t, t) }>(h, x) }"},
    {.name = "sequences",
     .graph =
         "(float[2] x, float[2] z, int64 k) => (float[2] y, float[8] w, seq(float[2]) q) { s = SequenceConstruct(x, z) "
         "r = SequenceInsert(s, x, k) q = SequenceErase(r, k) y = SequenceAt(r, k) t = SplitToSequence(x) "
         "a = ConcatFromSequence<axis = 0>(r) b = ConcatFromSequence<axis = 0>(t) w = Concat<axis = 0>(a, b) }"},
    {.name = "optionals",
     .graph = "(optional(float[2]) x) => (float[2] y, bool b) { b = OptionalHasElement(x) y = OptionalGetElement(x) }"},
    {.name = "maps",
     .graph =
         "(float[2,3] x) => (seq(map(int64, float)) y) { y = ai.onnx.ml.ZipMap<classlabels_int64s = [4,5,6]>(x) }"},
    {.name = "strings",
     .graph = "(string[3] x, float[3] f) => (string[3] y, string[3,n] z, int64[3] c) { a = StringConcat(x, x) b = "
              "Cast<to = 8>(f) "
              "y = StringConcat(a, b) z, c = StringSplit<delimiter = \"a\">(y) }"},
    {.name = "shapes_from_data",
     .graph = "(float[4,4] x, int64 n) => (int64[2,k] y, float[a,b] z, int64[r] w) <int64 one = {1}, int64 zero = {0}, "
              "int64[1] four = {4}> { y = NonZero(x) u = Concat<axis = 0>(four, four) z = Reshape(x, u) "
              "w = Range(zero, n, one) }"},
    {.name = "devices",
     .graph = "(float[3,3] x, bool c) => (float[3,3] y, int64[2,k] z) { a = MatMul(x, x) "
              "b = If(c) <then_branch = g1 () => (float[3,3] p) { p = Neg(a) }, else_branch = g2 () => (float[3,3] q) "
              "{ q = Abs(x) }> "
              "y = Add(b, a) z = NonZero(y) }",
     .devices = 2},
    {.name = "file",
     .graph = "(float[2,16] x) => (float[2,32] y) <float[16,32] w = {@512}, float[512] v = {@512}> { a = MatMul(x, w) "
              "s = ReduceSum<keepdims = 0>(v) y = Add(a, s) }",
     .from_file = true},
    {.name = "text",
     .graph = "(float[2] x) => (float[2] y) <float[2] w = {1.5, -2}> { y = Mul(x, w) }",
     .from_text = true},
    {.name = "plugin", .graph = "(float[4] x) => (float[4] y) { a = Relu(x) y = Add(a, a) }", .with_plugin = true},
};

std::string Expanded(const std::string& graph) {
  std::string text;
  for (size_t i = 0; i < graph.size(); ++i) {
    if (graph[i] != '@') {
      text += graph[i];
      continue;
    }
    char* end = nullptr;
    const long count = std::strtol(&graph[i + 1], &end, 10);
    for (long k = 0; k < count; ++k) text += (k ? "," : "") + std::to_string((k * 7 % 23 - 11) / 8.0);
    i = static_cast<size_t>(end - graph.data()) - 1;
  }
  return text;
}

[[noreturn]] void Broken(const std::string& what) {
  std::fprintf(stderr, "cannot prepare: %s\n", what.c_str());
  std::exit(2);
}

}  // namespace

const std::vector<Scenario>& Scenarios() { return kScenarios; }

Failure::Failure(int32_t failure_code, const char* text) : code(failure_code) {
  std::snprintf(message.data(), message.size(), "%s", text);
}

Failure Bench::Take(OndaError* error) const {
  Disarm();
  if (!error) return {};
  Failure failure{api_.ErrorGetCode(error), api_.ErrorGetMessage(error)};
  api_.ReleaseError(error);
  return failure;
}

Bench::Bench(const Scenario& scenario, const std::string& folder, const std::string& plugin)
    : api_(*OndaGetApi(ONDA_API_VERSION)), scenario_(scenario), text_(Expanded(scenario.graph)), plugin_(plugin) {
  OndaModel* model = nullptr;
  auto check = [&](OndaError* error) {
    if (const Failure failure = Take(error); failure.code)
      Broken(std::string(scenario.name) + ": " + failure.message.data());
  };
  check(api_.CreateModelFromText(text_.c_str(), &model));
  const void* data = nullptr;
  size_t size = 0;
  check(api_.ModelSerialize(model, &data, &size));
  bytes_.assign(static_cast<const char*>(data), size);
  path_ = folder + "/" + scenario.name + ".onnx";
  if (scenario.from_file)
    check(api_.ModelSave(model, path_.c_str(), "onnx", (std::string(scenario.name) + ".weights").c_str()));
  api_.ReleaseModel(model);

  if (const Failure failure = Load(); failure.code) Broken(std::string(scenario.name) + ": " + failure.message.data());
  for (size_t i = 0; i < api_.SessionPortCount(session_, 0); ++i) {
    input_names_.push_back(api_.SessionPortName(session_, 0, i));
    const OndaTypeInfo* declared = api_.SessionPortType(session_, 0, i);
    const bool optional = api_.TypeKind(declared) == kOndaValueOptional;
    const OndaTypeInfo* type = optional ? api_.TypeElement(declared) : declared;
    std::vector<int64_t> dims;
    int64_t count = 1;
    for (int32_t d = 0; d < api_.TypeRank(type); ++d) {
      dims.push_back(api_.TypeDim(type, static_cast<size_t>(d)) < 0 ? 3 : api_.TypeDim(type, static_cast<size_t>(d)));
      count *= dims.back();
    }
    const auto dtype = static_cast<DType>(api_.TypeElementDType(type));
    OndaValue* value = nullptr;
    check(api_.CreateTensor(static_cast<int32_t>(dtype), dims.data(), dims.size(), &value));
    void* elements = nullptr;
    if (dtype != DType::kString) check(api_.TensorData(value, &elements, nullptr));
    for (int64_t k = 0; k < count; ++k) {
      if (dtype == DType::kString) {
        check(api_.TensorSetString(value, static_cast<size_t>(k), "a word", 6));
      } else if (dtype == DType::kFloat) {
        static_cast<float*>(elements)[k] = static_cast<float>(k % 7) / 4 - 0.5f;
      } else if (dtype == DType::kInt64) {
        static_cast<int64_t*>(elements)[k] = 2;
      } else {
        static_cast<uint8_t*>(elements)[k] = 1;
      }
    }
    if (optional) {
      OndaValue* inside = value;
      check(api_.CreateOptional(inside, nullptr, &value));
      api_.ReleaseValue(inside);
    }
    inputs_.push_back(value);
  }
  Unload();
}

Bench::~Bench() {
  Unload();
  for (OndaValue* value : inputs_) api_.ReleaseValue(value);
}

Failure Bench::Load(int64_t fail_at) {
  const std::string late[2] = {std::to_string(fail_at), "0"};
  OndaSessionOptions* options = nullptr;
  OndaModel* model = nullptr;
  auto load = [&]() -> OndaError* {
    OndaEnvOptions env{};
    env.size = sizeof(env);
    env.log_level = 4;  // errors alone
    env.threads = 1;
    if (OndaError* e = api_.CreateEnv(&env, &env_)) return e;
    if (OndaError* e = api_.CreateSessionOptions(&options)) return e;
    if (scenario_.threads > 1)
      if (OndaError* e = api_.SessionOptionsSet(options, "intra_op_num_threads", "3")) return e;
    if (scenario_.devices)
      if (OndaError* e = api_.RegisterProvider(env_, "late", LateDevice())) return e;
    for (int i = 0; i < scenario_.devices; ++i) {
      const char* keys[] = {"share", "fail_at"};
      const char* values[] = {"800", late[i].c_str()};
      if (OndaError* e = api_.SessionOptionsAppendProvider(options, "late", keys, values, 2)) return e;
    }
    if (scenario_.with_plugin) {
      if (OndaError* e = api_.RegisterProviderLibrary(env_, "example", plugin_.c_str())) return e;
      if (OndaError* e = api_.SessionOptionsAppendProvider(options, "example", nullptr, nullptr, 0)) return e;
    }
    if (scenario_.from_file) return api_.CreateSessionFromFile(env_, path_.c_str(), options, &session_);
    if (!scenario_.from_text)
      return api_.CreateSessionFromMemory(env_, bytes_.data(), bytes_.size(), options, &session_);
    if (OndaError* e = api_.CreateModelFromText(text_.c_str(), &model)) return e;
    return api_.CreateSessionFromModel(env_, model, options, &session_);
  };
  OndaError* const error = load();
  const bool silent = !error && !session_;
  Failure failure = Take(error);
  if (options) api_.ReleaseSessionOptions(options);
  if (model) api_.ReleaseModel(model);
  if (silent) failure = {static_cast<int32_t>(ErrorCode::kInternal), "neither a session nor an error"};
  if (failure.code) Unload();
  return failure;
}

void Bench::Unload() {
  if (session_) api_.ReleaseSession(session_);
  if (env_) api_.ReleaseEnv(env_);
  session_ = nullptr;
  env_ = nullptr;
}

Failure Bench::Run(std::string* outputs) {
  outputs->clear();
  const char* names[8];
  for (size_t i = 0; i < input_names_.size(); ++i) names[i] = input_names_[i].c_str();
  OndaValue* results[8] = {};
  const size_t count = api_.SessionPortCount(session_, 1);
  Failure failure = Take(api_.Run(session_, nullptr, names, inputs_.data(), inputs_.size(), nullptr, count, results));
  for (size_t i = 0; i < count; ++i) {
    const void* data = nullptr;
    size_t size = 0;
    if (results[i] && !failure.code) {
      const Failure written = Take(api_.ValueToProto(results[i], "", &data, &size));
      if (written.code) failure = written;
      outputs->append(static_cast<const char*>(data), size);
    } else if (!failure.code) {
      failure = {static_cast<int32_t>(ErrorCode::kInternal), "neither an output nor an error"};
    }
    if (results[i]) api_.ReleaseValue(results[i]);
  }
  return failure;
}

}  // namespace onda::faults
