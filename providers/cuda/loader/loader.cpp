// libonda_provider_cuda.so: needs nothing of CUDA itself. It loads libonda_cuda.so, which does; where that cannot be,
// it is a provider that says why.
#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include "onda/make_provider.h"
#include "providers/cuda/loader/machine.h"

namespace onda::cuda {
namespace {

namespace fs = std::filesystem;

fs::path OwnFolder() {
  Dl_info info{};
  std::error_code ignored;
  if (!dladdr(reinterpret_cast<const void*>(&OwnFolder), &info) || !info.dli_fname) return {};
  return fs::canonical(info.dli_fname, ignored).parent_path();
}

struct Loaded {
  const OndaProviderDef* provider = nullptr;
  std::string missing;  // why there is none
};

// Libraries stay loaded: they are not made to be unloaded, and sessions may outlive whoever asked.
Loaded Load() {
  Loaded result;
  const fs::path folder = OwnFolder();
  for (const NeededLibrary& needed : NeededLibraries()) {
    if (LoadNeeded(needed, folder.string())) continue;
    result.missing += (result.missing.empty() ? "" : ", ") + std::string(needed.file) + " (" + needed.what + ")";
  }
  if (!result.missing.empty()) {
    result.missing = "not found: " + result.missing;
    return result;
  }
  void* library = dlopen((folder / "libonda_cuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* why = library ? nullptr : dlerror();
  if (!library) {
    result.missing = why ? why : "libonda_cuda.so cannot be loaded";
    return result;
  }
  const auto get = reinterpret_cast<OndaGetProviderFunction>(dlsym(library, "OndaGetProvider"));
  result.provider = get ? get(kOndaProviderAbi) : nullptr;
  if (!result.provider) result.missing = "libonda_cuda.so is of another version of Onda";
  return result;
}

const Loaded& TheLoaded() {
  static const Loaded loaded = Load();
  return loaded;
}

// Stands where the provider cannot be.
class Missing {
 public:
  explicit Missing(ProviderOptions&) {
    throw Error(ErrorCode::kNotFound, "CUDA cannot be used: " + TheLoaded().missing + " (found: " + FoundText() +
                                          "; needed: " + NeededText() + ")");
  }
  static std::span<const OndaKernelDef* const> kernels() { return {}; }
  static void* Allocate(size_t) { return nullptr; }
  static void Free(void*) {}
  static void Copy(void*, const void*, size_t, OndaCopyKind, NoStream) {}
  static void FillZero(void*, size_t, NoStream) {}
  static void Describe(Missing*, const auto& write) {
    write("missing", TheLoaded().missing);
    write("found", FoundText());
    write("needed", NeededText());
  }
};

constexpr OndaProviderDef kMissing = MakeProvider<Missing>("cuda");

}  // namespace
}  // namespace onda::cuda

extern "C" __attribute__((visibility("default"))) const OndaProviderDef* OndaGetProvider(uint32_t abi) {
  if (abi != kOndaProviderAbi) return nullptr;
  const OndaProviderDef* provider = onda::cuda::TheLoaded().provider;
  return provider ? provider : &onda::cuda::kMissing;
}
