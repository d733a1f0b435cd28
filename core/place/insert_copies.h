#ifndef ONDA_CORE_PLACE_INSERT_COPIES_H_
#define ONDA_CORE_PLACE_INSERT_COPIES_H_

#include "core/place/place.h"

namespace onda {

// Adds a copy node ahead of the first reader of each value in a memory other than its producer's. Constants are in every
// memory. Gives the reasons under the nodes' new indices, those of the copies added.
PlacementReasons InsertCopies(Graph& graph, const InstanceSet& instances, const PlacementReasons& reasons);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_INSERT_COPIES_H_
