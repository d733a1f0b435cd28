// Whole files.
#ifndef ONDA_CLI_DATA_FILE_H_
#define ONDA_CLI_DATA_FILE_H_

#include <string>
#include <string_view>

namespace onda::cli {

// Throw Error with the path: kNotFound, or kInvalidArgument where it cannot be read or written.
std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view bytes);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_FILE_H_
