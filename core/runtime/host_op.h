// Operators that the engine runs itself: control flow, and those on sequences, optionals and maps.
#ifndef ONDA_CORE_RUNTIME_HOST_OP_H_
#define ONDA_CORE_RUNTIME_HOST_OP_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/plan/program.h"
#include "core/plan/runtime_value.h"
#include "core/runtime/executor.h"

namespace onda {

// One execution of such a node.
class HostOpContext {
 public:
  HostOpContext(const Graph& graph, const Node& node, const CompiledNode& compiled, const RunContext& run,
                std::vector<RuntimeValue> inputs, std::vector<std::vector<RuntimeValue>> captures)
      : outputs(node.outputs.size()),
        graph_(graph),
        node_(node),
        compiled_(compiled),
        run_(run),
        inputs_(std::move(inputs)),
        captures_(std::move(captures)) {}

  const Node& node() const { return node_; }
  Attributes attributes() const { return node_.attributes.view(); }
  size_t input_count() const { return inputs_.size(); }
  // Not present() where omitted.
  const RuntimeValue& input(size_t i) const {
    static const RuntimeValue kAbsent;
    return i < inputs_.size() ? inputs_[i] : kAbsent;
  }
  // The compile-time fact of output i; unknown where omitted.
  Fact output_fact(size_t i) const { return node_.has_output(i) ? graph_.FactOf(node_.outputs[i]) : Fact{}; }
  // Runs a body on its declared inputs; captures are added.
  std::vector<RuntimeValue> RunBody(std::string_view attribute, std::vector<RuntimeValue> inputs) const;
  const Graph& BodyGraph(std::string_view attribute) const;
  RuntimeValue NewTensor(DType dtype, std::vector<int64_t> dims) const {
    return onda::NewTensor(*run_.pool, dtype, std::move(dims));
  }
  // A one-element integer or bool tensor.
  static int64_t ScalarOf(const RuntimeValue& value);
  RuntimeValue ScalarInt64(int64_t value) const;
  RuntimeValue ScalarBool(bool value) const;
  // Throws kCancelled once the run is to end.
  void CheckStop() const;
  // Throws kRuntime with the node's name.
  [[noreturn]] void Fail(const std::string& cause) const;

  std::vector<RuntimeValue> outputs;

 private:
  size_t BodyIndex(std::string_view attribute) const;
  const Graph& graph_;
  const Node& node_;
  const CompiledNode& compiled_;
  const RunContext& run_;
  std::vector<RuntimeValue> inputs_;
  std::vector<std::vector<RuntimeValue>> captures_;  // per body
};

using HostOp = void (*)(HostOpContext&);

// How the engine runs that operator; null where it does not.
HostOp FindHostOp(std::string_view domain, std::string_view name);

struct HostOpEntry {
  std::string_view domain;
  std::string_view name;
  HostOp run;
};
// The parts of the table, each in its own file.
std::span<const HostOpEntry> ControlFlowHostOps();
std::span<const HostOpEntry> SequenceHostOps();
std::span<const HostOpEntry> MapHostOps();

// to[to_index, to_index + count) = from[from_index, ...) of tensors of that type, packed ones included.
void CopyElements(DType dtype, const void* from, int64_t from_index, void* to, int64_t to_index, int64_t count);
// value[.., index, ..] without that axis; axis in [0, rank).
RuntimeValue TakeSlice(const HostOpContext& c, const RuntimeValue& value, int axis, int64_t index);
// Stacks values of one shape along a new axis.
RuntimeValue StackValues(const HostOpContext& c, const std::vector<RuntimeValue>& values, int axis);

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_HOST_OP_H_
