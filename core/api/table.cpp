#include "core/api/handles.h"

namespace onda {

void RequireArgument(const void* pointer, const char* what) {
  if (!pointer) throw Error(ErrorCode::kInvalidArgument, std::string(what) + " must not be NULL");
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
  api.ReleaseError = [](OndaError* error) { delete error; };
  api.ProviderCount = [] { return size_t{1}; };
  api.ProviderName = [](size_t index) { return index == 0 ? "cpu" : ""; };
  FillEnvironmentApi(api);
  FillModelApi(api);
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
