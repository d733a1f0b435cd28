#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "core/text/note.h"
#include "core/text/parse.h"
#include "core/text/print.h"

namespace onda {
namespace {

// What is wrong with the text, "" where nothing is.
std::string Wrong(const std::string& text) {
  try {
    ParseModel(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    return error.what();
  }
  return "";
}

// Parses, prints, parses and prints again: both prints must be the same. Gives the print.
std::string RoundTrip(const std::string& text) {
  const std::string once = Print(ParseModel(text));
  EXPECT_EQ(Print(ParseModel(once)), once);
  return once;
}

std::string GraphRoundTrip(const std::string& text) {
  const std::string once = Print(*ParseGraph(text));
  EXPECT_EQ(Print(*ParseGraph(once)), once);
  return once;
}

TensorPtr Initializer(const std::string& declaration) {
  const auto graph = ParseGraph("g () => () <" + declaration + "> {}");
  return graph->FactOf(graph->initializers.at(0)).constant;
}

TEST(TextParse, Model) {
  const Model model = ParseModel(R"(
    # A comment.
    <ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1], producer_name: "a \"tool\"", model_version: 3,
     metadata_props: ["k": "v", "k2": ""]>
    agraph (float[N, 128] X, float[128,10] W, int64 s = {3}) => (float[N, 10] C)
    <float[N, 10] T>
    { [first] T = MatMul(X, W)  # trailing
      C = com.microsoft.Gelu(T) })");
  EXPECT_EQ(model.ir_version, 8);
  EXPECT_EQ(model.opsets.at(""), 17);
  EXPECT_EQ(model.producer_name, "a \"tool\"");
  EXPECT_EQ(model.metadata.size(), 2u);
  const Graph& graph = *model.graph;
  EXPECT_EQ(graph.inputs.size(), 3u);
  ASSERT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(graph.node(0).name, "first");
  EXPECT_EQ(graph.node(0).origin.opset, 17);
  EXPECT_EQ(graph.node(1).domain, "com.microsoft");
  EXPECT_EQ(graph.FactOf(graph.node(0).outputs[0]).ToString(), "float[N, 10]");
  EXPECT_EQ(graph.Producer(graph.outputs[0]), &graph.node(1));
  // An input with data is an input with a default.
  ASSERT_EQ(graph.initializers.size(), 1u);
  EXPECT_EQ(graph.initializers[0], graph.inputs[2]);
  EXPECT_EQ(graph.FactOf(graph.inputs[2]).constant->ToInt64s(), std::vector<int64_t>{3});
}

TEST(TextParse, GraphWithoutNameOrHeader) {
  const auto graph = ParseGraph("(float[2,3] x) => (float[2,3] y) { y = Softmax<axis = 1>(x) }");
  EXPECT_EQ(graph->name, "");
  EXPECT_EQ(std::get<int64_t>(*graph->node(0).attributes.Find("axis")), 1);
  EXPECT_GE(graph->node(0).origin.opset, 26);
}

TEST(TextParse, Types) {
  const auto graph = ParseGraph(R"(g (float a, float[] b, float[?, N, "2*seq + 1", 4] c, seq(int64[N]) d,
      optional(seq(string)) e, map(int64, map(string, float)) f, sparse_tensor(double[3, N]) h, untyped) => () {})");
  const auto type = [&](int i) { return graph->FactOf(graph->inputs[i]); };
  EXPECT_EQ(type(0).ToString(), "float");
  EXPECT_EQ(type(1).ToString(), "float[...]");
  EXPECT_EQ((*type(2).shape)[2], Dim(2) * Dim::Symbol("seq") + Dim(1));
  EXPECT_EQ((*type(2).shape)[0].symbol().substr(0, 1), "?");
  EXPECT_EQ(type(3).ToString(), "seq(int64[N])");
  EXPECT_EQ(type(4).ToString(), "optional(seq(string))");
  EXPECT_EQ(type(5).ToString(), "map(int64, map(string, float))");
  EXPECT_EQ(type(6).ToString(), "sparse_tensor(double[3, N])");
  EXPECT_FALSE(type(7).known());
}

TEST(TextParse, Attributes) {
  const auto graph = ParseGraph(R"(g (x) => (y) {
      y = Some.Where.Op:over <i = -3, f = 1.5, g: float = 2, s = "a b", is = [1, 2], fs = [1, 2.5], none: ints = [],
        ss = ["a", "b"], t = int64[2] {1, 2}, named = float[1] w = {-0}, ts = [float {1}, float {2}],
        ty = seq(float[N]), tys = [float, int64[3]], inf = -inf, nan = nan,
        sp = sparse_tensor(float[3, 3]) {float[2] {1, 2}, int64[2, 2] {0, 0, 2, 1}}> (x) })");
  const Node& node = graph->node(0);
  EXPECT_EQ(node.domain, "Some.Where");
  EXPECT_EQ(node.overload, "over");
  const AttributeMap& a = node.attributes;
  EXPECT_EQ(std::get<int64_t>(*a.Find("i")), -3);
  EXPECT_EQ(std::get<float>(*a.Find("f")), 1.5f);
  EXPECT_EQ(std::get<float>(*a.Find("g")), 2.0f);
  EXPECT_EQ(std::get<std::string>(*a.Find("s")), "a b");
  EXPECT_EQ(std::get<std::vector<int64_t>>(*a.Find("is")), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(std::get<std::vector<float>>(*a.Find("fs")), (std::vector<float>{1, 2.5f}));
  EXPECT_TRUE(std::get<std::vector<int64_t>>(*a.Find("none")).empty());
  EXPECT_EQ(std::get<std::vector<std::string>>(*a.Find("ss")).size(), 2u);
  EXPECT_EQ(std::get<TensorPtr>(*a.Find("t"))->ToInt64s(), (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(std::signbit(std::get<TensorPtr>(*a.Find("named"))->as<float>()[0]));
  EXPECT_EQ(std::get<std::vector<TensorPtr>>(*a.Find("ts")).size(), 2u);
  EXPECT_EQ(std::get<Fact>(*a.Find("ty")).ToString(), "seq(float[N])");
  EXPECT_EQ(std::get<std::vector<Fact>>(*a.Find("tys")).size(), 2u);
  EXPECT_EQ(std::get<float>(*a.Find("inf")), -INFINITY);
  EXPECT_TRUE(std::isnan(std::get<float>(*a.Find("nan"))));
  EXPECT_EQ(std::get<SparseTensor>(*a.Find("sp")).indices->dims(), (std::vector<int64_t>{2, 2}));
}

TEST(TextParse, OmittedNames) {
  const auto graph = ParseGraph(R"(g (x, m) => (y) { y, "", = Op(x, "", m)  = Sink(, x) "odd name" = Op("x") })");
  EXPECT_EQ(graph->node(0).outputs.size(), 2u);
  EXPECT_EQ(graph->node(0).inputs[1], kNoValue);
  EXPECT_TRUE(graph->node(1).outputs.empty());
  EXPECT_EQ(graph->node(1).inputs, (std::vector<ValueId>{kNoValue, graph->inputs[0]}));
  EXPECT_EQ(graph->value(graph->node(2).outputs[0]).name, "odd name");
}

TEST(TextParse, BodiesCaptureOuterValues) {
  const auto graph = ParseGraph(R"(g (bool c, float[N] x) => (y) {
      t = Neg(x)
      y = If (c) <then_branch = a () => (float[N] r) { r = Add(t, x) },
                  else_branch: graph = b () => (r) { r = If(c) <then_branch = d () => (t) {},
                                                               else_branch = e () => (q) { q = Neg(t) }> }> })");
  const Node& branch = graph->node(1);
  ASSERT_EQ(branch.bodies.size(), 2u);
  const Body& then_branch = branch.bodies[0];
  EXPECT_EQ(then_branch.captures, (std::vector<ValueId>{graph->node(0).outputs[0], graph->inputs[1]}));
  EXPECT_EQ(then_branch.graph->inputs.size(), 2u);
  const Body& else_branch = branch.bodies[1];
  EXPECT_EQ(else_branch.captures.size(), 2u);  // c, and t for the graphs inside
  EXPECT_EQ(else_branch.graph->node(0).bodies[0].graph->outputs[0],
            else_branch.graph->node(0).bodies[0].graph->inputs[0]);
}

TEST(TextParse, Functions) {
  const Model model = ParseModel(R"(<ir_version: 9, opset_import: ["" : 17, "my" : 1]>
    g (float[N] x) => (float[N] y) { y = my.f <alpha = 2.0> (x) }
    <domain: "my", opset_import: ["" : 16], doc_string: "doc">
    f <alpha, beta: float = 0.5> (a) => (float[N] b) <float[N] t>
    { t = LeakyRelu <alpha: float = @alpha> (a)  b = my.g:o (t) }
    <domain: "my", overload: "o", opset_import: ["" : 16]> g (a) => (b) { b = Neg(a) })");
  ASSERT_EQ(model.functions.size(), 2u);
  const Function& f = model.functions[0];
  EXPECT_EQ(f.attributes, std::vector<std::string>{"alpha"});
  EXPECT_EQ(std::get<float>(*f.defaults.Find("beta")), 0.5f);
  const auto& reference = std::get<AttributeReference>(*f.graph->node(0).attributes.Find("alpha"));
  EXPECT_EQ(reference.name, "alpha");
  EXPECT_EQ(reference.kind, AttributeKind::kFloat);
  EXPECT_EQ(f.graph->node(0).origin.opset, 16);
  EXPECT_EQ(model.functions[1].overload, "o");
}

TEST(TextParse, EveryElementType) {
  for (int i = 1; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    const std::string name(NameOf(dtype));
    const std::string values = dtype == DType::kString ? "\"\", \"a\\\"b\", \"c\""
                               : IsComplex(dtype)      ? "0,1,1,0,0,0"
                                                       : "0,1,1";
    const TensorPtr tensor = Initializer(name + "[3] x = {" + values + "}");
    EXPECT_EQ(tensor->dtype(), dtype);
    EXPECT_EQ(tensor->count(), 3);
    GraphRoundTrip("g () => () <" + name + "[3] x = {" + values + "}, " + name + "[0,2] e = {}> {}");
  }
  EXPECT_EQ(Initializer("float16[2] x = {15360, 1.0}")->ToDoubles(), (std::vector<double>{1, 1}));
  EXPECT_EQ(Initializer("int4[3] x = {-8, 7, 0}")->ToInt64s(), (std::vector<int64_t>{-8, 7, 0}));
  EXPECT_EQ(Initializer("uint2[5] x = {228, 1}")->ToInt64s(), (std::vector<int64_t>{0, 1, 2, 3, 1}));  // packed
  EXPECT_EQ(Initializer("uint64 x = {18446744073709551615}")->as<uint64_t>()[0], UINT64_MAX);
}

TEST(TextParse, ErrorsNamePlaceAndCause) {
  EXPECT_EQ(Wrong("g (float[N] x) => (float[N] y)\n{ y = Relu(z) }"),
            "line 2, column 12: 'z' is defined by nothing ahead of this node");
  EXPECT_EQ(Wrong("g (float[N x) => () {}"), "line 1, column 12: expected ']', but there is 'x'");
  EXPECT_EQ(Wrong("g () => () {"), "line 1, column 13: expected '=', but the text ends");
  EXPECT_EQ(Wrong("g () => () <float[3] x = {1, 2}> {}"), "line 1, column 26: 2 values where float[3] has 3");
  EXPECT_EQ(Wrong("g () => () <uint8 x = {256}> {}"), "line 1, column 24: 256 is out of the range of uint8");
  EXPECT_EQ(Wrong("g () => (y) {}"), "line 1, column 10: output 'y' is defined by nothing");
  EXPECT_EQ(Wrong("g (x) => () { x = Op() }"), "line 1, column 15: 'x' is defined a second time");
  EXPECT_EQ(Wrong("g (x) => () { y = Op<a: floats = [\"s\"]>(x) }"),
            "line 1, column 35: attribute 'a' is declared as float and given string");
  EXPECT_EQ(Wrong("g (x) => () { y = Op<a = @b>(x) }"),
            "line 1, column 27: attribute 'a' refers to 'b', but there is no enclosing function");
  EXPECT_EQ(Wrong("g (x) => () { y = Op<a = \"never closed>(x) }"),
            "line 1, column 26: the string that starts here has no closing '\"'");
  EXPECT_EQ(Wrong("<ir_version: 8, what: 3> g () => () {}"),
            "line 1, column 17: 'what' is no keyword of a model's header");
  EXPECT_EQ(Wrong("<ir_version: 8, opset_import: [\"\" : 17]> g (x) => () { [n] y = a.b.Op(x) }"),
            "node 'n' (Op, a.b): no opset_import names its domain, and no function of the model has its name");
}

TEST(TextParse, HostileTexts) {
  // Sizes are checked against the text before memory is taken.
  EXPECT_EQ(Wrong("g () => () <float[1000000000000] x = {1, 2}> {}"),
            "line 1, column 38: too few values where float[1000000000000] has 1000000000000");
  EXPECT_NE(Wrong("g (" +
                  [] {
                    std::string t;
                    for (int i = 0; i < 100000; ++i) t += "seq(";
                    return t;
                  }())
                .find("nested too deeply"),
            std::string::npos);
  std::string graphs = "g () => () {";
  for (int i = 0; i < 10000; ++i) graphs += " = If() <b = g () => () {";
  EXPECT_NE(Wrong(graphs).find("nested too deeply"), std::string::npos);
  std::string dim = "g (float[\"";
  for (int i = 0; i < 1000; ++i) dim += "min(";
  EXPECT_EQ(Wrong(dim + "\"] x) => () {}"), "");  // a name
  // Every prefix of a text, and every text with one byte changed, parses or is refused.
  const std::string text =
      R"(<ir_version: 9, opset_import: ["" : 17]> g (bool c, float["a*b", ?] x = {1.5e3, nan}) => (y)
    <int4[3] w = {1,2,3}, string s = {"\\"}> { [n] y = If (c) <then_branch = a () => (x) {}, k: ints = [1, -2]> })";
  for (size_t i = 0; i < text.size(); ++i) {
    Wrong(text.substr(0, i));
    for (char c : {'\0', '"', '<', '(', '[', '9', '-', '\xff'}) {
      std::string changed = text;
      changed[i] = c;
      try {
        ParseModel(changed);
      } catch (const Error&) {
      }
    }
  }
}

TEST(TextPrint, Model) {
  EXPECT_EQ(RoundTrip(R"(<ir_version: 8, opset_import: ["" : 17], producer_name: "p", doc_string: "d">
    g (float[N,3] x, int64 k) => (float[N,3] y) <float[3] w = {1, 0.1, -0}, float[N,3] t>
    { [a] t = Mul(x, w) y = Clip <a = 1, b = [1.5]> (t, "", w) })"),
            R"(<
   ir_version: 8,
   opset_import: ["" : 17],
   producer_name: "p",
   doc_string: "d"
>
g (float[N,3] x, int64 k) => (float[N,3] y)
   <float[3] w = {1,0.1,-0},
    float[N,3] t>
{
   [a] t = Mul (x, w)
   y = Clip <a: int = 1, b: floats = [1.5]> (t, "", w)
}
)");
}

TEST(TextPrint, EverythingComesBack) {
  const std::string text =
      RoundTrip(R"(<ir_version: 9, opset_import: ["" : 17, "my" : 1], metadata_props: ["a\\": "\""]>
    "odd graph" (float["2*seq + 1", ?, "batch-size", 3] "odd/name", seq(optional(float[?])) s, map(string, int64) m,
                 sparse_tensor(float[3]) sp, float[] u, untyped) => (y, "odd/name")
    { y = If (untyped) <k: strings = ["a", "\"\\"], t: tensors = [float {1}, string[2] {"", "x"}], ty: type_protos = [seq(float)],
        z: sparse_tensor = sparse_tensor(float[9]) {float[1] {1}, int64[1] {8}},
        then_branch = a () => (r) { r = my.f (u) }, others = [b () => (u) {}, c () => (u) {}]> }
    <domain: "my", opset_import: ["" : 16], doc_string: "x"> f <p, q = "default"> (a) => (b)
    { b = Op <v: int = @p, w = @q> (a) })");
  EXPECT_NE(text.find("float[\"2*seq + 1\",?,\"batch-size\",3] \"odd/name\""), std::string::npos) << text;
  EXPECT_NE(text.find("others: graphs = [b () => (float[] u)"), std::string::npos) << text;
}

