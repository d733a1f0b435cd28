#include "core/api/provider_libraries.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "onda/c_api.h"

namespace onda {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "libonda_provider_", kSuffix = ".so";

// Of the library, or of the program that it is linked into.
fs::path OwnFolder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void*>(&OndaGetApi), &info) || !info.dli_fname) return {};
  std::error_code ignored;
  const fs::path file = fs::canonical(info.dli_fname, ignored);
  return file.parent_path();
}

bool IsName(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

std::string PathOfProviderLibrary(const std::string& name) {
  const fs::path folder = OwnFolder();
  if (!IsName(name) || folder.empty()) return "";
  return (folder / (std::string(kPrefix) + name + std::string(kSuffix))).string();
}

const std::vector<std::string>& InstalledProviders() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(OwnFolder(), ignored)) {
      const std::string file = entry.path().filename().string();
      if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix) || file.size() <= kPrefix.size() + kSuffix.size())
        continue;
      const std::string name = file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size());
      if (IsName(name)) found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
  }();
  return names;
}

}  // namespace onda
