#include "core/passes/infer_node.h"

#include "core/ir/op_def.h"

namespace onda {
namespace {

class NodeInference : public InferContext {
 public:
  NodeInference(const Node& node, std::vector<const Fact*> facts, int64_t& fresh) : fresh_(fresh) {
    Start(node, std::move(facts));
  }
  std::optional<Dims> Content(size_t i) override { return input(i).Content(); }
  std::optional<std::vector<double>> Doubles(size_t i) override {
    const Fact& fact = input(i);
    if (!fact.constant || fact.constant->count() > kMaxContent || fact.dtype == DType::kString) return {};
    return fact.constant->ToDoubles();
  }
  TensorPtr Constant(size_t i) override { return input(i).constant; }
  Dim FreshDim() override { return Dim::Symbol("_p" + std::to_string(fresh_++)); }
  std::vector<Fact> InferBody(size_t, std::vector<Fact>) override {
    throw Error(ErrorCode::kInternal, "a pass made a node with a body");
  }

 private:
  int64_t& fresh_;
};

}  // namespace

std::vector<Fact> InferNode(const Node& node, const std::function<const Fact&(ValueId)>& fact_of, int64_t& fresh) {
  std::vector<const Fact*> facts;
  for (ValueId id : node.inputs) facts.push_back(id == kNoValue ? nullptr : &fact_of(id));
  NodeInference inference(node, std::move(facts), fresh);
  node.op->infer(inference);
  return inference.outputs();
}

}  // namespace onda