TEST(TextPrint, FloatsKeepTheirBits) {
  for (uint32_t bits : {0x3dcccccdu, 0x00000001u, 0x7f7fffffu, 0x80000000u, 0x7f800000u, 0xff800000u, 0x7fc00000u,
                        0xffc00000u, 0x7fc12345u, 0xff800001u, 0x322bcc77u}) {
    auto tensor = Tensor::Make(DType::kFloat, {1});
    tensor->mutable_as<float>()[0] = std::bit_cast<float>(bits);
    Graph graph;
    graph.AddInitializer("x", tensor);
    const std::string text = Print(graph);
    const auto again = ParseGraph(text);
    EXPECT_EQ(std::bit_cast<uint32_t>(again->FactOf(again->initializers[0]).constant->as<float>()[0]), bits) << text;
  }
  EXPECT_EQ(Initializer("float[3] x = {1e-60, -1e60, 1e60}")->ToDoubles(),
            (std::vector<double>{0, -INFINITY, INFINITY}));
  EXPECT_EQ(Initializer("double x = {4.9406564584124654e-324}")->ToDoubles()[0], 4.9406564584124654e-324);
}

TEST(TextPrint, RenamesWhereNamesWouldBeMistaken) {
  // A graph as passes leave it: nameless values, and a body whose own value is called like the one it captures.
  auto body = std::make_shared<Graph>();
  const ValueId captured = body->AddInput("", Fact());
  const ValueId own = body->AddValue("x");
  Node neg;
  neg.op_type = "Neg";
  neg.inputs = {captured};
  neg.outputs = {own};
  body->AddNode(neg);
  body->outputs = {own};
  Graph graph;
  const ValueId x = graph.AddInput("x", Fact::Tensor(DType::kFloat, {Dim::Symbol("?a"), Dim::Symbol("?a")}));
  Node branch;
  branch.op_type = "If";
  branch.outputs = {graph.AddValue("")};
  branch.bodies.push_back({"then_branch", body, {x}});
  graph.AddNode(branch);
  graph.outputs = branch.outputs;
  const std::string text = Print(graph);
  const auto again = ParseGraph(text);
  EXPECT_EQ(Print(*again), text);
  const Body& read = again->node(0).bodies[0];
  EXPECT_EQ(read.captures, std::vector<ValueId>{again->inputs[0]});
  EXPECT_EQ(read.graph->node(0).inputs[0], read.graph->inputs[0]);
  EXPECT_NE(read.graph->node(0).outputs[0], read.graph->inputs[0]);
  // The two nameless dimensions are the same one still.
  const Dims& dims = *again->FactOf(again->inputs[0]).shape;
  EXPECT_EQ(dims[0], dims[1]);
}

