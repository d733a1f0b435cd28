// Traces that a session writes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "onda/model.h"

namespace {

onda::Model Square() {
  return onda::Model::FromText(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N] x) => (float[N] y) { [square] y = Mul(x, x) }");
}

std::string Read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Profile, HoldsEachNodeOfEachRunWithShapesAndBytes) {
  onda::Env env;
  onda::SessionOptions options;
  const std::string prefix = (std::filesystem::path(testing::TempDir()) / "onda_profile_test").string();
  options.EnableProfiling(prefix.c_str());
  onda::Session session(env, Square(), options);
  for (int64_t n : {3, 4, 4}) session.Run({{"x", onda::Value::FromVector(std::vector<float>(n, 2.0f), {n})}});
  const std::string path = session.EndProfiling();
  EXPECT_EQ(path.find(prefix + "_"), 0u) << path;
  const std::string trace = Read(path);
  EXPECT_EQ(Count(trace, "\"cat\":\"run\""), 3u) << trace;
  EXPECT_EQ(Count(trace, "\"cat\":\"node\""), 3u);
  EXPECT_EQ(Count(trace, "\"cat\":\"bind\""), 2u);  // a new shape costs a bind, a known one nothing
  EXPECT_NE(
      trace.find("\"inputs\":\"float[3] float[3]\",\"outputs\":\"float[3]\",\"read_bytes\":24,\"written_bytes\":12"),
      std::string::npos)
      << trace;
  // What happens later is not traced, and ending again gives the same file.
  session.Run({{"x", onda::Value::FromVector(std::vector<float>{1}, {1})}});
  EXPECT_EQ(session.EndProfiling(), path);
  EXPECT_EQ(Read(path), trace);
  std::filesystem::remove(path);
}

TEST(Profile, IsWrittenWhenTheSessionEnds) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "onda_profiles";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    onda::Env env;
    onda::SessionOptions options;
    options.EnableProfiling((folder / "trace").c_str());
    const onda::Session session(env, Square(), options);
  }
  ASSERT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_NE(Read(std::filesystem::directory_iterator(folder)->path()).find("traceEvents"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(Profile, MistakesAreNamed) {
  onda::Env env;
  onda::Session session(env, Square());
  EXPECT_THROW(session.EndProfiling(), onda::Error);
  onda::SessionOptions options;
  options.EnableProfiling("/nowhere/trace");
  EXPECT_THROW(onda::Session(env, Square(), options), onda::Error);
}

}  // namespace
