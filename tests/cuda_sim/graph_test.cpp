// Capture: what it keeps and what it refuses.
#include "tests/cuda_sim/fixture.h"

namespace onda::cuda_sim {
namespace {

TEST(SimGraph, RunsWhatWasCapturedWithPatchedCopies) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Sim sim(seed);
    cuda::Device& d = *sim.device;
    const cuda::Buffer in = sim.Ramp<float>(128), other_in = sim.Zeros(512);
    const cuda::Buffer x = sim.Make(512), a = sim.Make(512), b = sim.Make(512);
    const auto side = d.MakeStream(false);
    const auto fork = d.MakeEvent(false), join = d.MakeEvent(false);
    d.BeginCapture(*sim.stream);
    EXPECT_TRUE(d.IsCapturing(*sim.stream));
    d.Copy(x.data, in.data, 512, kOndaDeviceToDevice, *sim.stream);
    const cuda::CapturedNode copy = d.LastCaptured(*sim.stream);
    d.Record(*fork, *sim.stream);
    d.Wait(*side, *fork);
    LaunchIncrement(*sim.stream, x, a, 128);
    LaunchIncrement(*side, x, b, 128);
    d.Record(*join, *side);
    d.Wait(*sim.stream, *join);
    LaunchIncrement(*sim.stream, b, x, 128);
    const auto graph = d.EndCapture(*sim.stream);
    EXPECT_FALSE(d.IsCapturing(*side));
    const auto executable = d.Instantiate(*graph);
    d.Upload(*executable, *sim.stream);
    d.LaunchGraph(*executable, *sim.stream);
    EXPECT_EQ(sim.Read<float>(x)[7], 9.0f);
    EXPECT_EQ(sim.Read<float>(a)[7], 8.0f);
    d.PatchCopy(*executable, copy, x.data, other_in.data, 512, kOndaDeviceToDevice);
    d.LaunchGraph(*executable, *sim.stream);
    d.LaunchGraph(*executable, *sim.stream);
    EXPECT_EQ(sim.Read<float>(x)[7], 2.0f);
    EXPECT_TRUE(d.Update(*executable, *graph));
    d.LaunchGraph(*executable, *sim.stream);
    EXPECT_EQ(sim.Read<float>(x)[7], 9.0f);
  }
}

TEST(SimGraph, AMissingEventInsideIsARace) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Sim sim(seed);
    cuda::Device& d = *sim.device;
    const cuda::Buffer x = sim.Ramp<float>(128), a = sim.Zeros(512), b = sim.Make(512);
    const auto side = d.MakeStream(false);
    const auto fork = d.MakeEvent(false), join = d.MakeEvent(false);
    d.BeginCapture(*sim.stream);
    d.Record(*fork, *sim.stream);
    d.Wait(*side, *fork);
    LaunchIncrement(*sim.stream, x, a, 128);
    LaunchIncrement(*side, a, b, 128);
    d.Record(*join, *side);
    d.Wait(*sim.stream, *join);
    const auto graph = d.EndCapture(*sim.stream);
    const auto executable = d.Instantiate(*graph);
    const std::string report = ReportOf(sim, [&] { d.LaunchGraph(*executable, *sim.stream); });
    EXPECT_NE(report.find("race: "), std::string::npos) << report;
  }
}

