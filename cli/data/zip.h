// Zip archives, as far as .npz needs them: stored and deflated entries, also in the zip64 form.
#ifndef ONDA_CLI_DATA_ZIP_H_
#define ONDA_CLI_DATA_ZIP_H_

#include <string>
#include <vector>

namespace onda::cli {

struct ZipEntry {
  std::string name;
  std::string bytes;
};

// Throws Error for what is malformed, encrypted, or expands beyond 16 GiB.
std::vector<ZipEntry> ReadZip(const std::string& path);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_ZIP_H_
