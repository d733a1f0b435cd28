// Inputs that fuzzing has found, run again by the targets that they were found by; see run.py for fuzzing itself.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/target.h"

namespace onda::fuzz {
namespace {

TEST(FuzzRegressions, EveryTargetReturns) {
  int count = 0;
  for (const Target& target : Targets()) {
    const std::filesystem::path folder = std::filesystem::path(ONDA_FUZZ_REGRESSIONS) / target.name;
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      ASSERT_FALSE(bytes.empty()) << entry.path();
      std::printf("%s %s\n", target.name, entry.path().filename().c_str());
      target.run(bytes);  // aborts where it shows a defect
      ++count;
    }
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace onda::fuzz
