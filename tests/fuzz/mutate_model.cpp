#include "tests/fuzz/mutate_model.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/schema/schema.h"
#include "onda/float_formats.h"
#include "tests/fuzz/target.h"

namespace onda::fuzz {
namespace {

constexpr int64_t kOddIntegers[] = {
    -1,  -2,   -3,    5,          7,          8,         9,         16,        17,        64,        127,
    255, 1000, 65536, 2147483647, 2147483648, 1LL << 32, 1LL << 40, 1LL << 62, INT64_MAX, INT64_MIN, INT64_MIN + 1};
constexpr const char* kWords[] = {"",
                                  "NOTSET",
                                  "SAME_UPPER",
                                  "SAME_LOWER",
                                  "VALID",
                                  "constant",
                                  "reflect",
                                  "edge",
                                  "wrap",
                                  "linear",
                                  "nearest",
                                  "cubic",
                                  "bilinear",
                                  "none",
                                  "mean",
                                  "sum",
                                  "add",
                                  "mul",
                                  "max",
                                  "min",
                                  "forward",
                                  "reverse",
                                  "zeros",
                                  "border",
                                  "DCR",
                                  "CRD",
                                  "tanh",
                                  "Relu",
                                  "avg",
                                  "align_corners",
                                  "asymmetric",
                                  "floor",
                                  "ceil",
                                  "->",
                                  "ij,jk->ik",
                                  "...i->...",
                                  "(a|b)*c",
                                  "TFIDF",
                                  "LOGISTIC",
                                  "SOFTMAX",
                                  "LINEAR",
                                  "RBF",
                                  "bidirectional",
                                  "tf_crop_and_resize",
                                  "half_pixel",
                                  "Sigmoid",
                                  "HardSigmoid"};

class Mutator {
 public:
  Mutator(Model& model, std::mt19937_64& random) : model_(model), random_(random) {
    Collect(model.graph);
    for (const Function& f : model.functions)
      if (f.graph) Collect(f.graph);
  }

  void Once() {
    Graph& graph = *graphs_[Below(graphs_.size())];
    switch (Below(16)) {
      case 0:
      case 1:
        return ChangeInput(graph);
      case 2:
      case 3:
        return ChangeConstant(graph);
      case 4:
      case 5:
      case 6:
        return ChangeAttribute(graph);
      case 7:
        return AddAttribute(graph);
      case 8:
      case 9:
        return ChangeEdge(graph);
      case 10:
        return ChangeOperator(graph);
      case 11:
        return AppendNode(graph);
      case 12:
        return DropNode(graph);
      case 13:
        return Splice(graph);
      case 14:
        return ChangeOutputs(graph);
      default:
        if (Below(4) == 0) model_.opsets[""] = 1 + static_cast<int>(Below(28));
        if (Below(8) == 0) model_.ir_version = 3 + static_cast<int>(Below(12));
        return ChangeInput(graph);
    }
  }

 private:
  size_t Below(size_t n) { return n ? random_() % n : 0; }
  bool Chance(int one_in) { return Below(static_cast<size_t>(one_in)) == 0; }

  void Collect(const std::shared_ptr<Graph>& graph) {
    graphs_.push_back(graph);
    for (const Node& node : graph->nodes())
      for (const Body& body : node.bodies)
        if (body.graph) Collect(body.graph);
  }

