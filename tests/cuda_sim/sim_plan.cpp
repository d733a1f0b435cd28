#include "tests/cuda_sim/sim_plan.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/cuda_sim/library_reference.h"
#include "tests/cuda_sim/sim_handles.h"

namespace onda::cuda_sim {

using cuda::Buffer;

std::unique_ptr<SimPlan> DrawPlan(const cuda::LibraryOp& op, int most, size_t workspace,
                                  std::span<const unsigned> fixed_microseconds, std::mt19937_64& random) {
  OperandsOf(op);  // refuses what no library takes
  std::vector<SimPlan::Variant> list;
  for (const unsigned microseconds : fixed_microseconds)
    if (list.size() < static_cast<size_t>(most)) list.push_back({0, microseconds});
  if (!list.empty()) return std::make_unique<SimPlan>(op, list);
  const uint64_t wanted = std::min<uint64_t>(static_cast<uint64_t>(most), 1 + random() % 4);
  for (uint64_t n = 0; n < wanted; ++n) {
    const uint64_t pick = random() % 4;
    const size_t need = pick == 0 ? 0 : pick == 1 ? 16 : 256 * (1 + random() % 1000);
    list.push_back({need <= workspace ? need : 0, static_cast<unsigned>(1 + random() % 1000)});
  }
  return std::make_unique<SimPlan>(op, list);
}

std::unique_ptr<SimPlan> PlanOfBlob(const cuda::LibraryOp& op, const std::string& blob) {
  SimPlan::Variant v;
  if (std::sscanf(blob.c_str(), "sim %zu %u", &v.workspace, &v.microseconds) != 2)
    Refuse("the stored plan is not of this library");
  OperandsOf(op);
  return std::make_unique<SimPlan>(op, std::vector{v});
}

Op LibraryWork(const SimPlan& plan, int variant, std::span<const Buffer> operands, Buffer workspace, World& world,
               DeviceMemory& memory, WorkRunner& work) {
  const std::vector<Operand> wanted = OperandsOf(plan.op);
  if (variant < 0 || variant >= plan.variants()) Refuse("the plan has no such variant");
  const size_t need = plan.workspace_bytes(variant);
  if (workspace.bytes < need) Refuse("the workspace of a library's operation is too small");
  if (need && !memory.Live(workspace.data, need)) Refuse("the workspace is not device memory");
  if (operands.size() != wanted.size()) Refuse("a library's operation takes other operands");
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i].bytes && (operands[i].bytes < wanted[i].bytes || !memory.Live(operands[i].data, wanted[i].bytes)))
      Refuse("operand " + std::to_string(i) + " of a library's operation is not device memory or too small");
  Op op(Op::Kind::kLibrary, "a library's operation");
  op.library = [&world, &memory, &work, what = plan.op, wanted,
                given = std::vector<Buffer>(operands.begin(), operands.end()), workspace, need,
                microseconds = plan.list[static_cast<size_t>(variant)].microseconds] {
    world.Pass(microseconds);
    Actor actor = world.Touching();
    // The workspace is scribbled over, and read only after that.
    if (need) {
      const std::string against = work.Touch(actor, workspace.data, need, Mode::kWrite, "the workspace of a library");
      if (!against.empty()) return against;
      std::memset(workspace.data, 0xa5, need);
      memory.MarkFresh(workspace.data, need);
    }
    for (const bool written : {false, true})
      for (size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i].written != written || !wanted[i].bytes) continue;
        const std::string against =
            work.Touch(actor, given[i].data, wanted[i].bytes, written ? Mode::kWrite : Mode::kRead,
                       "operand " + std::to_string(i) + " of a library's operation");
        if (!against.empty()) return against;
      }
    ComputeLibraryOp(what, given);
    return std::string();
  };
  return op;
}

}  // namespace onda::cuda_sim
