#include "cli/data/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "onda/types.h"

namespace onda::cli {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void Fail(const std::string& path, const char* what) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument;
  throw Error(code, std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno));
}

}  // namespace

std::string ReadFile(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) Fail(path, "read");
  std::string bytes;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), file.get())) bytes.append(buffer, n);
  if (std::ferror(file.get())) Fail(path, "read");
  return bytes;
}

void WriteFile(const std::string& path, std::string_view bytes) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) Fail(path, "write");
  if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) Fail(path, "write");
  if (std::fclose(file.release()) != 0) Fail(path, "write");
}

}  // namespace onda::cli
