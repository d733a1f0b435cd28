// Regions that providers run as one unit.
#ifndef ONDA_CORE_PLACE_CLAIM_REGIONS_H_
#define ONDA_CORE_PLACE_CLAIM_REGIONS_H_

#include <memory>

#include "core/ir/graph.h"
#include "core/place/kernel_instance.h"
#include "core/place/place.h"
#include "core/place/provider_instance.h"

namespace onda {

// Shows the nodes of a placed graph, of bodies too, to the providers that compile regions, in the user's order, and
// puts an onda.Region node in the place of each claim that is convex and pays: against where its nodes are placed now,
// with copies and launches counted. Without cost hints, or with by_cost off, the earlier provider in the user's order
// has it. The reason stands at the region, and at the nodes of a claim that was not granted.
void ClaimRegions(Graph& graph, const InstanceSet& instances, OndaRegionStage stage, const PlaceOptions& options);

// The graph of an onda.Region node compiled by its provider. Throws with the node's name.
std::unique_ptr<KernelInstance> CompileRegion(const ProviderInstance& provider, const Node& region);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_CLAIM_REGIONS_H_
