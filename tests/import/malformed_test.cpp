// Models that break the rules: each gets one error that names the place and the cause.
#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>

#include "tests/import/models.h"

namespace onda::proto {
namespace {

// A model with a bit of everything: bodies, functions, tensors in several places.
wire::Model RichModel() {
  wire::Model model = ReluModel();
  wire::Graph& graph = *model.mutable_graph();
  AddInput(graph, "c", {}, DType::kBool);
  AddInitializer(graph, "w", DType::kFloat, {2}, std::string(8, '\x3f'));
  wire::Node* branch = AddNode(graph, "If", "if", {"c"}, {"z"});
  for (const char* name : {"then_branch", "else_branch"}) {
    wire::Attribute& attribute = *branch->add_attribute();
    attribute.set_name(name);
    attribute.set_type(wire::Attribute::GRAPH);
    wire::Graph& body = *attribute.mutable_g();
    body.set_name(name);
    AddNode(body, "Add", "add", {"y", "w"}, {"sum"});
    AddOutput(body, "sum");
  }
  AddOutput(graph, "z");
  model.add_opset_import()->set_domain("local");
  model.mutable_opset_import(1)->set_version(1);
  wire::Function& function = *model.add_functions();
  function.set_domain("local");
  function.set_name("Scale");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("factor");
  function.add_opset_import()->set_version(21);
  wire::Node& constant = *function.add_node();
  constant.set_op_type("Constant");
  constant.add_output("f");
  constant.add_attribute()->set_name("value_float");
  constant.mutable_attribute(0)->set_ref_attr_name("factor");
  constant.mutable_attribute(0)->set_type(wire::Attribute::FLOAT);
  wire::Node& mul = *function.add_node();
  mul.set_op_type("Mul");
  mul.add_input("a");
  mul.add_input("f");
  mul.add_output("b");
  wire::Node* call = AddNode(graph, "Scale", "call", {"z"}, {"scaled"});
  call->set_domain("local");
  call->add_attribute()->set_name("factor");
  call->mutable_attribute(0)->set_type(wire::Attribute::FLOAT);
  call->mutable_attribute(0)->set_f(2);
  return model;
}

wire::Attribute* AddInt(wire::Node& node, const std::string& name, int64_t value) {
  wire::Attribute* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(wire::Attribute::INT);
  attribute->set_i(value);
  return attribute;
}

TEST(Malformed, RichModelIsSound) { EXPECT_EQ(ErrorOf(RichModel()), ""); }

TEST(Malformed, EveryTruncationIsAnErrorOrAWholeModel) {
  const std::string whole = RichModel().SerializeAsString();
  int accepted = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string error = ErrorOf(whole.substr(0, size));
    // A cut between two fields of the model leaves a model.
    if (error.empty()) ++accepted;
  }
  EXPECT_LE(accepted, 4);
}

TEST(Malformed, TruncatedFileSaysWhere) {
  const std::string whole = ReluModel().SerializeAsString();
  EXPECT_MENTIONS(ErrorOf(whole.substr(0, whole.size() - 3)), "not a valid ONNX file", "at byte");
  EXPECT_MENTIONS(ErrorOf(std::string()), "it is empty");
  EXPECT_MENTIONS(ErrorOf(std::string("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")), "git lfs pull");
}

TEST(Malformed, RandomBytesNeverGetThrough) {
  uint64_t state = 20261123;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(1 + round % 300, '\0');
    for (char& c : bytes) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      c = static_cast<char>(state >> 56);
    }
    EXPECT_NE(ErrorOf(bytes), "");
  }
}

TEST(Malformed, DamagedBytesAreAnErrorOrAModel) {
  const std::string whole = RichModel().SerializeAsString();
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int value : {0x00, 0x7f, 0x80, 0xff, whole[at] ^ 1, whole[at] ^ 0x10}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(value);
      refused += !ErrorOf(bytes).empty();
    }
  }
  EXPECT_GT(refused, static_cast<int>(whole.size()));
}

