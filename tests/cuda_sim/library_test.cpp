// Operations of libraries on the simulator: values by hand, and what is refused or reported.
#include <cmath>

#include "tests/cuda_sim/fixture.h"

namespace onda::cuda_sim {
namespace {

using cuda::Buffer;

cuda::Buffer Upload(Sim& sim, const std::vector<float>& values) {
  const Buffer b = sim.Make(values.size() * sizeof(float));
  sim.device->Copy(b.data, values.data(), b.bytes, kOndaHostToDevice, *sim.stream);
  sim.device->Synchronize(*sim.stream);
  return b;
}

// Runs every variant; the result of the last.
std::vector<float> RunAll(Sim& sim, const cuda::LibraryOp& op, std::vector<Buffer> operands, size_t results) {
  const auto plan = sim.device->MakePlan(op, 16, cuda::kLibraryWorkspaceBytes);
  operands.push_back(sim.Make(results * sizeof(float)));
  EXPECT_GE(plan->variants(), 1);
  for (int v = 0; v < plan->variants(); ++v) {
    const Buffer workspace = plan->workspace_bytes(v) ? sim.Make(plan->workspace_bytes(v)) : Buffer{};
    sim.device->Execute(*sim.stream, *plan, v, operands, workspace);
    const auto restored = sim.device->RestorePlan(op, plan->Blob(v));
    EXPECT_EQ(restored->workspace_bytes(0), plan->workspace_bytes(v));
  }
  return sim.Read<float>(operands.back());
}

TEST(SimLibrary, Products) {
  Sim sim(1);
  // a (2,3), b (3,2): a b = (22 28, 49 64); both stored transposed as well.
  const Buffer a = Upload(sim, {1, 2, 3, 4, 5, 6}), b = Upload(sim, {1, 2, 3, 4, 5, 6});
  const Buffer at = Upload(sim, {1, 4, 2, 5, 3, 6}), bt = Upload(sim, {1, 3, 5, 2, 4, 6});
  const Buffer bias = Upload(sim, {-30, 1}), residual = Upload(sim, {1, 2, 3, 4});
  cuda::GemmDescription d{.m = 2, .n = 2, .k = 3, .a_row = 3, .b_row = 2, .y_row = 2};
  EXPECT_EQ(RunAll(sim, d, {a, b}, 4), (std::vector<float>{22, 28, 49, 64}));
  cuda::GemmDescription t = d;
  t.transpose_a = t.transpose_b = true;
  t.a_row = 2;
  t.b_row = 3;
  EXPECT_EQ(RunAll(sim, t, {at, bt}, 4), (std::vector<float>{22, 28, 49, 64}));
  d.has_bias = d.has_residual = true;
  d.activation = cuda::Activation::kRelu;
  d.alpha = 2;
  EXPECT_EQ(RunAll(sim, d, {a, b, bias, residual}, 4), (std::vector<float>{15, 59, 71, 133}));
  cuda::GemmDescription wrong = d;
  wrong.type = DType::kUint8;
  EXPECT_THROW(sim.device->MakePlan(wrong, 1, cuda::kLibraryWorkspaceBytes), Error);
}

TEST(SimLibrary, ConvolutionsAndPools) {
  Sim sim(2);
  const Buffer x = Upload(sim, {1, 2, 3, 4, 5, 6, 7, 8, 9}), w = Upload(sim, {1, 0, 0, 1}), bias = Upload(sim, {-7});
  cuda::ConvolutionDescription d{.n = 1, .c = 1, .k = 1};
  d.in = {3, 3, 1};
  d.out = {2, 2, 1};
  d.window = {2, 2, 1};
  EXPECT_EQ(RunAll(sim, d, {x, w}, 4), (std::vector<float>{6, 8, 12, 14}));
  d.has_bias = true;
  d.activation = cuda::Activation::kRelu;
  EXPECT_EQ(RunAll(sim, d, {x, w, bias}, 4), (std::vector<float>{0, 1, 5, 7}));
  cuda::PoolDescription p{.n = 1, .c = 1};
  p.in = {3, 3, 1};
  p.out = {2, 2, 1};
  p.window = {2, 2, 1};
  EXPECT_EQ(RunAll(sim, p, {x}, 4), (std::vector<float>{5, 6, 8, 9}));
  p.average = true;
  EXPECT_EQ(RunAll(sim, p, {x}, 4), (std::vector<float>{3, 4, 6, 7}));
}

TEST(SimLibrary, RefusesAndReports) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Sim sim(seed);
    const Buffer a = sim.Ramp<float>(6), b = sim.Ramp<float>(6), y = sim.Make(16), fresh = sim.Make(24);
    const cuda::GemmDescription d{.m = 2, .n = 2, .k = 3, .a_row = 3, .b_row = 2, .y_row = 2};
    auto plan = sim.device->MakePlan(d, 16, cuda::kLibraryWorkspaceBytes);
    const Buffer workspace = sim.Make(1 << 20);
    for (int v = 0; v < plan->variants(); ++v) {
      if (plan->workspace_bytes(v) == 0) continue;
      EXPECT_THROW(sim.device->Execute(*sim.stream, *plan, v, std::vector<Buffer>{a, b, y}, Buffer{}), Error);
    }
    EXPECT_THROW(sim.device->Execute(*sim.stream, *plan, 0, std::vector<Buffer>{a, b, {y.data, 8}}, workspace), Error);
    const std::string report = ReportOf(sim, [&] {
      sim.device->Execute(*sim.stream, *plan, 0, std::vector<Buffer>{a, fresh, y}, workspace);
    });
    EXPECT_NE(report.find("uninitialised: operand 1 of a library's operation"), std::string::npos) << report;
    // Another stream still uses the workspace, or the result.
    const auto other = sim.device->MakeStream(false);
    const std::string race = ReportOf(sim, [&] {
      sim.device->Execute(*sim.stream, *plan, 0, std::vector<Buffer>{a, b, y}, workspace);
      LaunchIncrement(*other, y, fresh, 4);
      sim.device->Synchronize(*other);
    });
    EXPECT_NE(race, "") << "the result is read without an order";
  }
}

