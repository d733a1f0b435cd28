// What is fuzzed. Each target gets arbitrary bytes; it aborts where they show a defect, and returns where all is well.
#ifndef ONDA_TESTS_FUZZ_TARGET_H_
#define ONDA_TESTS_FUZZ_TARGET_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ir/graph.h"

namespace onda::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
  bool text;  // takes models as text, else in ONNX's binary form
};

// Bytes read as a model, and as values: refused with onda::Error, or written and read again to the same bytes.
void Import(std::string_view bytes);
// Text read as a model: refused, or printed and read again to the same text.
void Text(std::string_view text);
// A model as text is loaded and run, for two sets of sizes of its free dimensions.
void Run(std::string_view text);
// The same, and each node of the run is held to its reference kernel on the same inputs.
void Reference(std::string_view text);
// A model as text gives, over two devices that take some operators each, the bits that the host alone gives.
void Providers(std::string_view text);

// Those that the program has: formats.cpp or all.cpp.
std::span<const Target> Targets();

// Models to start from: the cases of every operator family, with the newest operator sets.
const std::vector<std::string>& Seeds();
Model ParseSeed(const std::string& graph);

}  // namespace onda::fuzz

#endif  // ONDA_TESTS_FUZZ_TARGET_H_
