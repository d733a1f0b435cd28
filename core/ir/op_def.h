// What an operator means to the core: constant data, one OpDef per (domain, name) of the canonical set.
#ifndef ONDA_CORE_IR_OP_DEF_H_
#define ONDA_CORE_IR_OP_DEF_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ir/graph.h"

namespace onda {

class InferContext;
class RewriteContext;

enum OpFlags : uint32_t {
  kOpView = 1,         // Output 0 is input 0 under another shape: shares its memory, no kernel is launched.
  kOpRandom = 2,       // Not a function of its inputs: never folded or merged.
  kOpControlFlow = 4,  // Has bodies; run by the engine.
  kOpHost = 8,         // Works on sequences, optionals or maps; run by the engine.
  kOpShapeOnly = 32,   // Reads the shapes of its inputs and not their elements.
  kOpCopy = 64,        // Moves its input between devices.
  kOpAlias = 16,       // Only a name: `upgrade` always turns it into something else.
  // Its body is a graph that a provider compiles and launches as one: the engine neither places, rewrites nor runs it.
  kOpRegion = 128,
  kOpAnyLayout = 256,  // Takes inputs of layouts that `infer` checks; others take row-major ones alone.
  kOpForSpeed = 512,   // Rewrites make it where a provider has a kernel for it besides the plain reference.
};

// Bit i says that input i fixes shapes or launch geometry and is read in host memory on every provider.
using HostInputs = uint32_t;

struct OpDef {
  std::string_view name;
  std::string_view domain = "";
  // Facts of the outputs from those of the inputs. Rejects what contradicts itself. May be null for aliases.
  void (*infer)(InferContext&) = nullptr;
  // Turns a node as read (in any version that the schema table has) into canonical form; null where all versions mean
  // the same. Called with the facts of the inputs known as far as inference goes.
  void (*upgrade)(RewriteContext&) = nullptr;
  // Replaces the canonical node by nodes of other operators; used where no provider has a kernel for it.
  // Returns false where it cannot (a rank is unknown, say).
  bool (*decompose)(RewriteContext&) = nullptr;
  HostInputs host_inputs = 0;
  uint32_t flags = 0;
};

// Facts of one node during inference. Inference runs with symbolic dimensions when a model is compiled and again with
// integers when shapes are bound: the same code checks both.
class InferContext {
 public:
  virtual ~InferContext() = default;

  const Node& node() const { return *node_; }
  Attributes attributes() const { return node_->attributes.view(); }
  size_t input_count() const { return node_->inputs.size(); }
  size_t output_count() const { return node_->outputs.size(); }
  bool has_input(size_t i) const { return node_->has_input(i); }
  bool has_output(size_t i) const { return node_->has_output(i); }

  // The fact of input i; an unknown fact where it is omitted. Throws where required input i is missing.
  const Fact& input(size_t i) const;
  DType dtype(size_t i) const { return input(i).dtype; }
  // The shape of input i where its rank is known.
  const std::optional<Dims>& shape(size_t i) const { return input(i).shape; }
  bool has_rank(size_t i) const { return input(i).shape.has_value(); }
  // Rejects unless input i is a tensor of that rank or of unknown rank.
  void RequireRank(size_t i, int rank) const;

  // Elements of integer input i where they are known, as expressions; in row-major order.
  virtual std::optional<Dims> Content(size_t i) = 0;
  // Elements where all of them are known integers.
  std::optional<std::vector<int64_t>> Int64s(size_t i);
  // Elements of real input i where it is a known constant.
  virtual std::optional<std::vector<double>> Doubles(size_t i) = 0;
  // The whole input where it is a known constant, else null.
  virtual TensorPtr Constant(size_t i) = 0;

  // A dimension of which nothing is known.
  virtual Dim FreshDim() = 0;
  Dims FreshDims(int rank);

  void SetOutput(size_t i, Fact fact);
  // A tensor of dtype and shape; of unknown rank for nullopt.
  void SetOutput(size_t i, DType dtype, std::optional<Dims> shape);
  // Output 0 has the elements `content` besides dtype int64 (or the given) and shape.
  void SetContent(size_t i, DType dtype, Dims shape, Dims content);
  const std::vector<Fact>& outputs() const { return outputs_; }

  // The graph of body `index` has been brought to canonical form with these facts for its declared inputs; gives the
  // facts of its outputs. Only for operators with bodies.
  virtual std::vector<Fact> InferBody(size_t index, std::vector<Fact> inputs) = 0;

  [[noreturn]] void Reject(const std::string& cause) const;

 protected:
  void Start(const Node& node, std::vector<const Fact*> inputs);
  // Facts of the started node's outputs. Rejects inputs in a layout that the operator does not take.
  void Infer(const OpDef& op);

 private:
  const Node* node_ = nullptr;
  std::vector<const Fact*> inputs_;
  std::vector<Fact> outputs_;
};

// A node that is being replaced: by an upgrade rule, or by a decomposition.
class RewriteContext {
 public:
  virtual ~RewriteContext() = default;

  // The node, to be changed in place. Its inputs and outputs are values of the graph that is being written. Setting
  // op_type or domain makes it another operator, which is upgraded no further.
  Node& node() { return *node_; }
  Attributes attributes() const { return node_->attributes.view(); }
  // since_version of the schema that the node was read under: which version's meaning it has. 0 in decompositions.
  int version() const { return version_; }
  bool has_input(size_t i) const { return node_->has_input(i); }
  bool has_output(size_t i) const { return node_->has_output(i); }
  ValueId input(size_t i) const { return node_->inputs[i]; }
  virtual const Fact& FactOf(ValueId value) const = 0;
  // What has been written so far.
  virtual const Graph& graph() const = 0;
  // Fact of input i; an unknown fact where omitted.
  const Fact& fact(size_t i) const;

  virtual ValueId Constant(TensorPtr tensor) = 0;
  ValueId Int64s(std::vector<int64_t> values) { return Constant(Tensor::Int64s(values)); }
  // A scalar of input 0's type, which may not be known yet.
  ValueId ScalarLike(double value);
  // Adds a canonical node ahead of this one and gives its outputs. Facts are inferred at once.
  virtual std::vector<ValueId> AddNode(Node node, int output_count) = 0;
  // The same for an ai.onnx operator with one output.
  ValueId Add(std::string op_type, std::vector<ValueId> inputs, AttributeMap attributes = {}, std::string domain = "");
  // Drops the node: its output i is what `values[i]` is (kNoValue for outputs that the node omits).
  virtual void ReplaceOutputs(std::vector<ValueId> values) = 0;

  // Turns attribute `name` (Int, Ints, Float or Tensor) into constant input `index`, where the attribute is present.
  void AttributeToInput(std::string_view name, size_t index);
  // Makes value input `index`, with omitted inputs between where needed.
  void SetInput(size_t index, ValueId value);

  [[noreturn]] void Reject(const std::string& cause) const;

 protected:
  Node* node_ = nullptr;
  int version_ = 0;
};

}  // namespace onda

#endif  // ONDA_CORE_IR_OP_DEF_H_
