#include "tests/cuda_sim/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace onda::cuda_sim {
namespace {

std::string Demangle(const char* name) {
  int status = 0;
  char* plain = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 ? plain : name;
  std::free(plain);
  return result;
}

// "void onda::softmax::(anonymous namespace)::Rows<float, 4>(...)" -> "softmax::Rows<float, 4>".
std::string Shorten(std::string name) {
  auto remove = [&](const std::string& what) {
    for (size_t at; (at = name.find(what)) != std::string::npos;) name.erase(at, what.size());
  };
  remove("(anonymous namespace)::");
  remove("onda::");
  remove("cuda::");
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] == '(' && depth == 0) {
      name.resize(i);
      break;
    }
  }
  if (name.starts_with("void ")) name.erase(0, 5);
  return name;
}

}  // namespace

const Symbols& Symbols::Program() {
  static const Symbols symbols;
  return symbols;
}

Symbols::Symbols() {
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* self) {
        Symbols& s = *static_cast<Symbols*>(self);
        s.base_ = info->dlpi_addr;
        s.file_ = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
        s.image_begin_ = UINTPTR_MAX;
        s.image_end_ = 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          s.image_begin_ = std::min(s.image_begin_, s.base_ + segment.p_vaddr);
          s.image_end_ = std::max(s.image_end_, s.base_ + segment.p_vaddr + segment.p_memsz);
        }
        return s.InImage(reinterpret_cast<const void*>(&Demangle)) ? 1 : 0;
      },
      this);
  const int file = open(file_.c_str(), O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) return;
  const size_t bytes = static_cast<size_t>(info.st_size);
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  const char* image = static_cast<const char*>(mapped);
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(image);
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(image + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbol = reinterpret_cast<const Elf64_Sym*>(image + sections[i].sh_offset);
    const char* names = image + sections[sections[i].sh_link].sh_offset;
    for (size_t k = 0; k < sections[i].sh_size / sizeof(Elf64_Sym); ++k, ++symbol) {
      const int type = ELF64_ST_TYPE(symbol->st_info);
      if ((type != STT_FUNC && type != STT_OBJECT) || symbol->st_size == 0) continue;
      const uintptr_t address = base_ + symbol->st_value;
      symbols_[address] = {address, symbol->st_size, names + symbol->st_name};
    }
  }
  munmap(mapped, bytes);
}

std::string Symbols::NameOf(const void* address) const {
  const uintptr_t at = reinterpret_cast<uintptr_t>(address);
  auto it = symbols_.upper_bound(at);
  if (it != symbols_.begin()) {
    --it;
    if (at < it->first + it->second.bytes) return Shorten(Demangle(it->second.name.c_str()));
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%p", address);
  return text;
}

std::vector<Symbol> Symbols::Between(const void* begin, const void* end) const {
  std::vector<Symbol> found;
  for (auto it = symbols_.lower_bound(reinterpret_cast<uintptr_t>(begin));
       it != symbols_.end() && it->first < reinterpret_cast<uintptr_t>(end); ++it) {
    found.push_back(it->second);
    found.back().name = Demangle(it->second.name.c_str());
  }
  return found;
}

std::string Symbols::LineOf(const void* code) {
  char line[512] = "";
  // popen's shell is another process: /proc/self would be its own.
  const std::string file =
      Program().file_ == "/proc/self/exe" ? "/proc/" + std::to_string(getpid()) + "/exe" : Program().file_;
  char address[32];
  std::snprintf(address, sizeof(address), "0x%zx", reinterpret_cast<uintptr_t>(code) - 1 - Program().base_);
  const std::string command = "addr2line -e '" + file + "' " + address + " 2>/dev/null";
  if (FILE* pipe = popen(command.c_str(), "r")) {
    if (!std::fgets(line, sizeof(line), pipe)) line[0] = 0;
    pclose(pipe);
  }
  std::string text = line;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.starts_with("??")) return "";
  const size_t root = text.rfind("/kernels/") != std::string::npos ? text.rfind("/kernels/") : text.rfind("/tests/");
  return root == std::string::npos ? text : text.substr(root + 1);
}

}  // namespace onda::cuda_sim
