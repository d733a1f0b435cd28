#include "core/custom/custom_ops.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "core/custom/check_custom_node.h"
#include "core/place/node_view.h"
#include "core/schema/schema.h"

namespace onda {
namespace {

// What a call of the operator's own inference works on. Dimensions that it was given live here.
struct InferenceState {
  InferContext& c;
  std::deque<Dim> dims;
  std::vector<bool> output_set;
  std::exception_ptr error;  // thrown by what the operator called; not across its frames

  const OndaDim* Keep(Dim dim) { return reinterpret_cast<const OndaDim*>(&dims.emplace_back(std::move(dim))); }
  static const Dim& Of(const OndaDim* dim) { return *reinterpret_cast<const Dim*>(dim); }
  template <class Fn>
  auto Try(Fn&& fn) -> decltype(fn()) {
    try {
      return fn();
    } catch (...) {
      if (!error) error = std::current_exception();
      return decltype(fn())();
    }
  }
};

InferenceState& StateOf(void* state) { return *static_cast<InferenceState*>(state); }

const OndaDim* InputDim(void* state, int32_t input, int32_t axis) {
  InferenceState& s = StateOf(state);
  return s.Try([&]() -> const OndaDim* {
    const std::optional<Dims>& shape = s.c.shape(static_cast<size_t>(input));
    if (!shape || axis < 0 || axis >= static_cast<int32_t>(shape->size()))
      s.c.Reject("its inference asks for dimension " + std::to_string(axis) + " of input " + std::to_string(input));
    return s.Keep((*shape)[axis]);
  });
}

int32_t ContentOf(void* state, int32_t input, const OndaDim** elements, int32_t capacity) {
  InferenceState& s = StateOf(state);
  return s.Try([&]() -> int32_t {
    const std::optional<Dims> content = s.c.Content(static_cast<size_t>(input));
    if (!content) return -1;
    for (int32_t i = 0; i < std::min(capacity, static_cast<int32_t>(content->size())); ++i)
      elements[i] = s.Keep((*content)[i]);
    return static_cast<int32_t>(content->size());
  });
}

const OndaDim* Apply(void* state, OndaDimFunction function, const OndaDim* left, const OndaDim* right) {
  InferenceState& s = StateOf(state);
  return s.Try([&]() -> const OndaDim* {
    const Dim &a = InferenceState::Of(left), &b = InferenceState::Of(right);
    switch (function) {
      case kOndaDimAdd:
        return s.Keep(a + b);
      case kOndaDimSubtract:
        return s.Keep(a - b);
      case kOndaDimMultiply:
        return s.Keep(a * b);
      case kOndaDimFloorDivide:
      case kOndaDimCeilDivide:
        if (b.known() && b.value() == 0) return nullptr;
        return s.Keep(function == kOndaDimFloorDivide ? FloorDiv(a, b) : CeilDiv(a, b));
      case kOndaDimMin:
        return s.Keep(Min(a, b));
      case kOndaDimMax:
        return s.Keep(Max(a, b));
    }
    return nullptr;
  });
}

void SetOutput(void* state, int32_t output, int32_t dtype, int32_t rank, const OndaDim* const* dims) {
  InferenceState& s = StateOf(state);
  s.Try([&] {
    if (output < 0 || output >= static_cast<int32_t>(s.c.output_count())) return;  // one that the node omits
    std::optional<Dims> shape;
    if (rank >= 0) shape.emplace();
    for (int32_t i = 0; i < rank; ++i) shape->push_back(InferenceState::Of(dims[i]));
    s.c.SetOutput(static_cast<size_t>(output), static_cast<DType>(dtype), std::move(shape));
    s.output_set[output] = true;
  });
}

// Throws what the operator's function threw, or filled the status with.
void RunInference(InferContext& c, const OndaCustomOpDef& def, const std::vector<DType>& types) {
  std::vector<Fact> inputs, outputs(c.output_count());
  for (size_t i = 0; i < c.input_count(); ++i) inputs.push_back(c.input(i));
  const NodeViewStorage node(c.node(), inputs, outputs);
  InferenceState state{c, {}, std::vector<bool>(c.output_count()), nullptr};
  OndaInference inference{};
  inference.size = sizeof(inference);
  inference.state = &state;
  inference.node = &node.view;
  inference.input_dim = InputDim;
  inference.content = ContentOf;
  inference.constant = [](void* s, int64_t value) { return StateOf(s).Keep(value); };
  inference.unknown = [](void* s) -> const OndaDim* {
    return StateOf(s).Try([&] { return StateOf(s).Keep(StateOf(s).c.FreshDim()); });
  };
  inference.apply = Apply;
  inference.value = [](void*, const OndaDim* dim) { return InferenceState::Of(dim).value_or_unknown(); };
  inference.equal = [](void*, const OndaDim* a, const OndaDim* b) -> int32_t {
    return InferenceState::Of(a) == InferenceState::Of(b);
  };
  inference.set_output = SetOutput;
  OndaStatus status{};
  def.infer(&inference, &status);
  if (state.error) std::rethrow_exception(state.error);
  if (status.code == static_cast<int32_t>(ErrorCode::kInvalidModel)) c.Reject(status.message);
  if (status.code) throw Error(static_cast<ErrorCode>(status.code), status.message);
  for (size_t i = 0; i < c.output_count(); ++i) {
    if (!c.has_output(i)) continue;
    if (!state.output_set[i]) c.Reject("its inference says nothing of output " + std::to_string(i));
    if (types[i] != DType::kUndefined && c.outputs()[i].dtype != types[i])
      c.Reject("its inference gives output " + std::to_string(i) + " type " +
               std::string(NameOf(c.outputs()[i].dtype)) + " instead of " + std::string(NameOf(types[i])));
  }
}

// Why the operator's table cannot be used; "" where it can.
std::string Defect(const OndaCustomOpDef& def) {
  if (!def.domain || !def.name || !*def.name) return "an operator without a name";
  const std::string name = std::string("operator '") + def.domain + "." + def.name + "'";
  const std::string_view domain = def.domain;
  if (domain.empty() || domain == "onda" || NewestOpset(domain) > 0)
    return name + ": the domain is not for custom operators";
  if (def.input_count < 0 || def.input_count > 32 || def.output_count < 1 || def.output_count > 32 ||
      def.attribute_count < 0 || def.kernel_count < 0)
    return name + ": needs up to 32 inputs and 1 to 32 outputs";
  for (const auto& [parameters, count] :
       {std::pair(def.inputs, def.input_count), std::pair(def.outputs, def.output_count)})
    for (int32_t i = 0; i < count; ++i) {
      if (!parameters[i].name) return name + ": a parameter has no name";
      if (parameters[i].option == kOndaVariadic && i + 1 != count) return name + ": only the last one may be variadic";
    }
  for (int32_t i = 0; i < def.attribute_count; ++i) {
    if (!def.attributes[i].name) return name + ": an attribute has no name";
    for (int32_t k = 0; k < i; ++k)
      if (std::string_view(def.attributes[i].name) == def.attributes[k].name)
        return name + ": attribute '" + def.attributes[i].name + "' is declared twice";
  }
  for (int32_t i = 0; i < def.kernel_count; ++i) {
    const OndaKernelDef* k = def.kernels[i].kernel;
    if (!k || !def.kernels[i].provider || !k->rejects || !k->create || !k->destroy || !k->workspace || !k->launch)
      return name + ": kernel " + std::to_string(i) + " lacks a function";
    if (domain != k->domain || std::string_view(def.name) != k->op)
      return name + ": kernel " + std::to_string(i) + " is for another operator";
  }
  if (def.kernel_count == 0) return name + ": has no kernel";
  return "";
}

}  // namespace

void CustomOps::Add(const OndaCustomOpLibrary* library, const std::string& source) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kInvalidArgument, "custom operators of " + source + ": " + why);
  };
  if (!library || library->abi != kOndaCustomOpAbi || library->size < sizeof(OndaCustomOpLibrary))
    refuse("built for another version of Onda");
  CustomOps added;
  for (int32_t i = 0; i < library->op_count; ++i) {
    const OndaCustomOpDef* given = library->ops[i];
    if (!given || given->size < sizeof(OndaCustomOpDef)) refuse("built for another version of Onda");
    if (const std::string defect = Defect(*given); !defect.empty()) refuse(defect);
    added.Insert(*given, source);
  }
  AddAll(added);
}

