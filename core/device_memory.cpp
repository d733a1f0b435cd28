#include "core/device_memory.h"

#include <algorithm>
#include <cstring>

#include "core/ir/op_def.h"

namespace onda {

void CopyTensor(const InstanceSet& instances, BlockPool& host, const RuntimeValue& from, const RuntimeValue& to) {
  const size_t bytes = from.bytes();
  if (bytes == 0) return;
  if (from.instance == 0 && to.instance == 0) {
    std::memcpy(to.data, from.data, bytes);
    return;
  }
  if (from.instance != 0 && to.instance != 0 && from.instance != to.instance) {
    const std::shared_ptr<void> between = host.Allocate(bytes);
    RuntimeValue copy = from;
    copy.instance = 0;
    copy.data = between.get();
    CopyTensor(instances, host, from, copy);
    CopyTensor(instances, host, copy, to);
    return;
  }
  const ProviderInstance& device = *instances.instances[std::max(from.instance, to.instance)];
  const OndaCopyKind kind = from.instance == 0 ? kOndaHostToDevice
                            : to.instance == 0 ? kOndaDeviceToHost
                                               : kOndaDeviceToDevice;
  auto lane = device.TakeLane(0);
  try {
    device.Copy(to.data, from.data, bytes, kind, lane->stream);
    device.Synchronize(lane->stream);
  } catch (...) {
    device.ReturnLane(std::move(lane), false);
    throw;
  }
  device.ReturnLane(std::move(lane), true);
}

int32_t HomeOfInput(const Graph& graph, size_t input) {
  const ValueId id = graph.inputs[input];
  if (std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end()) return 0;
  int32_t home = 0;
  for (const Node& node : graph.nodes()) {
    for (const Body& body : node.bodies)
      if (std::find(body.captures.begin(), body.captures.end(), id) != body.captures.end()) return 0;
    if (std::find(node.inputs.begin(), node.inputs.end(), id) == node.inputs.end()) continue;
    if (!(node.op->flags & kOpCopy) || (home != 0 && node.instance != home)) return 0;
    home = node.instance;
  }
  return home;
}

ValueId OnDevice(const Graph& graph, ValueId output, int32_t instance) {
  const Node* copy = graph.Producer(output);
  return copy && (copy->op->flags & kOpCopy) && copy->instance == instance ? copy->inputs[0] : output;
}

}  // namespace onda
