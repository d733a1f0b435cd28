#include "core/text/model_parser.h"

namespace onda::text {
namespace {

// Attributes are looked up one by one; no operator has nearly so many.
constexpr size_t kMaxAttributes = 1024;

AttributeKind SingleKind(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kFloats:
      return AttributeKind::kFloat;
    case AttributeKind::kInts:
      return AttributeKind::kInt;
    case AttributeKind::kStrings:
      return AttributeKind::kString;
    case AttributeKind::kTensors:
      return AttributeKind::kTensor;
    case AttributeKind::kGraphs:
      return AttributeKind::kGraph;
    case AttributeKind::kSparseTensors:
      return AttributeKind::kSparseTensor;
    case AttributeKind::kTypes:
      return AttributeKind::kType;
    default:
      return kind;
  }
}

}  // namespace

void ModelParser::ReadAttributes(Node& node, Scope& scope, const Surroundings& around) {
  if (!cursor_.Matches('<') || cursor_.Matches('>')) return;
  do {
    ReadAttribute(cursor_.Name("the name of an attribute"), node, scope, around);
  } while (cursor_.Matches(','));
  cursor_.Expect('>');
}

AttributeKind ModelParser::ReadAttributeKind() {
  const size_t at = cursor_.position();
  const std::string name = cursor_.Identifier("the type of an attribute");
  for (int i = 1; i <= static_cast<int>(AttributeKind::kTypes); ++i)
    if (NameOf(static_cast<AttributeKind>(i)) == name) return static_cast<AttributeKind>(i);
  cursor_.FailAt(at, "'" + name + "' is no type of attributes (such as int, floats, tensor or graph)");
}

void ModelParser::ReadAttribute(std::string name, Node& node, Scope& scope, const Surroundings& around) {
  const size_t at = cursor_.position();
  if (node.attributes.Has(name) || node.FindBody(name)) {
    cursor_.FailAt(at, "attribute '" + name + "' is given twice");
  }
  if (node.attributes.entries().size() >= kMaxAttributes) cursor_.FailAt(at, "a node has too many attributes");
  AttributeKind kind = AttributeKind::kUndefined;
  if (cursor_.Matches(':')) kind = ReadAttributeKind();
  cursor_.Expect('=');
  if (cursor_.Matches('@')) return ReadReference(std::move(name), kind, node, around);
  if (cursor_.Matches('[')) return ReadList(name, kind, node, scope, around);
  if (SingleKind(kind) != kind) cursor_.FailExpecting("'[' and a list");
  AttributeValue value = ReadSingle(name, &kind, node, scope, around);
  if (kind != AttributeKind::kGraph) node.attributes.Set(std::move(name), std::move(value));
}

void ModelParser::ReadReference(std::string name, AttributeKind kind, Node& node, const Surroundings& around) {
  const size_t at = cursor_.position();
  std::string source = cursor_.Name("the name of an attribute of the function");
  if (!around.function) {
    cursor_.FailAt(at, "attribute '" + name + "' refers to '" + source + "', but there is no enclosing function");
  }
  bool declared = around.function->defaults.Has(source);
  for (const std::string& required : around.function->attributes) declared = declared || required == source;
  if (!declared) cursor_.FailAt(at, "'" + source + "' is no attribute of the enclosing function");
  node.attributes.Set(std::move(name), AttributeReference{std::move(source), kind});
}

