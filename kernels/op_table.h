// All operators and all built-in kernels, gathered from the families that ops.inc lists.
#ifndef ONDA_KERNELS_OP_TABLE_H_
#define ONDA_KERNELS_OP_TABLE_H_

#include <span>
#include <string_view>
#include <vector>

#include "core/ir/op_def.h"
#include "onda/provider.h"

namespace onda {

// The canonical operator, or alias, of that name; nullptr where there is none.
const OpDef* FindOp(std::string_view domain, std::string_view name);

// Every operator, sorted by domain and name.
std::span<const OpDef* const> AllOps();

// Kernels of the CPU provider for an operator, best first; the plain references come last.
std::span<const OndaKernelDef* const> CpuKernels(std::string_view domain, std::string_view name);

// The plain scalar kernel of an operator, or nullptr.
const OndaKernelDef* ReferenceKernel(std::string_view domain, std::string_view name);

// CpuKernels without all that a plain reference stands behind.
std::span<const OndaKernelDef* const> ReferenceKernels(std::string_view domain, std::string_view name);

}  // namespace onda

#endif  // ONDA_KERNELS_OP_TABLE_H_