TEST(SimModule, CompilesAndRunsSource) {
  Sim sim(1);
  const Buffer x = sim.Ramp<float>(128), y = sim.Make(512);
  const auto module = sim.device->Compile(R"(
    extern "C" __attribute__((visibility("default"))) __global__ void Twice(const float* x, float* y, long n) {
      const long i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i <= n) y[i] = 2 * x[i];
    })",
                                          "twice");
  const void* twice = module->Function("Twice");
  ASSERT_NE(twice, nullptr);
  EXPECT_EQ(module->Function("Thrice"), nullptr);
  const auto again = sim.device->LoadModule(module->Binary());
  EXPECT_NE(again->Function("Twice"), nullptr);
  auto run = [&](int64_t n) {
    cuda::LaunchFunction<cuda::In<float>, cuda::Out<float>, int64_t>(*sim.stream, {.grid = {2}, .block = {64}}, twice,
                                                                     x, y, n);
  };
  run(127);
  EXPECT_EQ(sim.Read<float>(y)[5], 10.0f);
  const std::string report = ReportOf(sim, [&] {
    cuda::LaunchFunction<cuda::In<float>, cuda::Out<float>, int64_t>(*sim.stream, {.grid = {3}, .block = {64}}, twice,
                                                                     x, y, int64_t{128});
  });
  EXPECT_NE(report.find("out of bounds"), std::string::npos) << report;
  const auto bounded = sim.device->Compile(
      "extern \"C\" __attribute__((visibility(\"default\"))) __global__ void __launch_bounds__(64) Few(float* y) { "
      "y[threadIdx.x] = 1; }",
      "few");
  for (const auto& module : {std::ref(*bounded), std::ref(*again)}) {
    const bool few = &module.get() == bounded.get();
    const void* const function = module.get().Function(few ? "Few" : "Twice");
    const std::string refusal = ReportOf(sim, [&] {
      if (few)
        cuda::LaunchFunction<cuda::Out<float>>(*sim.stream, {.grid = {1}, .block = {96}}, function, y);
      else
        cuda::LaunchFunction<cuda::In<float>, cuda::Out<float>, int64_t>(*sim.stream, {.grid = {1}, .block = {96}},
                                                                         function, x, y, int64_t{95});
    });
    EXPECT_EQ(refusal.find("a block of 96 threads, more than its __launch_bounds__(64)") != std::string::npos, few)
        << refusal;
  }
  EXPECT_THROW(sim.device->Compile("this is not a kernel", "broken"), Error);
}

}  // namespace
}  // namespace onda::cuda_sim
