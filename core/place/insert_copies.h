#ifndef ONDA_CORE_PLACE_INSERT_COPIES_H_
#define ONDA_CORE_PLACE_INSERT_COPIES_H_

#include "core/place/place.h"

namespace onda {

// Makes every device crossing a node: a copy ahead of the first reader of each value in a memory other than its
// producer's, and of graph outputs that lie on a device. A value is copied once for all its readers in a memory and for
// all views of it. Kernels find constants in every memory. Bodies included.
void InsertCopies(Graph& graph, const InstanceSet& instances);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_INSERT_COPIES_H_