TEST(SimGraph, ALoopOnTheDevice) {
  Sim sim(2);
  cuda::Device& d = *sim.device;
  const cuda::Buffer n = sim.Zeros(4), x = sim.Ramp<float>(128), y = sim.Make(512);
  d.Fill(n.data, 0, 4, *sim.stream);
  const auto body = d.MakeStream(false);
  d.BeginCapture(*sim.stream);
  d.Fill(n.data, 0, 4, *sim.stream);
  d.Fill(n.data, 5, 1, *sim.stream);
  const cuda::Condition go_on = d.MakeCondition(*sim.stream, true);
  d.BeginBody(*sim.stream, go_on, cuda::ConditionKind::kWhile, *body);
  LaunchIncrement(*body, x, y, 128);
  d.Copy(x.data, y.data, 512, kOndaDeviceToDevice, *body);
  LaunchCountDown(*body, n, go_on);
  d.EndBody(*body);
  LaunchIncrement(*sim.stream, x, y, 128);
  const auto graph = d.EndCapture(*sim.stream);
  const auto executable = d.Instantiate(*graph);
  d.LaunchGraph(*executable, *sim.stream);
  EXPECT_EQ(sim.Read<float>(y)[3], 9.0f);
  d.LaunchGraph(*executable, *sim.stream);
  EXPECT_EQ(sim.Read<float>(y)[3], 14.0f);
}

TEST(SimGraph, CallsThatACaptureDoesNotAllow) {
  Sim sim(1);
  cuda::Device& d = *sim.device;
  const cuda::Buffer x = sim.Ramp<float>(128), y = sim.Make(512);
  const auto side = d.MakeStream(false);
  const auto before = d.MakeEvent(false), fork = d.MakeEvent(false);
  d.Record(*before, *side);
  auto refused = [&](auto&& call) {
    d.BeginCapture(*sim.stream);
    LaunchIncrement(*sim.stream, x, y, 128);
    std::string why;
    try {
      call();
    } catch (const Error& e) {
      why = e.what();
    }
    try {
      d.EndCapture(*sim.stream);
    } catch (const Error& e) {
      why += std::string("; ") + e.what();
    }
    return why;
  };
  EXPECT_EQ(refused([&] {}), "");
  EXPECT_NE(refused([&] { d.Allocate(64); }).find("an allocation during a capture"), std::string::npos);
  EXPECT_NE(refused([&] { d.Free(sim.memory[0]); }).find("a free during a capture"), std::string::npos);
  const std::string sync = refused([&] { d.Synchronize(*sim.stream); });
  EXPECT_NE(sync.find("waits for a stream that is being captured"), std::string::npos) << sync;
  EXPECT_NE(sync.find("the capture cannot be ended"), std::string::npos) << sync;
  EXPECT_NE(refused([&] { d.IsDone(*sim.stream); }).find("asks about a stream"), std::string::npos);
  EXPECT_NE(refused([&] { d.Wait(*sim.stream, *before); }).find("not recorded in the capture"), std::string::npos);
  EXPECT_NE(refused([&] {
              d.Record(*fork, *sim.stream);
              d.Synchronize(*fork);
            }).find("event that was recorded in a capture"),
            std::string::npos);
  EXPECT_NE(refused([&] {
              d.Record(*fork, *sim.stream);
              d.Wait(*side, *fork);
              LaunchIncrement(*side, x, y, 128);
            }).find("was not joined again"),
            std::string::npos);
  EXPECT_NE(refused([&] { d.BeginCapture(*sim.stream); }).find("captured already"), std::string::npos);
  EXPECT_THROW(d.EndCapture(*sim.stream), Error);
  // After all that the device works.
  LaunchIncrement(*sim.stream, x, y, 128);
  EXPECT_EQ(sim.Read<float>(y)[1], 2.0f);
}

TEST(SimGraph, HostCopiesInABodyAreRefused) {
  Sim sim(1);
  cuda::Device& d = *sim.device;
  const cuda::Buffer x = sim.Ramp<float>(128);
  std::vector<float> host(128);
  const auto body = d.MakeStream(false);
  d.BeginCapture(*sim.stream);
  const cuda::Condition once = d.MakeCondition(*sim.stream, true);
  d.BeginBody(*sim.stream, once, cuda::ConditionKind::kIf, *body);
  d.Copy(host.data(), x.data, 512, kOndaDeviceToHost, *body);
  EXPECT_THROW(d.EndBody(*body), Error);
  d.EndCapture(*sim.stream);
}

}  // namespace
}  // namespace onda::cuda_sim
