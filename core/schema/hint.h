// What might help where a node breaks the signature of its operator.
#ifndef ONDA_CORE_SCHEMA_HINT_H_
#define ONDA_CORE_SCHEMA_HINT_H_

#include <string>

#include "core/ir/graph.h"

namespace onda {

// "" where nothing is to be said. opset: that the graph imports of the node's domain; 0: none.
std::string HintFor(const Node& node, int opset);

}  // namespace onda

#endif  // ONDA_CORE_SCHEMA_HINT_H_
