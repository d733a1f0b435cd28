// Evaluates nodes all of whose inputs are constants, in a graph that is canonical already.
#ifndef ONDA_CORE_PASSES_FOLD_CONSTANTS_H_
#define ONDA_CORE_PASSES_FOLD_CONSTANTS_H_

#include "core/passes/canonicalize.h"

namespace onda {

// In one walk over the graph and its bodies, within the options' limits on bytes and time; then drops what nothing
// reads. For what was left unfolded while the model was read (CanonicalizeOptions::folds) and what rewrites made.
void FoldConstants(Graph& graph, const CanonicalizeOptions& options);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_FOLD_CONSTANTS_H_