void CustomOps::AddAll(const CustomOps& others) {
  for (const CustomOp& op : others.ops_)
    if (const auto it = by_name_.find({op.domain, op.name}); it != by_name_.end())
      throw Error(ErrorCode::kInvalidArgument, "custom operator '" + std::string(op.domain) + "." +
                                                   std::string(op.name) + "' of " + op.source +
                                                   " is registered already, by " + it->second->source);
  for (const CustomOp& op : others.ops_) Insert(op.def, op.source);
}

void CustomOps::Insert(const OndaCustomOpDef& def, const std::string& source) {
  if (by_name_.count({def.domain, def.name}))
    throw Error(ErrorCode::kInvalidArgument,
                "custom operators of " + source + ": operator '" + def.domain + "." + def.name + "' is there twice");
  CustomOp& op = ops_.emplace_back();
  op.def = def;
  op.source = source;
  op.domain = def.domain;
  op.name = def.name;
  op.infer = Infer;
  for (int32_t i = 0; i < def.input_count; ++i)
    if (def.inputs[i].on_host) op.host_inputs |= HostInputs{1} << i;
  by_name_[{op.domain, op.name}] = &op;
}

const OpDef* CustomOps::Find(std::string_view domain, std::string_view name) const {
  const auto it = by_name_.find({domain, name});
  return it == by_name_.end() ? nullptr : it->second;
}

std::vector<const OndaKernelDef*> CustomOps::KernelsFor(std::string_view provider) const {
  std::vector<const OndaKernelDef*> kernels;
  for (const CustomOp& op : ops_)
    for (int32_t i = 0; i < op.def.kernel_count; ++i)
      if (provider == op.def.kernels[i].provider) kernels.push_back(op.def.kernels[i].kernel);
  return kernels;
}

void CustomOps::Infer(InferContext& c) {
  const OndaCustomOpDef& def = static_cast<const CustomOp*>(c.node().op)->def;
  const std::vector<DType> types = CheckCustomNode(c, def);
  if (def.infer) {
    RunInference(c, def, types);
    return;
  }
  for (size_t i = 0; i < c.output_count(); ++i) {
    if (types[i] == DType::kUndefined && c.has_output(i))
      c.Reject("nothing says the type of output " + std::to_string(i));
    c.SetOutput(i, types[i], {});
  }
}

}  // namespace onda