  int64_t Integer() {
    return Chance(4) ? kOddIntegers[Below(std::size(kOddIntegers))] : static_cast<int64_t>(Below(5));
  }
  double Real() {
    constexpr double kOdd[] = {
        0, -0.0, 0.5, 1e-8, 1e30, -1e30, 1e308, __builtin_inf(), -__builtin_inf(), __builtin_nan("")};
    return Chance(3) ? kOdd[Below(std::size(kOdd))] : (static_cast<double>(Below(41)) - 20) / 4;
  }
  std::string Word() { return kWords[Below(std::size(kWords))]; }
  DType Type() {
    constexpr DType kUsual[] = {DType::kFloat, DType::kInt64,  DType::kBool,    DType::kInt32, DType::kUint8,
                                DType::kInt8,  DType::kDouble, DType::kFloat16, DType::kString};
    return Chance(3) ? static_cast<DType>(1 + Below(26)) : kUsual[Below(std::size(kUsual))];
  }
  Dim Size() {
    if (Chance(4)) return Dim::Symbol(std::string(1, static_cast<char>('m' + Below(3))));
    const int64_t size = Integer();
    return size < 0 ? 1 : size;
  }
  // A value that a node at `position` may read.
  ValueId Readable(const Graph& graph, NodeId position) {
    const size_t count = graph.values().size();
    if (count == 0) return kNoValue;
    const size_t start = Below(count);
    for (size_t i = 0; i < count; ++i) {
      const auto id = static_cast<ValueId>((start + i) % count);
      const Value& value = graph.value(id);
      if (value.producer == kNoNode ? value.fact.constant || graph.IsInput(id) : value.producer < position) return id;
    }
    return kNoValue;
  }
  NodeId SomeNode(const Graph& graph) {
    return graph.nodes().empty() ? kNoNode : static_cast<NodeId>(Below(graph.nodes().size()));
  }
  std::string NewName() { return "q" + std::to_string(random_() % 1000000); }

  void ChangeInput(Graph& graph) {
    if (graph.inputs.empty()) return;
    Fact& fact = graph.value(graph.inputs[Below(graph.inputs.size())]).fact;
    if (fact.constant) return;
    Fact* tensor = &fact;
    if (!fact.is_tensor() || Chance(20)) {
      switch (Below(4)) {
        case 0:
          fact = Fact::Sequence(Fact::Tensor(Type(), {Size()}));
          return;
        case 1:
          fact = Fact::Optional(Fact::Tensor(Type(), {Size()}));
          return;
        default:
          fact = Fact::Tensor(Type(), {Size(), Size()});
          return;
      }
    }
    if (Chance(5)) tensor->dtype = Type();
    if (!tensor->shape) {
      tensor->shape = Dims{Size()};
    } else if (Chance(30)) {
      tensor->shape.reset();
    } else if (tensor->shape->empty() || Chance(5)) {
      tensor->shape->insert(tensor->shape->begin() + static_cast<int64_t>(Below(tensor->shape->size() + 1)), Size());
    } else if (Chance(5)) {
      tensor->shape->erase(tensor->shape->begin() + static_cast<int64_t>(Below(tensor->shape->size())));
    } else {
      (*tensor->shape)[Below(tensor->shape->size())] = Size();
    }
  }

  TensorPtr Changed(const TensorPtr& old) {
    DType dtype = old->dtype();
    std::vector<int64_t> dims = old->dims();
    if (Chance(8)) dtype = Type();
    if (Chance(4)) {
      if (dims.empty() || Chance(3)) {
        dims.insert(dims.begin() + static_cast<int64_t>(Below(dims.size() + 1)), static_cast<int64_t>(Below(4)));
      } else if (Chance(3)) {
        dims.erase(dims.begin() + static_cast<int64_t>(Below(dims.size())));
      } else {
        dims[Below(dims.size())] = static_cast<int64_t>(Below(6));
      }
    }
    int64_t count = 1;
    for (int64_t d : dims) count *= std::min<int64_t>(d, 64);
    if (count > 512 || old->bytes() > 4096) return old;
    auto tensor = Tensor::Make(dtype, dims);
    const bool same = dtype == old->dtype();
    for (int64_t i = 0; i < tensor->count(); ++i) {
      const bool keep =
          same && i < old->count() && !Chance(static_cast<int>(std::min<int64_t>(tensor->count(), 8)) + 1);
      if (dtype == DType::kString) {
        tensor->mutable_as<std::string>()[i] = keep ? old->as<std::string>()[i] : Word();
      } else if (IsComplex(dtype)) {
        continue;
      } else if (IsInteger(dtype) || dtype == DType::kBool) {
        const int64_t value = keep ? LoadInt64(dtype, old->data(), i) : Integer();
        StoreInt64(dtype, tensor->mutable_data(), i, dtype == DType::kBool ? value != 0 : value);
      } else {
        StoreDouble(dtype, tensor->mutable_data(), i, keep ? LoadDouble(dtype, old->data(), i) : Real());
      }
    }
    return tensor;
  }

