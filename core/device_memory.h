// Values in the memory of devices, outside of plans: what callers bind.
#ifndef ONDA_CORE_DEVICE_MEMORY_H_
#define ONDA_CORE_DEVICE_MEMORY_H_

#include "core/ir/graph.h"
#include "core/place/provider_instance.h"
#include "core/plan/runtime_value.h"
#include "core/runtime/block_pool.h"

namespace onda {

// Copies the elements of one tensor into another of the same type and shape, wherever they lie, and waits for that.
// host: where a piece of host memory comes from, needed between two devices.
void CopyTensor(const InstanceSet& instances, BlockPool& host, const RuntimeValue& from, const RuntimeValue& to);

// The device whose memory input i of the graph may lie in: all that read it are copies to that device. 0 where there is
// none.
int32_t HomeOfInput(const Graph& graph, size_t input);

// The value on that device of which `output` is the copy to the host; the output itself where it is none.
ValueId OnDevice(const Graph& graph, ValueId output, int32_t instance);

}  // namespace onda

#endif  // ONDA_CORE_DEVICE_MEMORY_H_
