// onda_fuzz, onda_fuzz_formats --target=NAME [libFuzzer's options] [FOLDER | FILE...]
// onda_fuzz --target=NAME --seeds=FOLDER      writes what the target starts from, and ends
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>

#include "core/text/parse.h"
#include "core/text/print.h"
#include "onda/types.h"
#include "proto/export.h"
#include "proto/import.h"
#include "tests/fuzz/mutate_model.h"
#include "tests/fuzz/target.h"

namespace {

using onda::fuzz::Target;

const Target* target = nullptr;

std::string Written(const onda::Model& model) {
  return target->text ? onda::Print(model) : onda::proto::ExportBytes(model);
}

onda::Model Read(std::string_view bytes) {
  if (target->text) return onda::ParseModel(bytes);
  return onda::proto::ImportBytes({nullptr, reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
}

[[noreturn]] void WriteSeeds(const std::string& folder) {
  int count = 0;
  for (const std::string& seed : onda::fuzz::Seeds())
    std::ofstream(folder + "/seed_" + std::to_string(count++), std::ios::binary)
        << Written(onda::fuzz::ParseSeed(seed));
  std::printf("%d seeds\n", count);
  std::exit(0);
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  std::string seeds;
  for (int i = 1; i < *argc; ++i) {
    const std::string argument = (*argv)[i];
    if (argument.starts_with("--seeds=")) seeds = argument.substr(8);
    if (!argument.starts_with("--target=")) continue;
    for (const Target& t : onda::fuzz::Targets())
      if (argument.substr(9) == t.name) target = &t;
  }
  if (!target) {
    std::fprintf(stderr, "--target= takes one of:");
    for (const Target& t : onda::fuzz::Targets()) std::fprintf(stderr, " %s", t.name);
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  if (!seeds.empty()) WriteSeeds(seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// Bytes are changed by libFuzzer one time in so many; else what they say is.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::mt19937_64 random(seed);
  const bool parses_only = std::strcmp(target->name, "import") == 0 || std::strcmp(target->name, "text") == 0;
  if (random() % 8 < (parses_only ? 5u : 1u)) return LLVMFuzzerMutate(data, size, max_size);
  std::string changed;
  try {
    onda::Model model = Read({reinterpret_cast<const char*>(data), size});
    onda::fuzz::MutateModel(model, random);
    changed = Written(model);
  } catch (const onda::Error&) {  // was no model, or is none any more
    return LLVMFuzzerMutate(data, size, max_size);
  }
  if (changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
