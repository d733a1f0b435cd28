// Operators on sequences and optionals.
#include "core/runtime/host_op.h"

namespace onda {
namespace {

void RunIdentity(HostOpContext& c) { c.outputs[0] = c.input(0); }

constexpr HostOpEntry kEntries[] = {{"", "Identity", RunIdentity}};

}  // namespace

std::span<const HostOpEntry> SequenceHostOps() { return kEntries; }

}  // namespace onda
