// What the rewrites make of a graph, and that its numbers stay.
#ifndef ONDA_TESTS_PASSES_REWRITTEN_H_
#define ONDA_TESTS_PASSES_REWRITTEN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ir/graph.h"

namespace onda::testing {

struct RewriteCase {
  std::string graph;                         // "g (float[2,3] x) => (float[2,3] y) <...> { ... }"
  std::map<std::string, int64_t> dims = {};  // sizes of the symbols of its inputs
  std::vector<std::string> skip = {};        // rules that are left out
  double tolerance = 2e-5;                   // absolute, of outputs in floating point; others must be equal
  int64_t opset = 21;
};

// The operators behind all rewrites, in order, each with the attributes that say how it works, such as
// "Attention<is_causal=1>"; views are left out, and chains are not made regions. Runs the graph with all rewrites, with
// each rule alone and with none on the same random feeds and fails the test where results differ.
std::string Rewritten(const RewriteCase& c);

// A model of "(float[2,3] x) => (float[2,3] y) <...> { ... }", opset 21.
Model ModelOf(const std::string& graph);
// The operators of the graph behind all rewrites but those of `skip`, in order; an activation that one took in stands
// behind its name, and the steps of a region in brackets.
std::string OperatorsAfter(const std::string& graph, const std::vector<std::string>& skip = {});

}  // namespace onda::testing

#endif  // ONDA_TESTS_PASSES_REWRITTEN_H_
