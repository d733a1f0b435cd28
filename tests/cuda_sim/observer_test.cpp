// Times that an observer is told of are the device's own.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/cuda_sim/sim_provider.h"
#include "tests/kernels/family_cases.h"

namespace onda::cuda_sim {
namespace {

TEST(SimObserver, TimesAreTheDevices) {
  const Case test{"(float[5,7] x, float[7,3] w) => (float[5,3] y) { s = Relu(x) y = MatMul(s, w) }"};
  LoadOptions options;
  options.place.by_cost = false;
  options.devices = {std::make_shared<const ProviderInstance>(
      SimProvider(), "cuda", std::vector<std::pair<std::string, std::string>>{{"seed", "5"}})};
  const InferenceSession session(ModelOfCase(test), options);
  ThreadPool threads(1);
  std::vector<double> times;
  NodeObserver observer;
  observer.after_node = [&](const Graph&, const Node& node, auto, auto, double milliseconds) {
    if (!node.op_type.starts_with("Memcpy")) times.push_back(milliseconds);
  };
  InferenceSession::RunArguments arguments;
  arguments.feeds = FeedsOfCase(session, test);
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  arguments.observer = &observer;
  session.Run(std::move(arguments));
  ASSERT_EQ(times.size(), 2u);
  for (const double t : times) {  // the simulator's clock ticks in microseconds
    EXPECT_GE(t, 0.001);
    EXPECT_NEAR(t * 1000, std::round(t * 1000), 1e-2);
  }
}

}  // namespace
}  // namespace onda::cuda_sim
