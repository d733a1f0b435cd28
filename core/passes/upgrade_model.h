// A model in the newest operator sets, to be written and not to be run.
#ifndef ONDA_CORE_PASSES_UPGRADE_MODEL_H_
#define ONDA_CORE_PASSES_UPGRADE_MODEL_H_

#include "core/ir/graph.h"

namespace onda {

// Every node in the form that its operator has in the newest operator sets. Functions are inlined, Constant nodes
// become initializers; nothing else is folded, and nothing decomposed. Throws what Canonicalize throws, and
// kNotImplemented naming a node whose meaning the newest operator sets cannot express.
Model UpgradeModel(const Model& model);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_UPGRADE_MODEL_H_
