#include "tests/import/models.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace onda::proto {

wire::Model EmptyModel() {
  wire::Model model;
  model.set_ir_version(10);
  wire::OperatorSetId& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(21);
  model.mutable_graph()->set_name("g");
  return model;
}

namespace {

void Declare(wire::ValueInfo& info, const std::string& name, std::initializer_list<int64_t> dims, DType dtype) {
  info.set_name(name);
  wire::Type::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(static_cast<int32_t>(dtype));
  type.mutable_shape();
  for (const int64_t dim : dims) type.mutable_shape()->add_dim()->set_dim_value(dim);
}

}  // namespace

wire::ValueInfo* AddInput(wire::Graph& graph, const std::string& name, std::initializer_list<int64_t> dims,
                          DType dtype) {
  Declare(*graph.add_input(), name, dims, dtype);
  return graph.mutable_input(graph.input_size() - 1);
}

void AddOutput(wire::Graph& graph, const std::string& name, std::initializer_list<int64_t> dims, DType dtype) {
  Declare(*graph.add_output(), name, dims, dtype);
}

wire::Node* AddNode(wire::Graph& graph, const std::string& op, const std::string& name,
                    std::initializer_list<std::string> inputs, std::initializer_list<std::string> outputs) {
  wire::Node* node = graph.add_node();
  node->set_op_type(op);
  node->set_name(name);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return node;
}

wire::Tensor* AddInitializer(wire::Graph& graph, const std::string& name, DType dtype,
                             std::initializer_list<int64_t> dims, const std::string& raw) {
  wire::Tensor* tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(static_cast<int32_t>(dtype));
  for (const int64_t dim : dims) tensor->add_dims(dim);
  if (!raw.empty()) tensor->set_raw_data(raw);
  return tensor;
}

wire::Model ReluModel() {
  wire::Model model = EmptyModel();
  AddInput(*model.mutable_graph(), "x");
  AddNode(*model.mutable_graph(), "Relu", "relu", {"x"}, {"y"});
  AddOutput(*model.mutable_graph(), "y");
  return model;
}

namespace {

Model ImportText(const std::string& bytes, const ImportOptions& options) {
  return ImportBytes({nullptr, reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, options);
}

}  // namespace

Model Import(const wire::Model& model, const ImportOptions& options) {
  return ImportText(model.SerializeAsString(), options);
}

std::string ErrorOf(const std::string& bytes, const ImportOptions& options) {
  try {
    ImportText(bytes, options);
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
  return "";
}

std::string ErrorOf(const wire::Model& model, const ImportOptions& options) {
  return ErrorOf(model.SerializeAsString(), options);
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "onda_import_XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::Write(const std::string& name, const std::string& contents) const {
  const std::string path = Path(name);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << contents;
  return path;
}

}  // namespace onda::proto
