#include "core/api/handles.h"
#include "core/api/provider_libraries.h"

namespace onda {

void RequireArgument(const void* pointer, const char* what) {
  if (!pointer) throw Error(ErrorCode::kInvalidArgument, std::string(what) + " must not be NULL");
}

OndaError* OutOfMemory() noexcept {
  static OndaError error{static_cast<int32_t>(ErrorCode::kOutOfMemory), "out of memory"};
  return &error;
}

std::string ShortMessage(std::string message) {
  constexpr size_t kPiece = 200, kMost = 4000, kEnd = 900;
  if (message.size() <= kPiece) return message;
  std::string text;
  size_t piece = 0;  // length of the word, or of what stands in quotes, so far
  bool quoted = false;
  for (const char c : message) {
    const bool ends = c == '\'' || (!quoted && c == ' ');
    quoted = quoted != (c == '\'');
    if (ends && piece > kPiece) text += "...";
    piece = ends ? 0 : piece + 1;
    if (piece <= kPiece) text += c;
  }
  if (piece > kPiece) text += "...";
  return text.size() <= kMost ? text : text.substr(0, kMost - kEnd - 5) + " ... " + text.substr(text.size() - kEnd);
}

OndaError* NewError(ErrorCode code, const char* message) noexcept {
  try {
    return new OndaError{static_cast<int32_t>(code), ShortMessage(message)};
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

namespace {

OndaApi MakeTable() {
  OndaApi api{};
  api.version = ONDA_API_VERSION;
  api.size = sizeof(OndaApi);
  api.VersionString = [] { return "0.1.0"; };
  api.ErrorGetCode = [](const OndaError* error) {
    return error ? error->code : static_cast<int32_t>(ErrorCode::kOutOfMemory);
  };
  api.ErrorGetMessage = [](const OndaError* error) { return error ? error->message.c_str() : "out of memory"; };
  api.ReleaseError = [](OndaError* error) {
    if (error != OutOfMemory()) delete error;
  };
  api.ProviderCount = [] { return InstalledProviders().size() + 1; };
  api.ProviderName = [](size_t index) {
    const std::vector<std::string>& installed = InstalledProviders();
    return index < installed.size() ? installed[index].c_str() : index == installed.size() ? "cpu" : "";
  };
  FillEnvironmentApi(api);
  FillModelApi(api);
  FillCheckApi(api);
  FillSessionApi(api);
  FillRunApi(api);
  FillValueApi(api);
  return api;
}

}  // namespace
}  // namespace onda

extern "C" const OndaApi* OndaGetApi(uint32_t version) {
  static const OndaApi table = onda::MakeTable();
  return version <= ONDA_API_VERSION ? &table : nullptr;
}
