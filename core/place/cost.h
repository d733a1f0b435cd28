// Estimates of what nodes and copies take, for choosing where nodes run. In microseconds.
#ifndef ONDA_CORE_PLACE_COST_H_
#define ONDA_CORE_PLACE_COST_H_

#include "core/ir/graph.h"
#include "core/place/provider_instance.h"

namespace onda {

// Elements and bytes of a value; dimensions that are not known count as a typical one.
double EstimatedElements(const Fact& fact);
double EstimatedBytes(const Fact& fact);

// Of the node on the host: memory traffic, and the multiply-adds of matrix products and convolutions.
double HostMicroseconds(const Graph& graph, const Node& node);

// Of the node on the device without its launch, as the provider estimates it; 0 where it does not say.
double DeviceMicroseconds(const ProviderInstance& device, const Graph& graph, const Node& node);

// Of copying the value between the host and the device.
double CopyMicroseconds(const ProviderInstance& device, const Fact& fact);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_COST_H_
