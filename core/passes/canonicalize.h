// From the graph as read to the canonical graph.
#ifndef ONDA_CORE_PASSES_CANONICALIZE_H_
#define ONDA_CORE_PASSES_CANONICALIZE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/ir/op_def.h"
#include "core/ir/problem.h"

namespace onda {

struct CanonicalizeOptions {
  // Sizes of symbolic input dimensions, by name.
  std::map<std::string, int64_t> free_dimensions;
  std::stop_token stop;  // ends the walk with kCancelled
  // Budgets, against models that expand without end.
  int64_t max_nodes = 400'000;
  int max_depth = 100;
  int64_t max_folded_bytes = int64_t{64} << 20;  // per folded output; of all together twice that and the initializers
  // Nodes are folded as long as their FoldingCost fits into so much in total; those that give values of at most
  // kMaxContent elements as long as it fits into three times that. A node that then takes twice as long is left.
  std::chrono::milliseconds max_folding_time{300};

  // The canonical operator of a name; nullptr where there is none.
  std::function<const OpDef*(std::string_view domain, std::string_view op)> find_op;
  // Whether some provider has a kernel for the node, whose facts are given; where not, it is decomposed if it can be.
  std::function<bool(const Node& node, std::span<const Fact> inputs, std::span<const Fact> outputs)> has_kernel;
  // Runs a node on constants; nullopt where it cannot, or not by the deadline. Inputs that are omitted are null.
  std::function<std::optional<std::vector<TensorPtr>>(const Node& node, std::span<const TensorPtr> inputs,
                                                      std::span<const Fact> outputs,
                                                      std::chrono::steady_clock::time_point deadline)>
      evaluate;

  // For checks. Where on_problem is set, what is wrong with a node is told and the walk goes on with what the model
  // declares of the node's outputs; declared types and shapes count where inference knows less.
  ProblemSink on_problem;
  // Told, at the end of each walk of a graph of the model, the facts of its values by their handles in that graph.
  std::function<void(const Graph& read, std::vector<Fact> facts)> on_facts;
  // Whether the node is folded where it can be; null: yes. What is left is folded by FoldConstants, behind the rewrites
  // that want to see it.
  bool (*folds)(const Node& node) = nullptr;
};

// Inlines the model's functions; checks every node against its schema; upgrades, infers and folds node by node, in one
// walk, since upgrade rules need ranks and inference needs upgraded nodes. The result has the inputs and outputs of the
// model's graph under their names. Throws kInvalidModel, kNotImplemented, kResourceLimit.
std::shared_ptr<Graph> Canonicalize(const Model& model, const CanonicalizeOptions& options,
                                    std::vector<std::string>* warnings);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_CANONICALIZE_H_