  void ChangeConstant(Graph& graph) {
    std::vector<ValueId> constants;
    for (ValueId id : graph.initializers)
      if (graph.FactOf(id).constant) constants.push_back(id);
    if (constants.empty()) return ChangeAttribute(graph);
    Fact& fact = graph.value(constants[Below(constants.size())]).fact;
    fact = Fact::Constant(Changed(fact.constant));
  }

  AttributeValue Changed(const AttributeValue& old) {
    if (const auto* list = std::get_if<std::vector<int64_t>>(&old)) {
      std::vector<int64_t> changed = *list;
      if (changed.empty() || Chance(5)) {
        changed.insert(changed.begin() + static_cast<int64_t>(Below(changed.size() + 1)), Integer());
      } else if (Chance(5)) {
        changed.erase(changed.begin() + static_cast<int64_t>(Below(changed.size())));
      } else {
        changed[Below(changed.size())] = Integer();
      }
      return changed;
    }
    if (const auto* list = std::get_if<std::vector<float>>(&old)) {
      std::vector<float> changed = *list;
      if (changed.empty() || Chance(5)) {
        changed.push_back(static_cast<float>(Real()));
      } else if (Chance(5)) {
        changed.pop_back();
      } else {
        changed[Below(changed.size())] = static_cast<float>(Real());
      }
      return changed;
    }
    if (const auto* list = std::get_if<std::vector<std::string>>(&old)) {
      std::vector<std::string> changed = *list;
      if (changed.empty() || Chance(4)) {
        changed.push_back(Word());
      } else {
        changed[Below(changed.size())] = Word();
      }
      return changed;
    }
    if (const auto* tensor = std::get_if<TensorPtr>(&old); tensor && *tensor) return Changed(*tensor);
    if (std::holds_alternative<float>(old)) return static_cast<float>(Real());
    if (std::holds_alternative<int64_t>(old)) return Integer();
    if (std::holds_alternative<std::string>(old)) return Word();
    return old;
  }

  void ChangeAttribute(Graph& graph) {
    const NodeId id = SomeNode(graph);
    if (id == kNoNode) return;
    AttributeMap& attributes = graph.node(id).attributes;
    if (attributes.empty()) return AddAttribute(graph);
    const auto at = std::next(attributes.entries().begin(), static_cast<int64_t>(Below(attributes.entries().size())));
    const std::string name = at->name;
    if (Chance(8)) return attributes.Remove(name);
    AttributeValue value = Changed(at->value);
    attributes.Set(name, std::move(value));
  }

  void AddAttribute(Graph& graph) {
    const NodeId id = SomeNode(graph);
    if (id == kNoNode) return;
    Node& node = graph.node(id);
    const Schema* schema = FindSchema(node.domain, node.op_type, NewestOpset(node.domain));
    if (!schema || schema->attributes().empty()) return;
    const SchemaAttribute& attribute = schema->attributes()[Below(schema->attributes().size())];
    const std::string name(attribute.name());
    switch (attribute.kind()) {
      case AttributeKind::kInt:
        return node.attributes.Set(name, Integer());
      case AttributeKind::kFloat:
        return node.attributes.Set(name, static_cast<float>(Real()));
      case AttributeKind::kString:
        return node.attributes.Set(name, Word());
      case AttributeKind::kInts:
        return node.attributes.Set(name, std::vector<int64_t>{Integer(), Integer()});
      case AttributeKind::kFloats:
        return node.attributes.Set(name, std::vector<float>{static_cast<float>(Real())});
      case AttributeKind::kStrings:
        return node.attributes.Set(name, std::vector<std::string>{Word()});
      default:
        return;
    }
  }

  void ChangeEdge(Graph& graph) {
    const NodeId id = SomeNode(graph);
    if (id == kNoNode) return;
    Node& node = graph.node(id);
    if (node.inputs.empty() || Chance(8)) {
      node.inputs.push_back(Chance(3) ? kNoValue : Readable(graph, id));
    } else if (Chance(8)) {
      node.inputs.pop_back();
    } else if (Chance(6)) {
      node.inputs[Below(node.inputs.size())] = kNoValue;
    } else if (node.inputs.size() > 1 && Chance(4)) {
      std::swap(node.inputs[0], node.inputs[Below(node.inputs.size())]);
    } else {
      node.inputs[Below(node.inputs.size())] = Readable(graph, id);
    }
    while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
  }

