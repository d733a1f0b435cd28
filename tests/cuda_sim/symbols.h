// Names of functions and the extents of shared-memory variables, from the symbol table of the program or library that
// holds this code.
#ifndef ONDA_TESTS_CUDA_SIM_SYMBOLS_H_
#define ONDA_TESTS_CUDA_SIM_SYMBOLS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace onda::cuda_sim {

struct Symbol {
  uintptr_t address;
  size_t bytes;
  std::string name;  // demangled
};

class Symbols {
 public:
  // The table is read once.
  static const Symbols& Program();

  // What holds that address, without namespaces and template arguments' types spelled out in full: "Softmax<float>".
  // The address in hex where nothing is known.
  std::string NameOf(const void* address) const;
  // Variables between two addresses, in their order.
  std::vector<Symbol> Between(const void* begin, const void* end) const;
  // "file:line" of code, from addr2line where that is installed; otherwise empty.
  static std::string LineOf(const void* code);

  // Whether the address is of this program's own constants and variables.
  bool InImage(const void* p) const {
    return reinterpret_cast<uintptr_t>(p) >= image_begin_ && reinterpret_cast<uintptr_t>(p) < image_end_;
  }

 private:
  Symbols();
  std::map<uintptr_t, Symbol> symbols_;
  std::string file_;
  uintptr_t base_ = 0, image_begin_ = 0, image_end_ = 0;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SYMBOLS_H_
