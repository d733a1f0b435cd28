// Random graphs of float operators, and runs of them.
#ifndef ONDA_TESTS_PROVIDERS_DRAWN_GRAPH_H_
#define ONDA_TESTS_PROVIDERS_DRAWN_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/session.h"

namespace onda {

// Two inputs x and y of float[N, 4], `nodes` nodes that keep this shape (one in eight through a view), and the last
// three values as outputs. The same for the same seed.
Model DrawnGraph(uint64_t seed, int nodes);

// A model of the newest operator sets from a graph in ONNX's text syntax.
Model GraphModel(const std::string& graph);

// The plain references, nothing fused, every node on the first device that takes it.
LoadOptions PlainReferences();

// Runs all outputs with x and y of float[rows, 4], whose elements depend on `salt`, and gives their bytes.
std::vector<std::string> RunDrawn(const InferenceSession& session, int64_t rows, uint64_t salt);

// Of inputs given one by one.
std::vector<RuntimeValue> RunFeeds(const InferenceSession& session,
                                   std::vector<std::pair<std::string, RuntimeValue>> feeds);
RuntimeValue Floats(std::vector<int64_t> dims, uint64_t salt);

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_DRAWN_GRAPH_H_