  const Schema& SomeOperator() { return AllSchemas()[Below(AllSchemas().size())]; }

  void ChangeOperator(Graph& graph) {
    const NodeId id = SomeNode(graph);
    if (id == kNoNode) return;
    const Schema& op = SomeOperator();
    graph.node(id).op_type = op.name();
    graph.node(id).domain = op.domain();
  }

  void AppendNode(Graph& graph) {
    const auto end = static_cast<NodeId>(graph.nodes().size());
    const Schema* schema = &SomeOperator();
    Node node;
    node.op_type = schema->name();
    node.domain = schema->domain();
    const size_t inputs = schema->min_inputs +
                          Below(schema->input_count - std::min(schema->min_inputs, uint16_t{schema->input_count}) + 1);
    for (size_t i = 0; i < inputs; ++i) node.inputs.push_back(Readable(graph, end));
    for (size_t i = 0; i < std::max<size_t>(schema->min_outputs, 1); ++i) {
      const ValueId value = graph.AddValue(NewName());
      node.outputs.push_back(value);
      if (&graph == model_.graph.get()) graph.outputs.push_back(value);
    }
    graph.AddNode(std::move(node));
  }

  void DropNode(Graph& graph) {
    if (graph.nodes().size() < 2) return;
    const NodeId drop = SomeNode(graph);
    std::vector<Node> nodes(graph.nodes().begin(), graph.nodes().end());
    const std::vector<ValueId> orphans = nodes[static_cast<size_t>(drop)].outputs;
    nodes.erase(nodes.begin() + drop);
    graph.ReplaceNodes(std::move(nodes));
    if (&graph != model_.graph.get()) return;
    for (ValueId id : orphans) {
      if (id == kNoValue) continue;
      graph.value(id).fact = Fact::Tensor(Type(), {Size(), Size()});
      graph.inputs.push_back(id);
    }
  }

  // The nodes of another seed, some of its inputs being values that are here already.
  void Splice(Graph& graph) {
    if (&graph != model_.graph.get() || graph.nodes().size() > 20) return;
    const Model other = ParseSeed(Seeds()[Below(Seeds().size())]);
    const Graph& from = *other.graph;
    const auto end = static_cast<NodeId>(graph.nodes().size());
    std::vector<ValueId> map(from.values().size(), kNoValue);
    for (ValueId id : from.inputs) {
      map[id] = Chance(2) ? Readable(graph, end) : kNoValue;
      if (map[id] == kNoValue) map[id] = graph.AddInput(NewName(), from.FactOf(id));
    }
    for (ValueId id : from.initializers)
      if (map[id] == kNoValue && from.FactOf(id).constant)
        map[id] = graph.AddInitializer(NewName(), from.FactOf(id).constant);
    for (Node node : from.nodes()) {
      for (ValueId& id : node.inputs)
        if (id != kNoValue) id = map[id];
      for (Body& body : node.bodies)
        for (ValueId& id : body.captures) id = map[id];
      for (ValueId& id : node.outputs)
        if (id != kNoValue) id = map[id] = graph.AddValue(NewName());
      node.name.clear();
      graph.AddNode(std::move(node));
    }
    for (ValueId id : from.outputs)
      if (map[id] != kNoValue) graph.outputs.push_back(map[id]);
  }

  void ChangeOutputs(Graph& graph) {
    if (Chance(2) && graph.outputs.size() > 1) {
      graph.outputs.erase(graph.outputs.begin() + static_cast<int64_t>(Below(graph.outputs.size())));
    } else if (const ValueId id = Readable(graph, static_cast<NodeId>(graph.nodes().size())); id != kNoValue) {
      graph.outputs.push_back(id);
    }
  }

  Model& model_;
  std::mt19937_64& random_;
  std::vector<std::shared_ptr<Graph>> graphs_;
};

}  // namespace

void MutateModel(Model& model, std::mt19937_64& random) {
  Mutator mutator(model, random);
  do {
    mutator.Once();
  } while (random() % 3 == 0);
}

}  // namespace onda::fuzz
