#include "kernels/op_table.h"

#include <algorithm>
#include <map>
#include <utility>

namespace onda {

#define ONDA_OPS(family)                             \
  namespace family {                                 \
  std::span<const OpDef> Ops();                      \
  std::span<const OndaKernelDef> ReferenceKernels(); \
  std::span<const OndaKernelDef> CpuKernels();       \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

namespace {

using Key = std::pair<std::string_view, std::string_view>;

struct Tables {
  std::vector<const OpDef*> ops;
  std::map<Key, const OpDef*> by_name;
  std::map<Key, std::vector<const OndaKernelDef*>> cpu;
  std::map<Key, const OndaKernelDef*> reference;

  Tables() {
    auto add = [&](std::span<const OpDef> family_ops, std::span<const OndaKernelDef> references,
                   std::span<const OndaKernelDef> kernels) {
      for (const OpDef& op : family_ops) by_name[{op.domain, op.name}] = &op;
      for (const OndaKernelDef& k : kernels) cpu[{k.domain, k.op}].push_back(&k);
      for (const OndaKernelDef& k : references) reference.emplace(Key{k.domain, k.op}, &k);
    };
#define ONDA_OPS(family) add(family::Ops(), family::ReferenceKernels(), family::CpuKernels());
#include "kernels/ops.inc"
#undef ONDA_OPS
    for (const auto& [key, op] : by_name) ops.push_back(op);
    for (const auto& [key, k] : reference) cpu[key].push_back(k);
  }
};

const Tables& AllTables() {
  static const Tables tables;
  return tables;
}

}  // namespace

const OpDef* FindOp(std::string_view domain, std::string_view name) {
  const auto& map = AllTables().by_name;
  const auto it = map.find({domain, name});
  return it == map.end() ? nullptr : it->second;
}

std::span<const OpDef* const> AllOps() { return AllTables().ops; }

std::span<const OndaKernelDef* const> CpuKernels(std::string_view domain, std::string_view name) {
  const auto& map = AllTables().cpu;
  const auto it = map.find({domain, name});
  if (it == map.end()) return {};
  return it->second;
}

const OndaKernelDef* ReferenceKernel(std::string_view domain, std::string_view name) {
  const auto& map = AllTables().reference;
  const auto it = map.find({domain, name});
  return it == map.end() ? nullptr : it->second;
}

std::span<const OndaKernelDef* const> ReferenceKernels(std::string_view domain, std::string_view name) {
  const std::span<const OndaKernelDef* const> all = CpuKernels(domain, name);
  return ReferenceKernel(domain, name) ? all.last(1) : all;
}

}  // namespace onda
