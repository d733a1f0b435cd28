#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/text/parse.h"
#include "core/text/print.h"
#include "onda/types.h"
#include "tests/fuzz/target.h"

namespace onda::fuzz {

void Text(std::string_view text) {
  std::string written;
  try {
    written = Print(ParseModel(text));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInternal) return;
    std::fprintf(stderr, "internal error: %s\n", error.what());
    std::abort();
  }
  std::string again;
  try {
    again = Print(ParseModel(written));
  } catch (const Error& error) {
    std::fprintf(stderr, "what was printed is not read: %s\n%s\n", error.what(), written.c_str());
    std::abort();
  }
  if (again == written) return;
  std::fprintf(stderr, "printed:\n%s\nread and printed again:\n%s\n", written.c_str(), again.c_str());
  std::abort();
}

}  // namespace onda::fuzz
