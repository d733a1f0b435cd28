#include "tests/providers/drawn_graph.h"

#include <random>

#include "core/text/parse.h"
#include "tests/providers/late_device.h"

namespace onda {

Model GraphModel(const std::string& graph) {
  return ParseModel("<ir_version: 14, opset_import: [\"\" : 28, \"com.microsoft\" : 1]> drawn " + graph);
}

Model DrawnGraph(uint64_t seed, int nodes) {
  std::mt19937_64 random(seed);
  const char* const unary[] = {"Neg", "Tanh", "Relu", "Sigmoid", "Softmax"};
  const char* const binary[] = {"Add", "Mul", "Sub", "Max"};
  std::vector<std::string> values = {"x", "y"};
  std::string body;
  // Late values are read more often: long chains with branches.
  const auto any = [&] {
    const size_t back = std::min<size_t>(values.size(), 1 + random() % 4);
    return values[random() % 4 == 0 ? random() % values.size() : values.size() - back];
  };
  for (int n = 0; n < nodes; ++n) {
    const std::string name = "v" + std::to_string(n);
    if (random() % 8 == 0) {
      body += name + "_flat = Reshape(" + any() + ", flat) " + name + " = Reshape(" + name + "_flat, square) ";
    } else if (random() % 2) {
      body += name + " = " + unary[random() % std::size(unary)] + "(" + any() + ") ";
    } else {
      body += name + " = " + binary[random() % std::size(binary)] + "(" + any() + ", " + any() + ") ";
    }
    values.push_back(name);
  }
  std::string outputs;
  for (size_t i = values.size() - 3; i < values.size(); ++i)
    outputs += (outputs.empty() ? "" : ", ") + std::string("float[M, 4] ") + values[i];
  return GraphModel("(float[N,4] x, float[N,4] y) => (" + outputs +
                    ") <int64[1] flat = {-1}, int64[2] square = {-1, 4}> { " + body + "}");
}

LoadOptions PlainReferences() {
  LoadOptions options;
  options.host_kernels = WatchedReferenceKernels;
  options.fuse = false;
  options.place.by_cost = false;
  return options;
}

RuntimeValue Floats(std::vector<int64_t> dims, uint64_t salt) {
  std::mt19937_64 random(salt);
  std::uniform_real_distribution<float> uniform(-2, 2);
  auto tensor = Tensor::Make(DType::kFloat, std::move(dims));
  for (float& x : tensor->mutable_as<float>()) x = uniform(random);
  return RuntimeValue::FromTensor(tensor);
}

std::vector<RuntimeValue> RunFeeds(const InferenceSession& session,
                                   std::vector<std::pair<std::string, RuntimeValue>> feeds) {
  static ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.feeds = std::move(feeds);
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  return session.Run(arguments);
}

std::vector<std::string> RunDrawn(const InferenceSession& session, int64_t rows, uint64_t salt) {
  std::vector<std::string> bytes;
  for (const RuntimeValue& v : RunFeeds(session, {{"x", Floats({rows, 4}, salt)}, {"y", Floats({rows, 4}, salt + 1)}}))
    bytes.emplace_back(static_cast<const char*>(v.data), v.bytes());
  return bytes;
}

}  // namespace onda