TEST(Malformed, Cycles) {
  wire::Model model = ReluModel();
  AddNode(*model.mutable_graph(), "Add", "first", {"x", "b"}, {"a"});
  AddNode(*model.mutable_graph(), "Relu", "second", {"a"}, {"b"});
  EXPECT_MENTIONS(ErrorOf(model), "cycle", "'first' (Add, ai.onnx opset 21)", "'second' (Relu");

  wire::Model self = ReluModel();
  AddNode(*self.mutable_graph(), "Add", "loop", {"x", "s"}, {"s"});
  EXPECT_MENTIONS(ErrorOf(self), "cycle", "'loop'");

  // Through what a body captures.
  wire::Model captured = RichModel();
  wire::Node& branch = *captured.mutable_graph()->mutable_node(1);
  branch.mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "z");
  EXPECT_MENTIONS(ErrorOf(captured), "cycle", "'if' (If");
}

TEST(Malformed, NodesOutOfOrderAreSorted) {
  wire::Model model = EmptyModel();
  AddInput(*model.mutable_graph(), "x");
  AddNode(*model.mutable_graph(), "Relu", "c", {"b"}, {"y"});
  AddNode(*model.mutable_graph(), "Relu", "b", {"a"}, {"b"});
  AddNode(*model.mutable_graph(), "Relu", "a", {"x"}, {"a"});
  AddOutput(*model.mutable_graph(), "y");
  const Model read = Import(model);
  std::string order;
  for (const Node& node : read.graph->nodes()) order += node.name;
  EXPECT_EQ(order, "abc");
}

TEST(Malformed, NamesThatNothingDefines) {
  wire::Model model = ReluModel();
  model.mutable_graph()->mutable_node(0)->set_input(0, "nowhere");
  EXPECT_MENTIONS(ErrorOf(model),
                  "1: node 'relu' (Relu, ai.onnx opset 21): input 0 is 'nowhere', which nothing defines");

  wire::Model output = ReluModel();
  output.mutable_graph()->mutable_output(0)->set_name("missing");
  EXPECT_MENTIONS(ErrorOf(output), "output 'missing'", "defined by nothing");

  wire::Model body = RichModel();
  body.mutable_graph()->mutable_node(1)->mutable_attribute(1)->mutable_g()->mutable_node(0)->set_input(1, "gone");
  EXPECT_MENTIONS(ErrorOf(body), "node 'if' (If", "attribute 'else_branch'", "node 'add' (Add", "'gone'");
}

TEST(Malformed, NamesThatAreDefinedTwice) {
  wire::Model twice = ReluModel();
  AddNode(*twice.mutable_graph(), "Abs", "abs", {"x"}, {"y"});
  EXPECT_MENTIONS(ErrorOf(twice), "'abs' (Abs)", "'y' again", "another node's output");

  wire::Model over_input = ReluModel();
  AddNode(*over_input.mutable_graph(), "Abs", "abs", {"x"}, {"x"});
  EXPECT_MENTIONS(ErrorOf(over_input), "'x' again", "an input");

  wire::Model inputs = ReluModel();
  AddInput(*inputs.mutable_graph(), "x");
  EXPECT_MENTIONS(ErrorOf(inputs), "input 'x'", "twice");

  wire::Model initializers = ReluModel();
  AddInitializer(*initializers.mutable_graph(), "w", DType::kUint8, {1}, "a");
  AddInitializer(*initializers.mutable_graph(), "w", DType::kUint8, {1}, "b");
  EXPECT_MENTIONS(ErrorOf(initializers), "initializer 'w'", "twice");

  wire::Model attributes = ReluModel();
  AddInt(*attributes.mutable_graph()->mutable_node(0), "a", 1);
  AddInt(*attributes.mutable_graph()->mutable_node(0), "a", 2);
  EXPECT_MENTIONS(ErrorOf(attributes), "node 'relu'", "attribute 'a' is given twice");

  wire::Model functions = RichModel();
  *functions.add_functions() = functions.functions(0);
  EXPECT_MENTIONS(ErrorOf(functions), "local.Scale", "twice");
}