TEST(TextPrint, NotesKeepDocumentation) {
  auto graph = ParseGraph("g (float x) => (y) { y = Relu <a = 1> (x) }");
  graph->doc = "two\nlines \"quoted\" \\";
  graph->metadata = {{"key", "value"}, {"", ""}};
  graph->value(graph->inputs[0]).doc = "an input";
  graph->value(graph->inputs[0]).denotation = "IMAGE;A,B";
  graph->node(0).doc = "a node";
  graph->node(0).metadata = {{"k", "v"}};
  graph->node(0).device_configuration = std::string("\0\x01\xff", 3);
  graph->node(0).attributes.Set("a", int64_t{1}, "an attribute");
  const std::string text = Print(*graph);
  const auto again = ParseGraph(text);
  EXPECT_EQ(Print(*again), text);
  EXPECT_EQ(again->doc, graph->doc);
  EXPECT_EQ(again->metadata, graph->metadata);
  EXPECT_EQ(again->value(again->inputs[0]).doc, "an input");
  EXPECT_EQ(again->value(again->inputs[0]).denotation, "IMAGE;A,B");
  EXPECT_EQ(again->node(0).doc, "a node");
  EXPECT_EQ(again->node(0).metadata, graph->node(0).metadata);
  EXPECT_EQ(again->node(0).device_configuration, graph->node(0).device_configuration);
  EXPECT_EQ(again->node(0).attributes.entries().front().doc, "an attribute");
}

