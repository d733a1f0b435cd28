#include "kernels/copies/copies.h"

#include <span>

#include "core/ir/op_def.h"

namespace onda {
namespace copies {
namespace {

void Infer(InferContext& c) { c.SetOutput(0, c.input(0)); }

constexpr OpDef kOps[] = {
    {.name = "MemcpyToDevice", .domain = "onda", .infer = Infer, .flags = kOpCopy},
    {.name = "MemcpyToHost", .domain = "onda", .infer = Infer, .flags = kOpCopy},
    {.name = "MemcpyPeer", .domain = "onda", .infer = Infer, .flags = kOpCopy},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }
std::span<const OndaKernelDef> ReferenceKernels() { return {}; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace copies

const OpDef& kMemcpyToDevice = copies::kOps[0];
const OpDef& kMemcpyToHost = copies::kOps[1];
const OpDef& kMemcpyPeer = copies::kOps[2];

}  // namespace onda
