// Kernels of fp32 that take 16-bit floats: constants, which are widened once, give what the same values fed give.
#include "kernels/simd/through_float.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/kernels/family_cases.h"

namespace onda {
namespace {

TEST(ThroughFloat, ConstantsAndInputsAreTheSame) {
  const std::string attributes = "<hidden_size = 3>";
  const Case fed{
      "(float16[4,2,2] x, float16[1,12,2] w, float16[1,12,3] r) => (float16[4,1,2,3] y) "
      "{ y, h, c = LSTM" +
      attributes + "(x, w, r) }"};
  const InferenceSession inputs(ModelOfCase(fed), {});
  const auto feeds = FeedsOfCase(inputs, fed);

  // The same graph with w and r as constants.
  Model model = ModelOfCase(fed);
  Graph& graph = *model.graph;
  for (int i : {1, 2}) {
    const RuntimeValue& value = feeds[static_cast<size_t>(i)].second;
    auto tensor = Tensor::Make(value.dtype, {value.dims.begin(), value.dims.end()});
    std::memcpy(tensor->mutable_data(), value.data, value.bytes());
    graph.value(graph.inputs[static_cast<size_t>(i)]).fact = Fact::Constant(tensor);
    graph.initializers.push_back(graph.inputs[static_cast<size_t>(i)]);
  }
  graph.inputs.resize(1);
  const InferenceSession constants(model, {});

  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  arguments.feeds = feeds;
  const RuntimeValue expected = inputs.Run(arguments).at(0);
  arguments.feeds = {feeds[0]};
  for (int run = 0; run < 2; ++run) {
    const RuntimeValue actual = constants.Run(arguments).at(0);
    ASSERT_EQ(actual.dims, expected.dims);
    EXPECT_EQ(std::memcmp(actual.data, expected.data, expected.bytes()), 0);
  }
}

}  // namespace
}  // namespace onda
