// Changes a model in a way that keeps it readable: facts, attributes, constants, nodes and edges.
#ifndef ONDA_TESTS_FUZZ_MUTATE_MODEL_H_
#define ONDA_TESTS_FUZZ_MUTATE_MODEL_H_

#include <random>

#include "core/ir/graph.h"

namespace onda::fuzz {

// One to a few changes anywhere in the model's graph or the bodies inside it.
void MutateModel(Model& model, std::mt19937_64& random);

}  // namespace onda::fuzz

#endif  // ONDA_TESTS_FUZZ_MUTATE_MODEL_H_
