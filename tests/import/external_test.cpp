// Weights outside the model's file, and weights that stay in it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "proto/export.h"
#include "tests/import/models.h"

namespace onda::proto {
namespace {

// A model whose initializer 'w' of uint8[4] lies in a file.
wire::Model External(const std::string& location, const StringPairs& more = {}) {
  wire::Model model = EmptyModel();
  wire::Tensor& tensor = *AddInitializer(*model.mutable_graph(), "w", DType::kUint8, {4});
  tensor.set_data_location(wire::Tensor::EXTERNAL);
  StringPairs entries = more;
  if (!location.empty()) entries.emplace_back("location", location);
  for (const auto& [key, value] : entries) {
    wire::StringStringEntry& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model;
}

class ExternalTest : public testing::Test {
 protected:
  // "" or the error, as ErrorOf gives it; the bytes of 'w' are left in `weights_`.
  std::string Load(const wire::Model& model, const ImportOptions& options = {}) {
    const std::string path = folder_.Write("model/m.onnx", model.SerializeAsString());
    try {
      const Model read = ImportFile(path, options);
      const Tensor& tensor = *read.graph->FactOf(read.graph->initializers.at(0)).constant;
      weights_.assign(static_cast<const char*>(tensor.data()), tensor.bytes());
      return "";
    } catch (const Error& error) {
      return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
    }
  }

  TemporaryFolder folder_;
  std::string weights_;
};

TEST_F(ExternalTest, OffsetsAndLengths) {
  folder_.Write("model/data/w.bin", "0123456789");
  EXPECT_EQ(Load(External("data/w.bin")), "");
  EXPECT_EQ(weights_, "0123");
  EXPECT_EQ(Load(External("./data//w.bin", {{"offset", "6"}, {"length", "4"}, {"checksum", "x"}})), "");
  EXPECT_EQ(weights_, "6789");
  EXPECT_MENTIONS(Load(External("data/w.bin", {{"offset", "7"}})), "tensor 'w'", "data/w.bin", "offset 7", "10 bytes");
  EXPECT_MENTIONS(Load(External("data/w.bin", {{"offset", "18446744073709551615"}})), "tensor 'w'", "ends too early");
  EXPECT_MENTIONS(Load(External("data/w.bin", {{"offset", "-1"}})), "external offset", "'-1'");
  EXPECT_MENTIONS(Load(External("data/w.bin", {{"offset", "99999999999999999999"}})), "external offset");
  EXPECT_MENTIONS(Load(External("data/w.bin", {{"length", "4x"}})), "external length", "'4x'");
  EXPECT_MENTIONS(Load(External("data/w.bin", {{"length", "5"}})), "tensor 'w'", "length 5", "need 4 bytes");
  EXPECT_MENTIONS(Load(External("")), "tensor 'w'", "no location");
  EXPECT_MENTIONS(Load(External("none.bin")), "4:", "tensor 'w'", "none.bin", "No such file");
  folder_.Write("model/empty.bin", "");
  EXPECT_MENTIONS(Load(External("empty.bin")), "tensor 'w'", "0 bytes");
}

TEST_F(ExternalTest, NothingOutsideTheFolder) {
  folder_.Write("secret.bin", "0123456789");
  folder_.Write("model/w.bin", "0123456789");
  EXPECT_MENTIONS(Load(External("../secret.bin")), "1:", "tensor 'w'", "'..'");
  EXPECT_MENTIONS(Load(External("data/../../secret.bin")), "'..'");
  EXPECT_MENTIONS(Load(External("data/../w.bin")), "'..'");
  EXPECT_MENTIONS(Load(External(folder_.Path("secret.bin"))), "absolute");
  EXPECT_MENTIONS(Load(External("/etc/passwd")), "absolute");
  EXPECT_MENTIONS(Load(External(std::string("w.bin\0x", 7))), "w.bin\\x00x", "zero byte");
  EXPECT_MENTIONS(Load(External(".")), "folder");
  EXPECT_MENTIONS(Load(External("w.bin/")), "folder");

  ASSERT_EQ(symlink("../secret.bin", folder_.Path("model/link.bin").c_str()), 0);
  EXPECT_MENTIONS(Load(External("link.bin")), "1:", "tensor 'w'", "symbolic link");
  ASSERT_EQ(symlink("w.bin", folder_.Path("model/inner.bin").c_str()), 0);
  EXPECT_MENTIONS(Load(External("inner.bin")), "symbolic link");
  ASSERT_EQ(symlink("..", folder_.Path("model/up").c_str()), 0);
  EXPECT_MENTIONS(Load(External("up/secret.bin")), "symbolic link");
  ASSERT_EQ(link(folder_.Path("secret.bin").c_str(), folder_.Path("model/hard.bin").c_str()), 0);
  EXPECT_MENTIONS(Load(External("hard.bin")), "hard link");
}

TEST_F(ExternalTest, OnlyPlainFiles) {
  folder_.Write("model/w.bin", "0123");
  ASSERT_EQ(mkdir(folder_.Path("model/folder").c_str(), 0700), 0);
  EXPECT_MENTIONS(Load(External("folder")), "not a plain file");
  EXPECT_MENTIONS(Load(External("w.bin/x")), "tensor 'w'", "w.bin/x");
  // Nobody writes to the pipe: opening it would never end.
  ASSERT_EQ(mkfifo(folder_.Path("model/pipe").c_str(), 0600), 0);
  EXPECT_MENTIONS(Load(External("pipe")), "not a plain file");
  if (mknod(folder_.Path("model/null").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
    EXPECT_MENTIONS(Load(External("null")), "not a plain file");
  }
}

TEST_F(ExternalTest, GivenByTheCaller) {
  static const char kWeights[] = "abcdef";
  ImportOptions options;
  options.external_data["anything/../at all"] = {nullptr, reinterpret_cast<const std::byte*>(kWeights), 6};
  EXPECT_EQ(Load(External("anything/../at all", {{"offset", "2"}}), options), "");
  EXPECT_EQ(weights_, "cdef");
  EXPECT_MENTIONS(Load(External("anything/../at all", {{"offset", "3"}}), options), "ends too early");

  const wire::Model model = External("w.bin");
  EXPECT_MENTIONS(ErrorOf(model), "4:", "tensor 'w'", "was not given");
  folder_.Write("model/w.bin", "wxyz");
  options.external_folder = folder_.Path("model");
  EXPECT_EQ(ErrorOf(model, options), "");
}

TEST_F(ExternalTest, NotWithDataInside) {
  folder_.Write("model/w.bin", "0123");
  wire::Model model = External("w.bin");
  model.mutable_graph()->mutable_initializer(0)->set_raw_data("0123");
  EXPECT_MENTIONS(Load(model), "tensor 'w' is stored externally and has raw_data");
  wire::Model strings = External("w.bin");
  strings.mutable_graph()->mutable_initializer(0)->set_data_type(static_cast<int32_t>(DType::kString));
  EXPECT_MENTIONS(Load(strings), "tensor 'w' holds strings");
}

long AnonymousKilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) return std::stol(line.substr(8));
  }
  return 0;
}

// 96 MiB of weights in the model's own file. What importing adds to anonymous memory stays far below 1.2 times that.
TEST_F(ExternalTest, WeightsStayInTheFile) {
  constexpr int64_t kRows = 24, kColumns = 1 << 20;
  const std::string path = folder_.Path("big.onnx");
  {
    wire::Model model = EmptyModel();
    const std::string row(static_cast<size_t>(kColumns * 4), '\x3f');
    for (int64_t i = 0; i < kRows; ++i) {
      AddInitializer(*model.mutable_graph(), "w" + std::to_string(i), DType::kFloat, {kColumns}, row);
    }
    std::ofstream file(path, std::ios::binary);
    ASSERT_TRUE(model.SerializeToOstream(&file));
  }
  const long before = AnonymousKilobytes();
  const Model model = ImportFile(path);
  const long grown = AnonymousKilobytes() - before;
  EXPECT_LT(grown, 2048) << "kB of anonymous memory";
  float last;
  const Tensor& tensor = *model.graph->FactOf(model.graph->initializers.back()).constant;
  std::memcpy(&last, static_cast<const char*>(tensor.data()) + tensor.bytes() - 4, 4);
  uint32_t bits;
  std::memcpy(&bits, &last, 4);
  EXPECT_EQ(bits, 0x3f3f3f3fu);
}

TEST_F(ExternalTest, WrittenAndReadBack) {
  wire::Model wire = EmptyModel();
  const std::string large(8192, 'L'), small(256, 's');
  AddInitializer(*wire.mutable_graph(), "large", DType::kUint8, {8192}, large);
  AddInitializer(*wire.mutable_graph(), "small", DType::kUint8, {256}, small);
  AddInitializer(*wire.mutable_graph(), "tiny", DType::kUint8, {3}, "abc");
  ExportOptions options;
  options.external_location = "m.data";
  options.external_from = 100;
  const std::string path = folder_.Path("out.onnx");
  ExportFile(Import(wire), path, options);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_LT(info.st_size, 600);
  ASSERT_EQ(stat(folder_.Path("m.data").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 8192 + 256);
  const Model read = ImportFile(path);
  const auto bytes = [&](size_t i) {
    const Tensor& tensor = *read.graph->FactOf(read.graph->initializers.at(i)).constant;
    return std::string(static_cast<const char*>(tensor.data()), tensor.bytes());
  };
  EXPECT_EQ(bytes(0), large);
  EXPECT_EQ(bytes(1), small);
  EXPECT_EQ(bytes(2), "abc");

  // Over itself, while its weights are mapped.
  ExportFile(read, path, options);
  EXPECT_EQ(bytes(0), large);
  const Model again = ImportFile(path);
  EXPECT_EQ(again.graph->initializers.size(), 3u);

  options.external_location = "../m.data";
  EXPECT_THROW(ExportFile(read, path, options), Error);
  options.external_location = "out.onnx";
  EXPECT_THROW(ExportFile(read, path, options), Error);
  EXPECT_THROW(ExportFile(read, folder_.Path("no/such/folder.onnx")), Error);
}

}  // namespace
}  // namespace onda::proto
