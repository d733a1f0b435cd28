#include "tests/cuda_sim/captured.h"

namespace onda::cuda_sim {

SimGraph WithOwnEvents(const SimGraph& graph) {
  SimGraph copy;
  copy.ops = graph.ops;
  copy.slots = graph.slots;
  copy.conditions = graph.conditions;
  std::map<EventState*, std::shared_ptr<EventState>> own;
  for (Op& op : copy.ops) {
    if (!op.event) continue;
    auto& event = own[op.event.get()];
    if (!event) event = std::make_shared<EventState>();
    op.event = event;
  }
  return copy;
}

bool SameShape(const std::vector<Op>& a, const std::vector<Op>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].kind != b[i].kind || a[i].slot != b[i].slot || a[i].copy != b[i].copy) return false;
    if (a[i].kernel && a[i].kernel->function != b[i].kernel->function) return false;
    if (!SameShape(a[i].body, b[i].body)) return false;
  }
  return true;
}

}  // namespace onda::cuda_sim
