// Each planted defect is reported with kernel, thread and buffer; legal controls raise no alarm.
#include "tests/cuda_sim/fixture.h"

namespace onda::cuda_sim {
namespace {

constexpr uint64_t kSeeds = 5;

std::string ReportOfKernel(const std::string& name, uint64_t seed) {
  Sim sim(seed);
  const bool integers = name.starts_with("LastBlock") || name == "Scan";
  const cuda::Buffer x = integers ? sim.Ramp<int32_t>(128) : sim.Ramp<float>(128);
  const cuda::Buffer y = sim.Make(512), z = sim.Zeros(512);
  return ReportOf(sim, [&] { LaunchDefect(name, *sim.stream, x, y, z); });
}

struct Planted {
  const char* kernel;
  std::vector<const char*> words;  // all in the report
};

TEST(SimDefects, AreReportedWithKernelThreadAndBuffer) {
  const Planted planted[] = {
      {"OnePastTheEnd",
       {"kernel cuda_sim::OnePastTheEnd", "thread (63,0,0)", "buffer 1 (512 bytes), byte 512", "parameter 0"}},
      {"ReadsItsOutput", {"uninitialised", "ReadsItsOutput", "thread (", "buffer 2 (512 bytes)", "parameter 1"}},
      {"WritesItsInput", {"not declared", "WritesItsInput", "buffer 1 (512 bytes)"}},
      {"MissingBarrier", {"ReverseBlocks", "thread (", "shared variable tile (256 bytes)"}},
      {"UnwrittenShared", {"uninitialised", "thread (63,0,0)", "shared variable tile (256 bytes), byte 252"}},
      {"DynamicOverflow", {"out of bounds", "dynamic shared memory, byte 3", "thread ("}},
      {"DivergedBarrier", {"diverged barrier", "DivergedBarrier", "different barriers", "thread (0,0,0)"}},
      {"BarrierAfterReturn", {"diverged barrier", "thread (40,0,0) has returned"}},
      {"MaskWithoutCaller", {"mask 0000ffff does not name the calling lane", "thread ("}},
      {"MaskOfReturned", {"mask ffffffff", "MaskOfReturned", "thread ("}},
      {"LaneOutsideMask", {"reads lane 20, which takes no part", "LaneOutsideMask"}},
      {"MasksThatDiffer", {"MasksThatDiffer", "mask ffffffff", "thread ("}},
      {"LanesWithoutSync", {"shared variable slot (128 bytes)", "LanesWithoutSync"}},
      {"BlocksTogether", {"race", "BlocksTogether", "of block (", "buffer 2"}},
      {"PlainAgainstAtomic", {"race", "PlainAgainstAtomic", "buffer 3"}},
      {"LastBlockWithoutFence", {"race", "LastBlockSums", "of block ("}},
      {"Misaligned", {"not aligned", "Misaligned", "thread (0,0,0)"}},
      {"TooManyThreads", {"Increment cannot be launched with a block of (1056,1,1) threads"}},
      {"TallGrid", {"Increment cannot be launched with a grid of (1,65536,1) blocks"}},
      {"DeepGrid", {"Increment cannot be launched with a grid of (1,1,65536) blocks"}},
      {"DeepBlock", {"Increment cannot be launched with a block of (1,1,128) threads"}},
      {"PastItsBounds", {"Bounded cannot be launched with a block of 96 threads, more than its __launch_bounds__(64)"}},
      {"MuchStaticShared", {"MuchShared<12320>: variables of 49280 bytes in shared memory"}},
      {"MuchSharedTogether",
       {"MuchShared<4096> cannot be launched with 225280 bytes of shared memory beside variables of 16384"}},
      {"TooMuchShared", {"Increment cannot be launched with 307200 bytes of shared memory"}},
  };
  for (const Planted& p : planted) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const std::string report = ReportOfKernel(p.kernel, seed);
      for (const char* word : p.words) EXPECT_NE(report.find(word), std::string::npos) << p.kernel << ": " << report;
    }
  }
}

TEST(SimDefects, LegalControlsRaiseNoAlarm) {
  for (const char* name : {"WithBarrier", "DynamicFits", "LanesWithSync", "BlocksAtomic", "LastBlockSums", "Bytes",
                           "Scan", "WithinItsBounds", "SharedFits"})
    for (uint64_t seed = 0; seed < kSeeds; ++seed) EXPECT_EQ(ReportOfKernel(name, seed), "") << name;
}

TEST(SimDefects, ScansAndReductionsAreRight) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Sim sim(seed);
    const cuda::Buffer x = sim.Ramp<int32_t>(128), y = sim.Make(512), z = sim.Zeros(512);
    LaunchDefect("LastBlockSums", *sim.stream, x, y, z);
    EXPECT_EQ(sim.Read<int32_t>({y.data, 4}), std::vector<int32_t>{127 * 64});
    LaunchDefect("Scan", *sim.stream, x, y, z);
    const std::vector<int32_t> scan = sim.Read<int32_t>(y);
    for (int32_t i = 0; i < 128; ++i) EXPECT_EQ(scan[static_cast<size_t>(i)], i * (i - 1) / 2);
    EXPECT_EQ(sim.Read<int32_t>({z.data, 4}), std::vector<int32_t>{127 * 64});
  }
}

// Two streams: y = x + 1 on one, z = y + 1 on the other.
std::string ReportOfTwoStreams(uint64_t seed, bool event) {
  Sim sim(seed);
  const cuda::Buffer x = sim.Ramp<float>(128), y = sim.Zeros(512), z = sim.Make(512);
  const auto other = sim.device->MakeStream(false);
  const auto done = sim.device->MakeEvent(false);
  return ReportOf(sim, [&] {
    LaunchIncrement(*sim.stream, x, y, 128);
    sim.device->Record(*done, *sim.stream);
    if (event) sim.device->Wait(*other, *done);
    LaunchIncrement(*other, y, z, 128);
    sim.device->Synchronize(*other);
  });
}

