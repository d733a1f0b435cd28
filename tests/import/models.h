// Small models in wire form, for the tests of the importer and the exporter.
#ifndef ONDA_TESTS_IMPORT_MODELS_H_
#define ONDA_TESTS_IMPORT_MODELS_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "onda/types.h"
#include "onnx.pb.h"
#include "proto/import.h"

namespace onda::proto {

// A model with a graph, the newest operator set and nothing in it.
wire::Model EmptyModel();

wire::ValueInfo* AddInput(wire::Graph& graph, const std::string& name, std::initializer_list<int64_t> dims = {2},
                          DType dtype = DType::kFloat);
void AddOutput(wire::Graph& graph, const std::string& name, std::initializer_list<int64_t> dims = {2},
               DType dtype = DType::kFloat);
wire::Node* AddNode(wire::Graph& graph, const std::string& op, const std::string& name,
                    std::initializer_list<std::string> inputs, std::initializer_list<std::string> outputs);
wire::Tensor* AddInitializer(wire::Graph& graph, const std::string& name, DType dtype,
                             std::initializer_list<int64_t> dims, const std::string& raw = "");

// x -> Relu -> y, both float[2].
wire::Model ReluModel();

Model Import(const wire::Model& model, const ImportOptions& options = {});

// What importing throws, as "code: message"; "" where it throws nothing. Anything else than onda::Error escapes.
std::string ErrorOf(const std::string& bytes, const ImportOptions& options = {});
std::string ErrorOf(const wire::Model& model, const ImportOptions& options = {});

// A folder of its own, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file and gives its path.
  std::string Write(const std::string& name, const std::string& contents) const;

 private:
  std::string path_;
};

}  // namespace onda::proto

// Checks that the text holds all the parts, and shows it where it does not.
#define EXPECT_MENTIONS(text, ...)                                                                        \
  do {                                                                                                    \
    const std::string mentions_text = (text);                                                             \
    for (const char* part : {__VA_ARGS__}) {                                                              \
      EXPECT_NE(mentions_text.find(part), std::string::npos) << "'" << part << "' in: " << mentions_text; \
    }                                                                                                     \
  } while (false)

#endif  // ONDA_TESTS_IMPORT_MODELS_H_