TEST(TextPrint, ElidesLargeTensorsForPeople) {
  const auto graph = ParseGraph("g () => () <float[3] x = {1,2,3}, int64[2] y = {1,2}> {}");
  const std::string text = Print(*graph, {.max_elements = 2});
  EXPECT_NE(text.find("float[3] x = {...}"), std::string::npos) << text;
  EXPECT_NE(text.find("int64[2] y = {1,2}"), std::string::npos) << text;
}

TEST(DimText, ParsesWhatToStringWrites) {
  const Dim h = Dim::Symbol("h"), w = Dim::Symbol("w");
  for (const Dim& dim :
       {Dim(3), Dim(-3), h, h * w, Dim(2) * h + Dim(1), h - w - Dim(2), FloorDiv(h + Dim(1), Dim(2)),
        Min(h, w) * Dim(3) + Max(FloorDiv(h, w), Dim(1)), Dim(0) - h, Dim(0) - h * w * Dim(2) + Dim(7)}) {
    EXPECT_EQ(ParseDim(dim.ToString()), dim) << dim.ToString();
  }
  EXPECT_EQ(ParseDim("batch-size").symbol(), "batch-size");
  EXPECT_EQ(ParseDim("h+1").symbol(), "h+1");
  EXPECT_EQ(ParseDim("1*h").symbol(), "1*h");
  EXPECT_EQ(ParseDim("99999999999999999999").symbol(), "99999999999999999999");
}

}  // namespace
}  // namespace onda
