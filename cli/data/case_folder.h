// Folders in ONNX's test-data layout: model.onnx and test_data_set_N/{input,output}_M.pb.
#ifndef ONDA_CLI_DATA_CASE_FOLDER_H_
#define ONDA_CLI_DATA_CASE_FOLDER_H_

#include <filesystem>
#include <string>
#include <vector>

namespace onda::cli {

// The folders with a model.onnx below these, these included, sorted. Throws kNotFound where there is none.
std::vector<std::string> FindCases(const std::vector<std::string>& folders);

// folder/<stem>0<suffix>, folder/<stem>1<suffix>, ... as far as they exist.
std::vector<std::filesystem::path> Numbered(const std::filesystem::path& folder, const std::string& stem,
                                            const std::string& suffix);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_CASE_FOLDER_H_
