// ONNX's checker, and full inference of types and shapes.
#ifndef ONDA_CORE_CHECK_H_
#define ONDA_CORE_CHECK_H_

#include <string>
#include <string_view>

#include "core/ir/graph.h"
#include "core/ir/problem.h"

namespace onda {

// Holds every node, those of functions and bodies too, against its signature, and, with inference, infers types and
// shapes; on_problem is told of everything that is wrong, and of declared types and shapes that cannot be. Throws only
// where the check itself cannot go on.
void CheckModel(const Model& model, bool inference, const ProblemSink& on_problem);

// The model with the types and shapes of all values, as far as they follow. Declared ones stay where inference knows
// less. What is wrong with a node leaves its outputs as they are declared.
Model InferShapes(const Model& model);

}  // namespace onda

#endif  // ONDA_CORE_CHECK_H_