TEST(Malformed, AttributesOfTheWrongKind) {
  wire::Model model = ReluModel();
  AddInt(*model.mutable_graph()->mutable_node(0), "a", 1)->set_type(wire::Attribute::FLOATS);
  EXPECT_MENTIONS(ErrorOf(model), "attribute 'a'", "of type FLOATS", "of type INT");

  wire::Model none = ReluModel();
  none.mutable_graph()->mutable_node(0)->add_attribute()->set_name("a");
  EXPECT_MENTIONS(ErrorOf(none), "attribute 'a'", "neither a type nor a value");

  wire::Model reference = ReluModel();
  wire::Attribute& attribute = *reference.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("a");
  attribute.set_type(wire::Attribute::INT);
  attribute.set_ref_attr_name("b");
  EXPECT_MENTIONS(ErrorOf(reference), "refers to 'b'", "no enclosing function");

  wire::Model graph = ReluModel();
  graph.mutable_graph()->mutable_node(0)->add_attribute()->set_name("body");
  graph.mutable_graph()->mutable_node(0)->mutable_attribute(0)->set_type(wire::Attribute::GRAPH);
  EXPECT_MENTIONS(ErrorOf(graph), "attribute 'body'", "no graph");
}

TEST(Malformed, Types) {
  wire::Model negative = EmptyModel();
  AddInput(*negative.mutable_graph(), "x", {-7});
  EXPECT_MENTIONS(ErrorOf(negative), "input 'x'", "negative dimension -7");

  wire::Model open = EmptyModel();
  AddInput(*open.mutable_graph(), "x", {-1});
  EXPECT_FALSE(Import(open).graph->FactOf(0).shape->front().known());

  wire::Model dtype = EmptyModel();
  AddInput(*dtype.mutable_graph(), "x", {1}, static_cast<DType>(77));
  EXPECT_MENTIONS(ErrorOf(dtype), "input 'x'", "element type 77");

  wire::Model untyped = EmptyModel();
  untyped.mutable_graph()->add_input()->set_name("x");
  EXPECT_MENTIONS(ErrorOf(untyped), "input 'x' has no type");

  wire::Model rank = EmptyModel();
  wire::ValueInfo* info = AddInput(*rank.mutable_graph(), "x", {});
  for (int i = 0; i < 65; ++i) info->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim();
  EXPECT_MENTIONS(ErrorOf(rank), "input 'x'", "rank 65");

  wire::Model mismatch = EmptyModel();
  AddInput(*mismatch.mutable_graph(), "w", {3}, DType::kUint8);
  AddInitializer(*mismatch.mutable_graph(), "w", DType::kUint8, {2}, "ab");
  EXPECT_MENTIONS(ErrorOf(mismatch), "initializer 'w'", "uint8[2]", "uint8[3]");
}

TEST(Malformed, NestingTooDeep) {
  const auto nested = [](int depth) {
    wire::Model model = EmptyModel();
    wire::Graph* graph = model.mutable_graph();
    for (int i = 0; i < depth; ++i) {
      wire::Attribute* attribute = AddNode(*graph, "If", "if", {}, {"o"})->add_attribute();
      attribute->set_name("then_branch");
      attribute->set_type(wire::Attribute::GRAPH);
      graph = attribute->mutable_g();
    }
    return model;
  };
  EXPECT_EQ(ErrorOf(nested(63)), "");
  EXPECT_MENTIONS(ErrorOf(nested(64)), "nests deeper than 64 levels");
  EXPECT_MENTIONS(ErrorOf(nested(5000)), "nests deeper than 64 levels");

  wire::Model types = EmptyModel();
  wire::Type* type = types.mutable_graph()->add_input()->mutable_type();
  for (int i = 0; i < 20000; ++i) type = type->mutable_sequence_type()->mutable_elem_type();
  types.mutable_graph()->mutable_input(0)->set_name("x");
  EXPECT_MENTIONS(ErrorOf(types), "nests too deeply");
}