TEST(SimDefects, AMissingEvent) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    EXPECT_EQ(ReportOfTwoStreams(seed, true), "");
    const std::string report = ReportOfTwoStreams(seed, false);
    for (const char* word :
         {"race", "kernel cuda_sim::Increment", "thread (", "buffer 2 (512 bytes)", "without an order between them"})
      EXPECT_NE(report.find(word), std::string::npos) << report;
  }
}

// A buffer that is read on one stream is overwritten on another.
TEST(SimDefects, ABufferReusedTooEarly) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed)
    for (const bool ordered : {true, false}) {
      Sim sim(seed);
      const cuda::Buffer x = sim.Ramp<float>(128), y = sim.Make(512);
      const auto other = sim.device->MakeStream(false);
      const std::string report = ReportOf(sim, [&] {
        LaunchIncrement(*sim.stream, x, y, 128);
        if (ordered) {
          const auto read = sim.device->MakeEvent(false);
          sim.device->Record(*read, *sim.stream);
          sim.device->Wait(*other, *read);
        }
        sim.device->Fill(x.data, 0, x.bytes, *other);
        sim.device->Synchronize(*other);
      });
      EXPECT_EQ(report.empty(), ordered) << report;
      EXPECT_EQ(report.find("buffer 1 (512 bytes)") == std::string::npos, ordered) << report;
    }
}

TEST(SimDefects, FreedAndForeignMemory) {
  Sim sim(3);
  const cuda::Buffer x = sim.Ramp<float>(128), y = sim.Make(512);
  void* gone = sim.device->Allocate(512);
  const auto never = sim.device->MakeEvent(false);
  const std::string report = ReportOf(sim, [&] {
    for (int i = 0; i < 20; ++i) LaunchIncrement(*sim.stream, x, {gone, 512}, 128);
    sim.device->Free(gone);
  });
  EXPECT_NE(report.find("is not live device memory"), std::string::npos) << report;
  std::vector<float> host(128);
  const std::string foreign = ReportOf(sim, [&] { LaunchIncrement(*sim.stream, {host.data(), 512}, y, 128); });
  EXPECT_NE(foreign.find("parameter 0 is not device memory"), std::string::npos) << foreign;
  EXPECT_THROW(sim.device->Free(gone), Error);
  EXPECT_THROW(sim.device->Allocate(size_t{1} << 40), Error);
}

TEST(SimDefects, UninitialisedCopyToTheHost) {
  Sim sim(1);
  const cuda::Buffer y = sim.Make(512);
  std::vector<float> host(128);
  const std::string report =
      ReportOf(sim, [&] { sim.device->Copy(host.data(), y.data, 512, kOndaDeviceToHost, *sim.stream); });
  EXPECT_NE(report.find("uninitialised: a copy of 512 bytes reads buffer 1"), std::string::npos) << report;
}

using SimDefectsDeathTest = testing::Test;

TEST(SimDefectsDeathTest, TheHostTouchesDeviceMemory) {
  Sim sim(1);
  const cuda::Buffer x = sim.Ramp<float>(128);
  EXPECT_DEATH({ static_cast<volatile float*>(x.data)[3] = 1; },
               "host code writes device memory: buffer 1 \\(512 bytes\\), byte 12");
}

TEST(SimDefectsDeathTest, TheHostReadsBeforeItSynchronises) {
  // Copies may have run by themselves; a seed with which this one has not.
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Sim sim(seed);
    const cuda::Buffer x = sim.Ramp<float>(128), y = sim.Make(512);
    char* pinned = static_cast<char*>(sim.device->AllocateHost(4096));
    const auto wait = sim.device->MakeEvent(false);
    LaunchIncrement(*sim.stream, x, y, 128);
    WorldOf(*sim.device).random().seed(seed == 0 ? 4 : seed);
    sim.device->Copy(pinned + 100, y.data, 512, kOndaDeviceToHost, *sim.stream);
    if (WorldOf(*sim.device).IsIdle()) {
      sim.device->FreeHost(pinned);
      continue;
    }
    EXPECT_DEATH({ [[maybe_unused]] volatile char c = pinned[104]; },
                 "host code reads byte 4 of pinned memory while a copy of 512 bytes is pending");
    pinned[99] = 1;  // its neighbours are the host's
    sim.device->Synchronize(*sim.stream);
    EXPECT_EQ(*reinterpret_cast<float*>(pinned + 104), 2.0f);
    sim.device->FreeHost(pinned);
    return;
  }
  FAIL() << "every copy ran at once";
}

TEST(SimDefectsDeathTest, TheHostOverwritesWhatACopyReads) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Sim sim(seed);
    const cuda::Buffer y = sim.Make(512);
    char* pinned = static_cast<char*>(sim.device->AllocateHost(4096));
    sim.device->Copy(y.data, pinned, 512, kOndaHostToDevice, *sim.stream);
    if (WorldOf(*sim.device).IsIdle()) {
      sim.device->FreeHost(pinned);
      continue;
    }
    EXPECT_DEATH({ pinned[4] = 1; }, "host code writes byte 4 of pinned memory while a copy of 512 bytes is pending");
    EXPECT_EQ(pinned[4], '\xcb');  // reading is fine
    sim.device->Synchronize(*sim.stream);
    pinned[4] = 1;
    sim.device->FreeHost(pinned);
    return;
  }
  FAIL() << "every copy ran at once";
}

}  // namespace
}  // namespace onda::cuda_sim
