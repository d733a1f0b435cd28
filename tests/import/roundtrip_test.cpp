// What is read and written again says the same.
#include <gtest/gtest.h>

#include <string>

#include "proto/export.h"
#include "tests/import/models.h"

namespace onda::proto {
namespace {

wire::Model Rewritten(const wire::Model& model) {
  wire::Model written;
  EXPECT_TRUE(written.ParseFromString(ExportBytes(Import(model))));
  return written;
}

template <class Message>
void ExpectSame(const Message& a, const Message& b) {
  EXPECT_EQ(a.SerializeAsString(), b.SerializeAsString());
}

void AddEntry(google::protobuf::RepeatedPtrField<wire::StringStringEntry>& entries, const std::string& key,
              const std::string& value) {
  wire::StringStringEntry& entry = *entries.Add();
  entry.set_key(key);
  entry.set_value(value);
}

TEST(RoundTrip, ModelsAndMetadata) {
  wire::Model model = ReluModel();
  model.set_producer_name("someone");
  model.set_producer_version("7");
  model.set_domain("org.example");
  model.set_model_version(-3);
  model.set_doc_string("what it is");
  AddEntry(*model.mutable_metadata_props(), "author", "me");
  AddEntry(*model.mutable_metadata_props(), "author", "you");
  wire::DeviceConfiguration& device = *model.add_configuration();
  device.set_name("two");
  device.set_num_devices(2);
  device.add_device("a");
  wire::TrainingInfo& training = *model.add_training_info();
  AddInitializer(*training.mutable_algorithm(), "rate", DType::kFloat, {400}, std::string(1600, 'r'));
  AddEntry(*training.mutable_update_binding(), "from", "to");
  wire::Graph& graph = *model.mutable_graph();
  graph.set_doc_string("a graph");
  AddEntry(*graph.mutable_metadata_props(), "k", "v");
  wire::TensorAnnotation& annotation = *graph.add_quantization_annotation();
  annotation.set_tensor_name("x");
  AddEntry(*annotation.mutable_quant_parameter_tensor_names(), "SCALE_TENSOR", "s");
  wire::Node& node = *graph.mutable_node(0);
  node.set_doc_string("rectify");
  AddEntry(*node.mutable_metadata_props(), "n", "m");
  wire::NodeDeviceConfiguration& placed = *node.add_device_configurations();
  placed.set_configuration_id("two");
  placed.set_pipeline_stage(1);
  wire::ShardingSpec& spec = *placed.add_sharding_spec();
  spec.set_tensor_name("x");
  spec.add_device(-1);
  spec.add_index_to_device_group_map()->add_value(5);
  spec.add_sharded_dim()->add_simple_sharding()->set_dim_param("N");

  const wire::Model written = Rewritten(model);
  ExpectSame(written, model);
}

TEST(RoundTrip, Types) {
  wire::Model model = EmptyModel();
  wire::Graph& graph = *model.mutable_graph();
  wire::ValueInfo& image = *AddInput(graph, "image", {1, 3});
  image.set_doc_string("a picture");
  AddEntry(*image.mutable_metadata_props(), "k", "v");
  image.mutable_type()->set_denotation("IMAGE");
  wire::TensorShape& shape = *image.mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim(1)->set_denotation("DATA_CHANNEL");
  shape.add_dim()->set_dim_param("height");
  shape.add_dim();  // open
  graph.add_input()->set_name("any_rank");
  graph.mutable_input(1)->mutable_type()->mutable_tensor_type()->set_elem_type(wire::Tensor::FLOAT8E8M0);
  graph.add_input()->set_name("sequence");
  wire::Type& element = *graph.mutable_input(2)->mutable_type()->mutable_sequence_type()->mutable_elem_type();
  wire::Type::Map& map = *element.mutable_map_type();
  map.set_key_type(wire::Tensor::STRING);
  map.mutable_value_type()->mutable_tensor_type()->set_elem_type(wire::Tensor::FLOAT);
  graph.add_input()->set_name("optional");
  wire::Type& inner = *graph.mutable_input(3)->mutable_type()->mutable_optional_type()->mutable_elem_type();
  inner.mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(wire::Tensor::INT2);
  graph.add_input()->set_name("sparse");
  wire::Type::SparseTensor& sparse = *graph.mutable_input(4)->mutable_type()->mutable_sparse_tensor_type();
  sparse.set_elem_type(wire::Tensor::DOUBLE);
  sparse.mutable_shape()->add_dim()->set_dim_value(9);
  ExpectSame(Rewritten(model), model);

  const Model read = Import(model);
  EXPECT_EQ(read.graph->FactOf(read.graph->inputs[2]).ToString(), "seq(map(string, float[...]))");
  EXPECT_EQ(read.graph->FactOf(read.graph->inputs[3]).kind, ValueKind::kOptional);
  EXPECT_EQ(read.graph->FactOf(read.graph->inputs[4]).kind, ValueKind::kSparse);
}

TEST(RoundTrip, AttributesOfEveryKind) {
  wire::Model model = ReluModel();
  wire::Node& node = *model.mutable_graph()->mutable_node(0);
  const auto add = [&](wire::Attribute::AttributeType type) -> wire::Attribute& {
    wire::Attribute& attribute = *node.add_attribute();
    attribute.set_name("a" + std::to_string(type));
    attribute.set_type(type);
    attribute.set_doc_string("doc");
    return attribute;
  };
  const auto fill = [](wire::Tensor& tensor) {
    tensor.set_data_type(wire::Tensor::UINT8);
    tensor.add_dims(2);
    tensor.set_raw_data("xy");
  };
  const auto fill_sparse = [&](wire::SparseTensor& sparse) {
    fill(*sparse.mutable_values());
    sparse.mutable_indices()->set_data_type(wire::Tensor::INT64);
    sparse.mutable_indices()->add_dims(2);
    sparse.mutable_indices()->set_raw_data(std::string("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16));
    sparse.add_dims(4);
  };
  add(wire::Attribute::FLOAT).set_f(1.5f);
  add(wire::Attribute::INT).set_i(INT64_MIN);
  add(wire::Attribute::STRING).set_s(std::string("a\0b", 3));
  fill(*add(wire::Attribute::TENSOR).mutable_t());
  add(wire::Attribute::FLOATS).add_floats(-0.0f);
  add(wire::Attribute::INTS).add_ints(-1);
  add(wire::Attribute::STRINGS).add_strings("");
  fill(*add(wire::Attribute::TENSORS).add_tensors());
  fill_sparse(*add(wire::Attribute::SPARSE_TENSOR).mutable_sparse_tensor());
  fill_sparse(*add(wire::Attribute::SPARSE_TENSORS).add_sparse_tensors());
  add(wire::Attribute::TYPE_PROTO).mutable_tp()->mutable_tensor_type()->set_elem_type(wire::Tensor::BOOL);
  add(wire::Attribute::TYPE_PROTOS).add_type_protos()->mutable_tensor_type()->set_elem_type(wire::Tensor::BOOL);
  ExpectSame(Rewritten(model), model);

  // An empty list is there, too.
  node.clear_attribute();
  add(wire::Attribute::INTS);
  ExpectSame(Rewritten(model), model);
}

TEST(RoundTrip, OldFilesWithoutAttributeTypes) {
  wire::Model model = ReluModel();
  wire::Attribute& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("a");
  attribute.add_ints(4);
  EXPECT_EQ(Rewritten(model).graph().node(0).attribute(0).type(), wire::Attribute::INTS);
}

TEST(RoundTrip, Functions) {
  wire::Model model = EmptyModel();
  model.add_opset_import()->set_domain("local");
  model.mutable_opset_import(1)->set_version(4);
  AddInput(*model.mutable_graph(), "x");
  for (const char* overload : {"", "other"}) {
    wire::Node* call =
        AddNode(*model.mutable_graph(), "F", "call" + std::string(overload), {"x"}, {"y" + std::string(overload)});
    call->set_domain("local");
    if (*overload) call->set_overload(overload);

    wire::Function& function = *model.add_functions();
    function.set_name("F");
    function.set_domain("local");
    if (*overload) function.set_overload(overload);
    function.set_doc_string("scales");
    AddEntry(*function.mutable_metadata_props(), "k", "v");
    function.add_opset_import()->set_domain("");
    function.mutable_opset_import(0)->set_version(*overload ? 13 : 18);
    function.add_input("a");
    function.add_output("b");
    function.add_attribute("given");
    wire::Attribute& fallback = *function.add_attribute_proto();
    fallback.set_name("alpha");
    fallback.set_type(wire::Attribute::FLOAT);
    fallback.set_f(0.5f);
    wire::Node& node = *function.add_node();
    node.set_op_type("LeakyRelu");
    node.add_input("a");
    node.add_output("b");
    wire::Attribute& reference = *node.add_attribute();
    reference.set_name("alpha");
    reference.set_ref_attr_name("alpha");
    reference.set_type(wire::Attribute::FLOAT);
  }
  ExpectSame(Rewritten(model), model);

  const Model read = Import(model);
  ASSERT_EQ(read.functions.size(), 2u);
  EXPECT_EQ(read.functions[0].graph->node(0).origin.opset, 18);
  EXPECT_EQ(read.functions[1].graph->node(0).origin.opset, 13);
  EXPECT_EQ(read.functions[1].overload, "other");
  EXPECT_EQ(read.graph->node(1).overload, "other");
}

TEST(RoundTrip, BodiesAndCaptures) {
  wire::Model model = EmptyModel();
  wire::Graph& graph = *model.mutable_graph();
  AddInput(graph, "c", {}, DType::kBool);
  AddInput(graph, "x");
  wire::Node* outer = AddNode(graph, "If", "outer", {"c"}, {"y"});
  wire::Attribute& then = *outer->add_attribute();
  then.set_name("then_branch");
  then.set_type(wire::Attribute::GRAPH);
  wire::Graph& body = *then.mutable_g();
  body.set_name("body");
  wire::Node* inner = AddNode(body, "If", "inner", {"c"}, {"r"});
  wire::Attribute& nested = *inner->add_attribute();
  nested.set_name("then_branch");
  nested.set_type(wire::Attribute::GRAPH);
  nested.mutable_g()->set_name("nested");
  AddNode(*nested.mutable_g(), "Add", "add", {"x", "x"}, {"s"});
  AddOutput(*nested.mutable_g(), "s");
  AddOutput(body, "r");
  AddOutput(graph, "y");
  ExpectSame(Rewritten(model), model);

  const Model read = Import(model);
  const Node& node = read.graph->node(0);
  // x passes through the middle graph, which does not use it itself.
  EXPECT_EQ(node.bodies.at(0).captures.size(), 2u);
  EXPECT_EQ(node.bodies.at(0).graph->inputs.size(), 2u);
  EXPECT_EQ(node.bodies.at(0).graph->node(0).bodies.at(0).captures.size(), 1u);
}

// ONNX forbids an inner name that hides an outer one; such files exist, and are written in the legal form.
TEST(RoundTrip, ShadowedNamesAreRenamed) {
  wire::Model model = EmptyModel();
  wire::Graph& graph = *model.mutable_graph();
  AddInput(graph, "c", {}, DType::kBool);
  AddInput(graph, "x");
  wire::Attribute& then = *AddNode(graph, "If", "if", {"c"}, {"y"})->add_attribute();
  then.set_name("then_branch");
  then.set_type(wire::Attribute::GRAPH);
  then.mutable_g()->set_name("body");
  AddNode(*then.mutable_g(), "Relu", "hides", {"c"}, {"x"});
  AddNode(*then.mutable_g(), "Abs", "reads", {"x"}, {"r"});
  AddOutput(*then.mutable_g(), "r");
  AddOutput(graph, "y");
  const wire::Model written = Rewritten(model);
  const wire::Graph& body = written.graph().node(0).attribute(0).g();
  EXPECT_EQ(body.node(0).output(0), "x_1");
  EXPECT_EQ(body.node(1).input(0), "x_1");
  EXPECT_EQ(written.graph().input(1).name(), "x");
}

TEST(RoundTrip, ValuesWithoutNamesGetSome) {
  Model model;
  model.ir_version = 10;
  model.opsets[""] = 21;
  model.graph = std::make_shared<Graph>();
  const ValueId x = model.graph->AddInput("value", Fact::Tensor(DType::kFloat, {Dim::Symbol("N")}));
  const ValueId constant = model.graph->AddValue("", Fact::Constant(Tensor::Float(2)));
  Node node;
  node.op_type = "Mul";
  node.inputs = {x, constant};
  node.outputs = {model.graph->AddValue("", {})};
  model.graph->outputs = node.outputs;
  model.graph->AddNode(std::move(node));
  wire::Model written;
  ASSERT_TRUE(written.ParseFromString(ExportBytes(model)));
  ASSERT_EQ(written.graph().initializer_size(), 1);
  EXPECT_EQ(written.graph().node(0).input(0), "value");
  EXPECT_EQ(written.graph().node(0).input(1), written.graph().initializer(0).name());
  EXPECT_EQ(written.graph().node(0).output(0), written.graph().output(0).name());
  EXPECT_NE(written.graph().output(0).name(), written.graph().initializer(0).name());
  EXPECT_EQ(ErrorOf(written), "");
}

TEST(RoundTrip, InitializersThatAreInputs) {
  wire::Model model = EmptyModel();
  wire::Graph& graph = *model.mutable_graph();
  AddInput(graph, "w", {2}, DType::kUint8)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_param("N");
  AddInitializer(graph, "w", DType::kUint8, {2}, "ab");
  AddInitializer(graph, "v", DType::kUint8, {1}, "c");
  ExpectSame(Rewritten(model), model);
  const Model read = Import(model);
  ASSERT_EQ(read.graph->initializers.size(), 2u);
  EXPECT_EQ(read.graph->initializers[0], read.graph->inputs[0]);
  EXPECT_NE(read.graph->FactOf(read.graph->inputs[0]).constant, nullptr);
  EXPECT_EQ(read.graph->inputs.size(), 1u);
}

}  // namespace
}  // namespace onda::proto