AttributeValue ModelParser::ReadSingle(const std::string& name, AttributeKind* kind, Node& node, Scope& scope,
                                       const Surroundings& around) {
  const size_t at = cursor_.position();
  const auto require = [&](AttributeKind found) {
    if (*kind == AttributeKind::kUndefined) *kind = found;
    if (*kind != found) {
      cursor_.FailAt(at, "attribute '" + name + "' is declared as " + std::string(NameOf(*kind)) + " and given " +
                             std::string(NameOf(found)));
    }
  };
  const char next = cursor_.Peek();
  if (*kind != AttributeKind::kGraph && values_.AtType()) {
    const Fact type = values_.ReadType();
    const char behind = cursor_.Peek();
    const bool data = behind == '{' || behind == '=' || cursor_.AtName();
    if (!data) {
      require(AttributeKind::kType);
      return type;
    }
    if (cursor_.AtName()) cursor_.Name("the tensor's name");
    cursor_.Matches('=');
    if (type.kind == ValueKind::kSparse) {
      require(AttributeKind::kSparseTensor);
      return values_.ReadSparseData(type);
    }
    require(AttributeKind::kTensor);
    return values_.ReadTensorData(type);
  }
  const bool graph =
      *kind == AttributeKind::kGraph || next == '(' || (!cursor_.PeekIdentifier().empty() && !cursor_.AtSpecialFloat());
  if (graph) {
    require(AttributeKind::kGraph);
    Body body{name, std::make_shared<Graph>(), {}};
    Surroundings inside = around;
    ++inside.depth;
    ReadGraph(*body.graph, &scope, inside, &body.captures);
    node.bodies.push_back(std::move(body));
    return {};
  }
  const Literal literal = cursor_.ReadLiteral("the value of an attribute");
  switch (literal.kind) {
    case LiteralKind::kString:
      require(AttributeKind::kString);
      return literal.text;
    case LiteralKind::kFloat:
      require(AttributeKind::kFloat);
      return ToFloat(cursor_, literal);
    case LiteralKind::kInt:
      break;
  }
  if (*kind == AttributeKind::kFloat) return ToFloat(cursor_, literal);
  require(AttributeKind::kInt);
  return ToInt64(cursor_, literal);
}

void ModelParser::ReadList(const std::string& name, AttributeKind kind, Node& node, Scope& scope,
                           const Surroundings& around) {
  const size_t at = cursor_.position();
  AttributeKind single = SingleKind(kind);
  if (kind != AttributeKind::kUndefined && single == kind) {
    cursor_.FailAt(at, "attribute '" + name + "' is declared as " + std::string(NameOf(kind)) + " and given a list");
  }
  std::vector<AttributeValue> items;
  bool floats = false;
  if (!cursor_.Matches(']')) {
    do {
      AttributeKind item = single;
      items.push_back(ReadSingle(name, &item, node, scope, around));
      floats = floats || item == AttributeKind::kFloat;
      const bool numbers = (item == AttributeKind::kInt && floats) || item == AttributeKind::kFloat;
      if (single == AttributeKind::kUndefined && items.size() > 1 && !numbers &&
          items.back().index() != items.front().index()) {
        cursor_.FailAt(at, "the list of attribute '" + name + "' mixes values of several types");
      }
      if (items.size() == 1 && item != AttributeKind::kInt && item != AttributeKind::kFloat) single = item;
    } while (cursor_.Matches(','));
    cursor_.Expect(']');
  } else if (kind == AttributeKind::kUndefined) {
    cursor_.FailAt(at, "an empty list needs the attribute's type, as in '" + name + ": ints = []'");
  }
  if (single == AttributeKind::kUndefined) single = floats ? AttributeKind::kFloat : AttributeKind::kInt;

  const auto gather = [&]<class T>(std::vector<T> list) {
    for (AttributeValue& item : items) {
      T* value = std::get_if<T>(&item);
      if (!value) cursor_.FailAt(at, "the list of attribute '" + name + "' mixes values of several types");
      list.push_back(std::move(*value));
    }
    node.attributes.Set(name, std::move(list));
  };
  switch (single) {
    case AttributeKind::kFloat:
      for (AttributeValue& item : items)
        if (const int64_t* integer = std::get_if<int64_t>(&item)) item = static_cast<float>(*integer);
      return gather(std::vector<float>());
    case AttributeKind::kInt:
      return gather(std::vector<int64_t>());
    case AttributeKind::kString:
      return gather(std::vector<std::string>());
    case AttributeKind::kTensor:
      return gather(std::vector<TensorPtr>());
    case AttributeKind::kSparseTensor:
      return gather(std::vector<SparseTensor>());
    case AttributeKind::kType:
      return gather(std::vector<Fact>());
    default:
      return;  // graphs are in node.bodies already
  }
}

}  // namespace onda::text
