#include "tests/cuda_sim/compile_source.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "tests/cuda_sim/launch_bounds.h"

// Set by the build: the compiler with its options, and the root of the sources.
#ifndef ONDA_SIM_COMPILER
#define ONDA_SIM_COMPILER "clang++-16"
#endif

namespace onda::cuda_sim {
namespace {

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/onda_sim_XXXXXX";
    if (!mkdtemp(name)) throw Error(ErrorCode::kInternal, "cuda_sim: no temporary folder");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class SharedObject : public cuda::Module {
 public:
  explicit SharedObject(std::string binary) : binary_(std::move(binary)) {
    const std::string path = folder_.File("module.so");
    std::ofstream(path, std::ios::binary) << binary_;
    // What it calls is looked for among global names: those of a library that was loaded without are made so.
    Dl_info self{};
    if (dladdr(reinterpret_cast<const void*>(&CompileSource), &self))
      dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle_) throw Error(ErrorCode::kInternal, std::string("cuda_sim: ") + dlerror());
    using Entries = const char* const* (*)();
    const auto begin = reinterpret_cast<Entries>(dlsym(handle_, "OndaSimBoundsBegin"));
    const auto end = reinterpret_cast<Entries>(dlsym(handle_, "OndaSimBoundsEnd"));
    if (begin && end) bounds_.emplace(std::vector<const char*>(begin(), end()));
  }
  ~SharedObject() override {
    bounds_.reset();
    dlclose(handle_);
  }
  const void* Function(const std::string& name) override { return dlsym(handle_, name.c_str()); }
  std::string Binary() const override { return binary_; }

 private:
  Folder folder_;
  std::string binary_;
  void* handle_ = nullptr;
  std::optional<ModuleBounds> bounds_;
};

// Behind each source: where launch_bounds.h finds what its kernels are compiled for.
constexpr const char* kBounds = R"(
extern "C" {
extern const char* const __start___patchable_function_entries[] __attribute__((weak, visibility("hidden")));
extern const char* const __stop___patchable_function_entries[] __attribute__((weak, visibility("hidden")));
__attribute__((visibility("default"))) const char* const* OndaSimBoundsBegin() {
  return __start___patchable_function_entries;
}
__attribute__((visibility("default"))) const char* const* OndaSimBoundsEnd() {
  return __stop___patchable_function_entries;
}
}
)";

}  // namespace

std::unique_ptr<cuda::Module> CompileSource(const std::string& source, const std::string& name) {
  const Folder folder;
  const std::string in = folder.File("source.cu"), out = folder.File("out.so"), log = folder.File("log.txt");
  std::ofstream(in) << source << kBounds;
  const std::string command =
      std::string(ONDA_SIM_COMPILER) + " -shared -fPIC -o " + out + " -x c++ " + in + " 2>" + log;
  if (std::system(command.c_str()) != 0)
    throw Error(ErrorCode::kInternal, "compiling " + name + " failed: " + ReadFile(log));
  return std::make_unique<SharedObject>(ReadFile(out));
}

std::unique_ptr<cuda::Module> LoadCompiled(const std::string& binary) { return std::make_unique<SharedObject>(binary); }

}  // namespace onda::cuda_sim