TEST(Malformed, Versions) {
  wire::Model newer = ReluModel();
  newer.set_ir_version(15);
  EXPECT_MENTIONS(ErrorOf(newer), "IR version 15", "1 to 14");
  wire::Model none = ReluModel();
  none.clear_ir_version();
  EXPECT_MENTIONS(ErrorOf(none), "no ir_version");
  wire::Model headless = ReluModel();
  headless.clear_graph();
  EXPECT_MENTIONS(ErrorOf(headless), "no graph");
  wire::Model opsets = ReluModel();
  opsets.clear_opset_import();
  EXPECT_MENTIONS(ErrorOf(opsets), "no opset_import");
  opsets.add_opset_import()->set_version(-3);
  EXPECT_MENTIONS(ErrorOf(opsets), "ai.onnx", "version -3");
  wire::Model two = ReluModel();
  two.add_opset_import()->set_version(7);
  EXPECT_MENTIONS(ErrorOf(two), "ai.onnx twice", "21", "7");
  wire::Model domain = ReluModel();
  domain.mutable_graph()->mutable_node(0)->set_domain("com.example");
  EXPECT_MENTIONS(ErrorOf(domain), "node 'relu' (Relu, com.example)", "no opset_import");
  wire::Model old = ReluModel();
  old.set_ir_version(2);
  old.clear_opset_import();
  EXPECT_EQ(Import(old).opsets.at(""), 1);
}

TEST(Malformed, Functions) {
  wire::Model recursive = RichModel();
  wire::Node& call = *recursive.mutable_functions(0)->mutable_node(1);
  call.set_op_type("Scale");
  call.set_domain("local");
  EXPECT_MENTIONS(ErrorOf(recursive), "'local.Scale'", "calls itself");

  wire::Model undeclared = RichModel();
  undeclared.mutable_functions(0)->clear_attribute();
  EXPECT_MENTIONS(ErrorOf(undeclared), "function 'local.Scale'", "'factor'", "no attribute of the enclosing function");

  wire::Model unknown = RichModel();
  unknown.mutable_functions(0)->mutable_node(1)->set_input(0, "q");
  EXPECT_MENTIONS(ErrorOf(unknown), "function 'local.Scale'", "(Mul", "'q'");

  wire::Model graph_default = RichModel();
  wire::Attribute& attribute = *graph_default.mutable_functions(0)->add_attribute_proto();
  attribute.set_name("body");
  attribute.mutable_g();
  EXPECT_MENTIONS(ErrorOf(graph_default), "function 'local.Scale'", "'body'", "not supported");
}

TEST(Malformed, Limits) {
  wire::Model model = ReluModel();
  for (int i = 0; i < 2000; ++i) AddInt(*model.mutable_graph()->mutable_node(0), "a" + std::to_string(i), i);
  EXPECT_MENTIONS(ErrorOf(model), "6: ", "node 'relu' has more than 1000 attributes");

  ImportOptions options;
  options.max_file_bytes = 10;
  EXPECT_MENTIONS(ErrorOf(ReluModel(), options), "6:", "limit of 10");
}

TEST(Malformed, CancelledImportStops) {
  std::stop_source source;
  ImportOptions options;
  options.stop = source.get_token();
  EXPECT_EQ(ErrorOf(ReluModel(), options), "");
  source.request_stop();
  EXPECT_MENTIONS(ErrorOf(ReluModel(), options), "7: loading was cancelled");
}

TEST(Malformed, StreamsAndFiles) {
  const std::string bytes = ReluModel().SerializeAsString();
  std::istringstream stream(bytes);
  EXPECT_EQ(ImportStream(stream).graph->nodes().size(), 1u);
  std::istringstream broken(bytes.substr(0, 20));
  EXPECT_THROW(ImportStream(broken), Error);

  const TemporaryFolder folder;
  EXPECT_EQ(ImportFile(folder.Write("m.onnx", bytes)).graph->nodes().size(), 1u);
  const auto error_of_file = [](const std::string& path) -> std::string {
    try {
      ImportFile(path);
    } catch (const Error& error) {
      return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
    }
    return "";
  };
  EXPECT_MENTIONS(error_of_file(folder.Path("none.onnx")), "4: ", "none.onnx", "No such file");
  EXPECT_MENTIONS(error_of_file(folder.Path("")), "directory");
  EXPECT_MENTIONS(error_of_file("/dev/zero"), "device");
  EXPECT_MENTIONS(error_of_file(folder.Write("bad.onnx", "hello")), "bad.onnx", "not a valid ONNX file");
}

}  // namespace
}  // namespace onda::proto
