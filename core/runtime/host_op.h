// Operators that the engine runs itself: control flow, and those on sequences, optionals and maps.
#ifndef ONDA_CORE_RUNTIME_HOST_OP_H_
#define ONDA_CORE_RUNTIME_HOST_OP_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/place/place.h"
#include "core/plan/program.h"
#include "core/plan/runtime_value.h"
#include "core/runtime/executor.h"

namespace onda {

// One execution of such a node.
class HostOpContext {
 public:
  HostOpContext(const CompiledGraph& compiled, NodeId node, const RunContext& run, std::vector<RuntimeValue> inputs,
                std::vector<std::vector<RuntimeValue>> captures)
      : outputs(compiled.graph().node(node).outputs.size()),
        graph_(compiled.graph()),
        node_(graph_.node(node)),
        compiled_(compiled.node(node)),
        instances_(compiled.instances()),
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
  // In whose memory output i is to lie.
  int32_t output_instance(size_t i) const { return node_.has_output(i) ? LocationOf(graph_, node_.outputs[i]) : 0; }
  const ProviderInstance& provider(int32_t instance) const { return *instances_.instances[instance]; }
  RuntimeValue NewTensor(DType dtype, std::vector<int64_t> dims, int32_t instance = 0) const {
    return onda::NewTensor(instance == 0 ? *run_.pool : *run_.pools[instance], dtype, std::move(dims), instance);
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
  const InstanceSet& instances_;
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
std::span<const HostOpEntry> CopyHostOps();

// to[to_index, to_index + count) = from[from_index, ...) of tensors of that type in host memory, packed ones included.
void CopyElements(DType dtype, const void* from, int64_t from_index, void* to, int64_t to_index, int64_t count);

// Copies elements of tensors within one memory, the host's or a device's.
class ElementMover {
 public:
  ElementMover(const HostOpContext& c, int32_t instance);
  // Waits for what was asked for, unless Finish has.
  ~ElementMover();
  ElementMover(const ElementMover&) = delete;
  ElementMover& operator=(const ElementMover&) = delete;

  // As CopyElements. In a device's memory elements have whole bytes.
  void Move(DType dtype, const void* from, int64_t from_index, void* to, int64_t to_index, int64_t count);
  // Waits; throws where the device failed.
  void Finish();

 private:
  const ProviderInstance& provider_;
  std::unique_ptr<ProviderInstance::Lane> lane_;  // null on the host, and once all is done
};

// These give values in the memory of what they are given, which is one.
// value[.., index, ..] without that axis; axis in [0, rank).
RuntimeValue TakeSlice(const HostOpContext& c, const RuntimeValue& value, int axis, int64_t index);
// Stacks values of one shape along a new axis.
RuntimeValue StackValues(const HostOpContext& c, const std::vector<RuntimeValue>& values, int axis);

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_HOST_OP_H_
