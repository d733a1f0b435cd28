// Runs the cases of every operator family on the CPU provider and holds them to the reference kernels.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/session.h"
#include "kernels/op_table.h"
#include "tests/kernels/family_cases.h"

namespace onda {
namespace {

class FamilyCases : public testing::TestWithParam<FamilyCase> {};

TEST_P(FamilyCases, CpuAgreesWithReference) {
  const Case& test = *GetParam().test;
  SCOPED_TRACE(test.graph);
  const Model model = ModelOfCase(test);
  LoadOptions plain;
  plain.host_kernels = ReferenceKernels;
  const InferenceSession ours(model, {}), reference(model, plain);
  InferenceSession::RunArguments arguments;
  arguments.feeds = FeedsOfCase(ours, test);
  ThreadPool one(1), three(3);
  arguments.pool = std::make_shared<BlockPool>();
  arguments.threads = &one;
  const std::vector<RuntimeValue> expected = reference.Run(arguments);
  ASSERT_FALSE(expected.empty());
  for (ThreadPool* threads : {&one, &three}) {
    arguments.threads = threads;
    const std::vector<RuntimeValue> actual = ours.Run(arguments);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      ExpectClose(actual[i], expected[i], test,
                  ours.outputs()[i].name + " on " + std::to_string(threads->threads()) + " threads");
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, FamilyCases, testing::ValuesIn(AllFamilyCases()), [](const auto& info) {
  return std::string(info.param.family) + "_" + std::to_string(info.param.index);
});

}  // namespace
}  // namespace onda
