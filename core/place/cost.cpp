#include "core/place/cost.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/place/node_view.h"

namespace onda {
namespace {

// Dimensions that are not known count as this in estimates.
constexpr int64_t kTypicalDim = 64;
// What the host does, for estimates: bytes and multiply-adds per microsecond.
constexpr double kHostBytesPerMicrosecond = 10e3;
constexpr double kHostMacsPerMicrosecond = 50e3;

}  // namespace

double EstimatedElements(const Fact& fact) {
  if (!fact.is_tensor() || !fact.shape) return kTypicalDim;
  double n = 1;
  for (const Dim& d : *fact.shape) n *= static_cast<double>(d.known() ? d.value() : kTypicalDim);
  return n;
}

double EstimatedBytes(const Fact& fact) { return EstimatedElements(fact) * std::max(BitsOf(fact.dtype), 8) / 8; }

double HostMicroseconds(const Graph& graph, const Node& node) {
  double bytes = 0, macs = 0;
  for (ValueId id : node.inputs)
    if (id != kNoValue) bytes += EstimatedBytes(graph.FactOf(id));
  for (ValueId id : node.outputs)
    if (id != kNoValue) bytes += EstimatedBytes(graph.FactOf(id));
  const bool product =
      node.op_type.find("MatMul") != std::string::npos || node.op_type.find("Gemm") != std::string::npos;
  const bool convolution = node.op_type.find("Conv") != std::string::npos;
  if ((product || convolution) && node.inputs.size() > 1 && node.has_output(0)) {
    const Fact& weights = graph.FactOf(node.inputs[1]);
    double depth = kTypicalDim;
    if (weights.has_rank() && weights.rank() > 1) {
      const Dims& w = *weights.shape;
      const double first = static_cast<double>(w[0].known() ? std::max<int64_t>(w[0].value(), 1) : kTypicalDim);
      const double last = static_cast<double>(w.back().known() ? std::max<int64_t>(w.back().value(), 1) : kTypicalDim);
      depth = EstimatedElements(weights) / (convolution ? first : last);
    }
    macs = EstimatedElements(graph.FactOf(node.outputs[0])) * depth;
  }
  return bytes / kHostBytesPerMicrosecond + macs / kHostMacsPerMicrosecond;
}

double DeviceMicroseconds(const ProviderInstance& device, const Graph& graph, const Node& node) {
  if (!device.def().node_microseconds) return 0;
  const std::vector<Fact> inputs = graph.FactsOf(node.inputs), outputs = graph.FactsOf(node.outputs);
  const NodeViewStorage storage(node, inputs, outputs);
  return std::max(device.NodeMicroseconds(storage.view), 0.0);
}

double CopyMicroseconds(const ProviderInstance& device, const Fact& fact) {
  const double rate = device.def().copy_gigabytes_per_second;
  return device.def().copy_microseconds + (rate > 0 ? EstimatedBytes(fact) / (rate * 1e3) : 0);
}

}  // namespace onda
