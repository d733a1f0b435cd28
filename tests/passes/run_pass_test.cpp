// What is left of a pass that fails, and what is told of rewrites.
#include "core/passes/run_pass.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"

namespace onda {
namespace {

const char kModel[] =
    "<ir_version: 10, opset_import: [\"\" : 21]> g (float[2,3] x) => (float[2,3] y) "
    "{ a = Identity(x) e = Sigmoid(a) y = Mul(a, e) }";

std::string Thrown(const std::string& folder, const std::function<void()>& run) {
  const Model model = ParseModel(kModel);
  try {
    RunPass("test", *model.graph, folder, run);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RunPass, ADefectLeavesTheGraphInAFile) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "onda_dumps";
  std::filesystem::remove_all(folder);
  const std::string what = Thrown(folder, [] { throw Error(ErrorCode::kInternal, "a defect"); });
  EXPECT_NE(what.find("pass 'test': a defect"), std::string::npos) << what;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 1u);
  EXPECT_NE(what.find(files[0].string()), std::string::npos) << what;
  EXPECT_EQ(std::filesystem::status(files[0]).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::stringstream text;
  text << std::ifstream(files[0]).rdbuf();
  EXPECT_NE(text.str().find("Sigmoid"), std::string::npos) << text.str();
  std::filesystem::remove_all(folder);
}

TEST(RunPass, NothingIsWrittenWhereThatWasAsked) {
  EXPECT_EQ(Thrown("none", [] { throw std::runtime_error("thrown"); }), "pass 'test': thrown; no dump was asked for");
}

TEST(RunPass, WhatIsWrongWithAModelIsNoDefect) {
  EXPECT_EQ(Thrown("", [] { throw Error(ErrorCode::kInvalidModel, "wrong"); }), "wrong");
}

TEST(RunPass, RewritesAreRecordedWithWhatWentAndCame) {
  LoadOptions options;
  options.record_rewrites = true;
  const InferenceSession session(ParseModel(kModel), options);
  ASSERT_GE(session.rewrites().size(), 2u);
  EXPECT_EQ(session.rewrites()[0].rule, "drop-identity");
  const RewriteRecord& last = session.rewrites().back();
  EXPECT_EQ(last.rule, "fuse-swish");
  EXPECT_NE(last.before.find("Sigmoid"), std::string::npos) << last.before;
  EXPECT_NE(last.before.find("Mul"), std::string::npos) << last.before;
  EXPECT_NE(last.after.find("Swish"), std::string::npos) << last.after;
  options.max_rewrites = 1;
  EXPECT_EQ(InferenceSession(ParseModel(kModel), options).rewrites().size(), 1u);
}

}  // namespace
}  // namespace onda
