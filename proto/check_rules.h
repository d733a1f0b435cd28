// Rules of ONNX that a model can break and be run all the same.
#ifndef ONDA_PROTO_CHECK_RULES_H_
#define ONDA_PROTO_CHECK_RULES_H_

#include "core/ir/problem.h"

namespace onda::wire {
class Model;
}  // namespace onda::wire

namespace onda::proto {

// Names that must be there, initializers that must be inputs too (before IR version 4), keys that stand twice.
void CheckRules(const wire::Model& model, const ProblemSink& on_problem);

}  // namespace onda::proto

#endif  // ONDA_PROTO_CHECK_RULES_H_
