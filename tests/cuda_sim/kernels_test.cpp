// Runs the cases of every operator family with the CUDA kernels on the simulator and holds them to the references.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "kernels/cuda_table.h"
#include "kernels/op_table.h"
#include "tests/cuda_sim/sim_provider.h"
#include "tests/kernels/family_cases.h"
#include "tests/kernels/is_random.h"

namespace onda::cuda_sim {
namespace {

uint64_t Seed() {
  const char* given = std::getenv("ONDA_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : static_cast<uint64_t>(time(nullptr)) / 86400;
}

TEST(SimKernels, EveryCaseAgreesWithTheReference) {
  const uint64_t seed = Seed();
  std::printf("ONDA_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::set<std::string> reached;
  int on_device = 0, cases = 0;
  for (const FamilyCase& c : AllFamilyCases()) {
    SCOPED_TRACE(std::string(c.family) + "_" + std::to_string(c.index) + ": " + c.test->graph);
    const Model model = ModelOfCase(*c.test);
    LoadOptions options;
    options.fold_constants = false;
    options.place.by_cost = false;
    LoadOptions plain = options;
    plain.host_kernels = ReferenceKernels;
    options.devices = {std::make_shared<const ProviderInstance>(
        SimProvider(), "cuda",
        std::vector<std::pair<std::string, std::string>>{{"seed", std::to_string(seed * 1000 + c.index)}})};
    const InferenceSession ours(model, options);
    int placed = 0;
    for (const PlacementEntry& entry : ours.Placement()) {
      if (entry.provider != "cuda" || entry.op.starts_with("Memcpy")) continue;
      reached.insert(entry.op);
      ++placed;
    }
    if (placed == 0) continue;
    on_device += placed;
    ++cases;
    try {
      const InferenceSession reference(model, plain);
      if (IsRandom(reference.graph())) continue;
      const std::vector<RuntimeValue> expected = OutputsOfCase(reference, *c.test),
                                      actual = OutputsOfCase(ours, *c.test);
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) ExpectClose(actual[i], expected[i], *c.test, ours.outputs()[i].name);
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
  std::printf("%d nodes of %d cases ran on the simulator\n", on_device, cases);
  std::string missed;
  for (const OndaKernelDef* def : CudaKernels())
    if (!reached.contains(def->op) && !reached.contains(std::string(def->domain) + "." + def->op))
      missed += std::string(" ") + def->op;
  EXPECT_EQ(missed, "") << "CUDA kernels that no case reaches";
}

}  // namespace
}  // namespace onda::cuda_sim
