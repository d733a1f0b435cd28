#include "cli/doctor.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "cli/engine.h"
#include "cli/exit_code.h"
#include "onda/onda.h"

namespace onda::cli {
namespace {

namespace fs = std::filesystem;

struct Finding {
  std::string what;
  std::string text;
  bool good = true;
  std::string advice;  // of what is not good, or could be better
};

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Finding Library() {
  Dl_info info{};
  dladdr(reinterpret_cast<const void*>(&OndaGetApi), &info);
  return {"library", GetVersionString() + ", " + (info.dli_fname ? info.dli_fname : "of unknown place"), true, ""};
}

Finding Processor() {
  std::set<std::string> flags;
  std::string model = "processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.starts_with("model name")) model = line.substr(colon + 2);
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(colon + 2));
    for (std::string word; words >> word;) flags.insert(word);
    break;
  }
  std::string text = model + ", " + std::to_string(std::thread::hardware_concurrency()) + " processors; has";
  for (const char* flag : {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"})
    if (flags.count(flag)) text += std::string(" ") + flag;
  const bool fast = flags.count("avx2") && flags.count("fma");
  return {"processor", text, true, fast ? "" : "without AVX2 and FMA kernels take their plain paths, which are slow"};
}

Finding CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if ((!cache || *cache != '/') && (!home || *home != '/'))
    return {"cache folder", "none", true, "set XDG_CACHE_HOME or HOME, so that tuned choices can be kept"};
  const fs::path folder = cache && *cache == '/' ? fs::path(cache) / "onda" : fs::path(home) / ".cache" / "onda";
  fs::path there = folder;  // or what of it exists
  std::error_code ignored;
  while (!fs::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
  const bool writable = access(there.c_str(), W_OK | X_OK) == 0;
  return {"cache folder", folder.string() + (writable ? "" : ", which cannot be written"), true,
          writable ? "" : "make it writable, or set XDG_CACHE_HOME, so that tuned choices can be kept"};
}

// The GPUs of the machine as the system sees them, whether or not Onda can use them.
Finding Gpus(bool has_provider) {
  int count = 0;
  std::error_code ignored;
  for (const fs::directory_entry& device : fs::directory_iterator("/sys/bus/pci/devices", ignored))
    if (FirstLine((device.path() / "vendor").string()) == "0x10de" &&
        FirstLine((device.path() / "class").string()).starts_with("0x03"))
      ++count;
  const std::string driver = FirstLine("/proc/driver/nvidia/version");
  const std::string text = std::to_string(count) + " of NVIDIA, driver: " + (driver.empty() ? "none" : driver);
  if (count == 0 && driver.empty()) return {"GPUs", text, true, ""};
  if (driver.empty()) return {"GPUs", text, false, "install NVIDIA's driver"};
  if (!has_provider) return {"GPUs", text, true, "to use them build Onda with -DONDA_CUDA=ON"};
  return {"GPUs", text, true, ""};
}

// Runs something small on the provider, or on the host alone.
Finding Try(const std::string& provider, const std::vector<std::string>& libraries) {
  Finding finding{provider, "", true, ""};
  EngineOptions options;
  options.provider_libraries = libraries;
  options.threads = 1;
  if (provider != "cpu") options.providers = {provider};
  try {
    const Engine engine(
        Model::FromText("<ir_version: 10, opset_import: [\"\" : 21]>\n"
                        "doctor (float[256,256] x) => (float[256,256] y) { s = Relu(x) y = MatMul(s, x) }"),
        options);
    Data x = Data::Tensor(DType::kFloat, {256, 256});
    for (int64_t i = 0; i < 256; ++i) reinterpret_cast<float*>(x.bytes.data())[i * 257] = 2;
    const Data y = engine.Run({{"x", x}}).at(0);
    bool right = true;
    for (int64_t i = 0; i < 256 * 256; ++i)
      right = right && reinterpret_cast<const float*>(y.bytes.data())[i] == (i % 257 == 0 ? 4 : 0);
    int own = 0;
    const std::string name = provider.substr(0, provider.find(','));
    for (const auto& node : engine.session().Placement())
      own += node.provider == name && !node.op.starts_with("Memcpy");
    finding.text = "ran " + std::to_string(own) + " of 2 nodes of a small model";
    if (!right) finding = {provider, "gives wrong results", false, "report it as a defect of Onda"};
  } catch (const Error& error) {
    finding = {provider, error.what(), false, ""};
    if (error.code() == ErrorCode::kNotFound)
      finding.advice = "install what is needed, or do not ask for this provider";
  }
  return finding;
}

}  // namespace

int Doctor(const DoctorOptions& options) {
  std::vector<std::string> providers = options.providers;
  for (const std::string& installed : GetAvailableProviders())
    if (std::none_of(providers.begin(), providers.end(),
                     [&](const std::string& p) { return p.substr(0, p.find(',')) == installed; }))
      providers.push_back(installed);
  const bool has_provider = providers.size() > 1;
  std::vector<Finding> findings = {Library(), Processor(), CacheFolder(), Gpus(has_provider)};
  for (const std::string& provider : providers) findings.push_back(Try(provider, options.provider_libraries));

  int wrong = 0;
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& f : findings) {
    wrong += !f.good;
    list.push_back({{"what", f.what}, {"text", f.text}, {"good", f.good}, {"advice", f.advice}});
    if (options.json) continue;
    std::printf("%s  %s: %s\n", f.good ? "ok   " : "WRONG", f.what.c_str(), f.text.c_str());
    if (!f.advice.empty()) std::printf("       %s\n", f.advice.c_str());
  }
  if (options.json)
    std::printf("%s\n", list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  else
    std::printf(wrong == 0 ? "all is well\n" : "%d wrong\n", wrong);
  return wrong == 0 ? kExitOk : kExitDifferent;
}

}  // namespace onda::cli
