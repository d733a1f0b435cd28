#include "core/passes/run_pass.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/text/print.h"
#include "onda/types.h"

namespace onda {
namespace {

constexpr int64_t kMaxElements = 64;  // of a tensor: dumps are for people

// What is said of the dump: where it is, or why there is none.
std::string WriteDump(const Graph& graph, const std::string& folder) {
  if (folder == "none") return "no dump was asked for";
  try {
    std::filesystem::path path = folder;
    if (folder.empty()) {
      path = std::filesystem::temp_directory_path();
    } else {
      std::filesystem::create_directories(path);
    }
    const std::string text = Print(graph, {kMaxElements});
    std::string name = (path / "onda_dump_XXXXXX").string();
    const int file = ::mkstemp(name.data());  // for this user alone to read
    if (file < 0) return "a dump could not be written into '" + path.string() + "'";
    size_t written = 0;
    while (written < text.size()) {
      const ssize_t n = ::write(file, text.data() + written, text.size() - written);
      if (n <= 0) break;
      written += static_cast<size_t>(n);
    }
    ::close(file);
    return (written == text.size() ? "the graph is in '" : "part of the graph is in '") + name + "'";
  } catch (const std::exception& error) {
    return std::string("no dump could be made: ") + error.what();
  }
}

}  // namespace

void RunPass(std::string_view pass, const Graph& graph, const std::string& folder, const std::function<void()>& run) {
  std::string cause;
  try {
    return run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInternal) throw;
    cause = error.what();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    cause = error.what();
  }
  throw Error(ErrorCode::kInternal, "pass '" + std::string(pass) + "': " + cause + "; " + WriteDump(graph, folder));
}

}  // namespace onda
