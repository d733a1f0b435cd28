// Choosing library plans: by time, from a file, by heuristics; and what a damaged or shared file does.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "kernels/device/library_plans.h"
#include "providers/cuda/library_op_text.h"
#include "providers/cuda/plan_tuner.h"
#include "tests/cuda_sim/fixture.h"

namespace onda::cuda_sim {
namespace {

using cuda::Buffer;
using cuda::PlanCache;
using cuda::PlanTuner;
using cuda::StoredPlan;
using cuda::TuningOptions;

// A folder that goes with the test, and the warnings that were given.
struct Scene {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      ("onda_tuning_" + std::to_string(getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name());
  std::string file = folder / "sub" / "plans";
  std::vector<std::string> warnings;

  Scene() { std::filesystem::remove_all(folder); }
  ~Scene() { std::filesystem::remove_all(folder); }
  PlanCache::Warn Warn() {
    return [this](const std::string& text) { warnings.push_back(text); };
  }
  TuningOptions Options(bool tuning) { return {.tuning = tuning, .cache = file, .milliseconds = 1e6, .warn = Warn()}; }
  std::string Bytes() const {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void SetBytes(const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }
};

const cuda::GemmDescription kProduct{.m = 4, .n = 6, .k = 8, .a_row = 8, .b_row = 6, .y_row = 6};

// Of kProduct; the addresses are not to be touched.
std::vector<Buffer> Operands() {
  static char nowhere[3];
  return {{nowhere, 128}, {nowhere + 1, 192}, {nowhere + 2, 96}};
}

// The simulated microseconds of what is chosen.
unsigned Chosen(PlanTuner& tuner, cuda::Device& device, bool may_wait = true) {
  const cuda::ChosenPlan chosen = tuner.Choose(device, kProduct, Operands(), cuda::kLibraryWorkspaceBytes, may_wait);
  size_t workspace = 0;
  unsigned microseconds = 0;
  EXPECT_EQ(std::sscanf(chosen.plan->Blob(chosen.variant).c_str(), "sim %zu %u", &workspace, &microseconds), 2);
  return microseconds;
}

TEST(Tuning, TheFastestIsChosenAndKept) {
  Scene scene;
  const Sim slow({.seed = 1, .plan_microseconds = {400, 90, 700, 80, 85}});
  {
    PlanTuner tuner(slow.device->properties(), scene.Options(true));
    EXPECT_EQ(Chosen(tuner, *slow.device), 80u);
    EXPECT_EQ(Chosen(tuner, *slow.device), 80u);
  }
  // Another process: what is stored is not timed again, whether tuning is on or not.
  const Sim other({.seed = 2, .plan_microseconds = {1}});
  for (const bool tuning : {false, true}) {
    PlanTuner tuner(other.device->properties(), scene.Options(tuning));
    EXPECT_EQ(Chosen(tuner, *other.device), 80u);
  }
  // Another driver: what was stored does not hold.
  cuda::Properties newer = other.device->properties();
  newer.driver_version += 10;
  PlanTuner tuner(newer, scene.Options(false));
  EXPECT_EQ(Chosen(tuner, *other.device), 1u);
  EXPECT_TRUE(scene.warnings.empty()) << scene.warnings[0];
}

TEST(Tuning, WithoutItTheLibraryChooses) {
  Scene scene;
  const Sim sim({.seed = 1, .plan_microseconds = {400, 90}});
  PlanTuner off(sim.device->properties(), scene.Options(false));
  EXPECT_EQ(Chosen(off, *sim.device), 400u);
  PlanTuner on(sim.device->properties(), scene.Options(true));
  EXPECT_EQ(Chosen(on, *sim.device, false), 400u) << "a capture must not wait";
  EXPECT_EQ(Chosen(on, *sim.device), 90u);
  // No memory for scratch operands.
  const Sim small({.seed = 1, .memory = 512, .plan_microseconds = {400, 90}});
  PlanTuner poor(small.device->properties(), {.tuning = true, .cache = "", .warn = {}});
  EXPECT_EQ(Chosen(poor, *small.device), 400u);
}

TEST(Tuning, ANodeTakesTheWorkspaceOfItsPlan) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Sim sim(seed);
    sim.device->set_plan_chooser(std::make_shared<PlanTuner>(
        sim.device->properties(), TuningOptions{.tuning = true, .cache = "", .milliseconds = 1e6, .warn = {}}));
    const Buffer a = sim.Ramp<float>(32), b = sim.Ramp<float>(48), y = sim.Make(96);
    cuda::LibraryPlans plans;
    EXPECT_EQ(plans.WorkspaceBytes(kProduct), cuda::kLibraryWorkspaceBytes);
    const Buffer workspace = sim.Make(cuda::kLibraryWorkspaceBytes);
    OndaLaunch launch{};
    launch.size = sizeof(launch);
    launch.workspace = workspace.data;
    cuda::StreamHandle stream{sim.device->MakeStream(false)};
    launch.stream = &stream;
    plans.Execute(LaunchArgs(launch), kProduct, std::vector<Buffer>{a, b, y});
    sim.device->Synchronize(*stream.stream);
    const std::vector<float> first = sim.Read<float>(y);
    EXPECT_EQ(first[0], 8 * (0 + 1 * 1 + 2 * 2 + 3 * 3 + 4 * 4 + 5 * 5 + 6 * 6 + 7 * 7) - 2 * 140.0f);
    const size_t bytes = plans.WorkspaceBytes(kProduct);
    EXPECT_LE(bytes, size_t{256} * 1000);
    const Buffer exact = bytes ? sim.Make(bytes) : Buffer{};
    launch.workspace = exact.data;
    plans.Execute(LaunchArgs(launch), kProduct, std::vector<Buffer>{a, b, y});
    sim.device->Synchronize(*stream.stream);
    EXPECT_EQ(sim.Read<float>(y), first);
  }
}

TEST(Tuning, DamagedFilesAreIgnoredAndReplaced) {
  Scene scene;
  const Sim sim({.seed = 1, .plan_microseconds = {400, 90}});
  auto tune = [&] {
    PlanTuner tuner(sim.device->properties(), scene.Options(true));
    EXPECT_EQ(Chosen(tuner, *sim.device), 90u);
  };
  tune();
  const std::string good = scene.Bytes();
  ASSERT_GT(good.size(), 100u);
  std::vector<std::string> damaged{"", "x", good + good, std::string(100000, '\xff')};
  for (size_t i = 0; i < good.size(); i += 7) {
    damaged.push_back(good.substr(0, i));
    damaged.push_back(good);
    damaged.back()[i] = static_cast<char>(damaged.back()[i] ^ 0x41);
  }
  for (const std::string& bytes : damaged) {
    scene.SetBytes(bytes);
    scene.warnings.clear();
    tune();
    ASSERT_EQ(scene.warnings.size(), 1u) << bytes.size();
    EXPECT_NE(scene.warnings[0].find("is not used"), std::string::npos) << scene.warnings[0];
    EXPECT_EQ(scene.Bytes().size(), good.size());
  }
  // A plan that the library does not take is chosen anew.
  std::filesystem::remove(scene.file);
  {
    PlanCache cache(scene.file, scene.Warn());
    cache.Put(PlanTuner::Environment(sim.device->properties()) + "; workspace " +
                  std::to_string(cuda::kLibraryWorkspaceBytes) + "; " + cuda::TextOf(kProduct),
              {"not a plan", true, 1});
  }
  scene.warnings.clear();
  tune();
  EXPECT_EQ(scene.warnings.size(), 1u);
}

TEST(Tuning, AFolderOrAReadOnlyPlaceIsAWarning) {
  Scene scene;
  std::filesystem::create_directories(scene.file);
  {
    PlanCache cache(scene.file, scene.Warn());
    EXPECT_FALSE(cache.Find("a"));
    cache.Put("a", {"blob", true, 1});
    EXPECT_TRUE(cache.Find("a"));
  }
  EXPECT_EQ(scene.warnings.size(), 1u);
  scene.warnings.clear();
  { PlanCache("/proc/nowhere/plans", scene.Warn()).Put("a", {"blob", true, 1}); }
  EXPECT_EQ(scene.warnings.size(), 1u);
}

TEST(Tuning, ProcessesShareAFile) {
  Scene scene;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 10; ++i) {
        PlanCache cache(scene.file, {});
        cache.Put(std::to_string(w) + "." + std::to_string(i), {std::string(1000, 'x'), true, 1});
        cache.Put("shared", {"plan of " + std::to_string(w), w % 2 == 0, 1});
      }
    });
  for (std::thread& t : writers) t.join();
  PlanCache cache(scene.file, scene.Warn());
  for (int w = 0; w < 4; ++w)
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(cache.Find(std::to_string(w) + "." + std::to_string(i))) << w << "." << i;
  EXPECT_TRUE(cache.Find("shared")->timed) << "what was timed is not replaced by what was not";
  EXPECT_TRUE(scene.warnings.empty());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(scene.file).parent_path()))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 2u) << "the file and its lock, nothing temporary";
}

