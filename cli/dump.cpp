#include "cli/dump.h"

#include <cstdio>

#include "cli/data/file.h"
#include "cli/exit_code.h"
#include "cli/model_file.h"

namespace onda::cli {

int Dump(const DumpOptions& options) {
  const std::string text = LoadModel(options.model).Print(options.upgraded ? "upgraded" : "");
  if (!options.output.empty()) {
    WriteFile(options.output, text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return kExitOk;
}

}  // namespace onda::cli
