#include "cli/data/case_folder.h"

#include <algorithm>

#include "onda/types.h"

namespace onda::cli {

namespace fs = std::filesystem;

std::vector<std::string> FindCases(const std::vector<std::string>& folders) {
  std::vector<std::string> cases;
  for (const std::string& folder : folders) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) throw Error(ErrorCode::kNotFound, "no folder '" + folder + "'");
    if (fs::exists(fs::path(folder) / "model.onnx")) cases.push_back(folder);
    for (fs::recursive_directory_iterator it(folder, fs::directory_options::follow_directory_symlink), end; it != end;
         ++it) {
      if (it.depth() > 32) it.disable_recursion_pending();
      if (it->is_directory() && fs::exists(it->path() / "model.onnx")) cases.push_back(it->path().string());
    }
  }
  std::sort(cases.begin(), cases.end());
  cases.erase(std::unique(cases.begin(), cases.end()), cases.end());
  if (cases.empty()) throw Error(ErrorCode::kNotFound, "no case (a folder with a model.onnx) in the folders given");
  return cases;
}

std::vector<fs::path> Numbered(const fs::path& folder, const std::string& stem, const std::string& suffix) {
  std::vector<fs::path> files;
  while (true) {
    const fs::path file = folder / (stem + std::to_string(files.size()) + suffix);
    if (!fs::exists(file)) return files;
    files.push_back(file);
  }
}

}  // namespace onda::cli
