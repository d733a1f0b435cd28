// Facts of a canonical node outside of the walk that canonicalises.
#ifndef ONDA_CORE_PASSES_INFER_NODE_H_
#define ONDA_CORE_PASSES_INFER_NODE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/ir/graph.h"
#include "core/ir/op_def.h"

namespace onda {

// Inference at compile time: what is known of an input is what its fact says.
class FactInference : public InferContext {
 public:
  std::optional<Dims> Content(size_t i) override { return input(i).Content(); }
  std::optional<std::vector<double>> Doubles(size_t i) override {
    const Fact& fact = input(i);
    if (!fact.constant || fact.constant->count() > kMaxContent || fact.dtype == DType::kString) return {};
    return fact.constant->ToDoubles();
  }
  TensorPtr Constant(size_t i) override { return input(i).constant; }
};

// Facts of the outputs of a node without bodies. fact_of gives those of its inputs. fresh counts the symbols that are
// made.
std::vector<Fact> InferNode(const Node& node, const std::function<const Fact&(ValueId)>& fact_of, int64_t& fresh);

// Facts of the outputs of a canonical graph without bodies, from those of its inputs, in order.
std::vector<Fact> InferGraph(const Graph& graph, std::vector<Fact> inputs, int64_t& fresh);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_INFER_NODE_H_