TEST(Tuning, TextsTellOperationsApart) {
  std::set<std::string> texts;
  int count = 0;
  auto add = [&](const cuda::LibraryOp& op) { texts.insert(cuda::TextOf(op)), ++count; };
  auto with = [&](auto d, auto&& change) { change(d), add(d); };
  cuda::GemmDescription g;
  add(g);
  with(g, [](auto& d) { d.m = 1; });
  with(g, [](auto& d) { d.n = 1; });
  with(g, [](auto& d) { d.a_row = 1; });
  with(g, [](auto& d) { d.y_batch = 1; });
  with(g, [](auto& d) { d.type = DType::kFloat16; });
  with(g, [](auto& d) { d.out = DType::kFloat16; });
  with(g, [](auto& d) { d.alpha = 1.0000001f; });
  with(g, [](auto& d) { d.transpose_a = true; });
  with(g, [](auto& d) { d.has_residual = true; });
  with(g, [](auto& d) { d.tf32 = true; });
  with(g, [](auto& d) { d.activation = cuda::Activation::kRelu; });
  cuda::ConvolutionDescription c;
  add(c);
  with(c, [](auto& d) { d.pad_end[1] = 1; });
  with(c, [](auto& d) { d.channels_last = true; });
  with(c, [](auto& d) { d.dilation[0] = 2; });
  cuda::PoolDescription p;
  add(p);
  with(p, [](auto& d) { d.average = true; });
  cuda::AttentionDescription a;
  add(a);
  with(a, [](auto& d) { d.causal = true; });
  with(a, [](auto& d) { d.mask_stride[3] = 1; });
  EXPECT_EQ(texts.size(), static_cast<size_t>(count));
}

}  // namespace
}  // namespace onda::cuda_sim
