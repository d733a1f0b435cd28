#include "core/runtime/host_op.h"

#include <algorithm>
#include <cstring>

#include "core/ir/op_def.h"
#include "onda/float_formats.h"

namespace onda {

HostOp FindHostOp(std::string_view domain, std::string_view name) {
  for (std::span<const HostOpEntry> part : {ControlFlowHostOps(), SequenceHostOps(), MapHostOps(), CopyHostOps()})
    for (const HostOpEntry& entry : part)
      if (entry.name == name && entry.domain == domain) return entry.run;
  return nullptr;
}

size_t HostOpContext::BodyIndex(std::string_view attribute) const {
  for (size_t i = 0; i < node_.bodies.size(); ++i)
    if (node_.bodies[i].attribute == attribute) return i;
  throw Error(ErrorCode::kInvalidModel,
              Describe(node_) + ": graph attribute '" + std::string(attribute) + "' is missing");
}

const Graph& HostOpContext::BodyGraph(std::string_view attribute) const {
  return *node_.bodies[BodyIndex(attribute)].graph;
}

std::vector<RuntimeValue> HostOpContext::RunBody(std::string_view attribute, std::vector<RuntimeValue> inputs) const {
  const size_t index = BodyIndex(attribute);
  inputs.insert(inputs.end(), captures_[index].begin(), captures_[index].end());
  if (inputs.size() != node_.bodies[index].graph->inputs.size())
    Fail("body '" + std::string(attribute) + "' has another number of inputs than its node gives");
  RunContext inner = run_;
  ++inner.depth;
  std::vector<RuntimeValue> results;
  Execute(compiled_.bodies[index]->ProgramForAll(), inputs, inner, {}, results);
  return results;
}

int64_t HostOpContext::ScalarOf(const RuntimeValue& value) { return LoadInt64(value.dtype, value.data, 0); }

RuntimeValue HostOpContext::ScalarInt64(int64_t value) const {
  RuntimeValue v = NewTensor(DType::kInt64, {});
  *static_cast<int64_t*>(v.data) = value;
  return v;
}

RuntimeValue HostOpContext::ScalarBool(bool value) const {
  RuntimeValue v = NewTensor(DType::kBool, {});
  *static_cast<uint8_t*>(v.data) = value;
  return v;
}

void HostOpContext::CheckStop() const {
  if (run_.stop && run_.stop->requested())
    throw Error(ErrorCode::kCancelled, Describe(node_) + ": the run was terminated");
}

void HostOpContext::Fail(const std::string& cause) const {
  throw Error(ErrorCode::kRuntime, Describe(node_) + ": " + cause);
}

ElementMover::ElementMover(const HostOpContext& c, int32_t instance) : provider_(c.provider(instance)) {
  if (instance != 0) lane_ = provider_.TakeLane(0);
}

ElementMover::~ElementMover() {
  if (lane_) provider_.ReturnLane(std::move(lane_), false);
}

void ElementMover::Finish() {
  if (!lane_) return;
  provider_.Synchronize(lane_->stream);
  provider_.ReturnLane(std::move(lane_), true);
}

void ElementMover::Move(DType dtype, const void* from, int64_t from_index, void* to, int64_t to_index, int64_t count) {
  if (!lane_) {
    CopyElements(dtype, from, from_index, to, to_index, count);
    return;
  }
  const int bits = BitsOf(dtype);
  if (bits < 8 || dtype == DType::kString)
    throw Error(ErrorCode::kInternal, "elements without whole bytes are moved on the host alone");
  const size_t size = static_cast<size_t>(bits) / 8;
  provider_.Copy(static_cast<char*>(to) + to_index * size, static_cast<const char*>(from) + from_index * size,
                 count * size, kOndaDeviceToDevice, lane_->stream);
}

// Sub-byte types go one by one, since they need not begin at a byte.
void CopyElements(DType dtype, const void* from, int64_t from_index, void* to, int64_t to_index, int64_t count) {
  if (dtype == DType::kString) {
    std::copy_n(static_cast<const std::string*>(from) + from_index, count, static_cast<std::string*>(to) + to_index);
    return;
  }
  const int bits = BitsOf(dtype);
  if (bits < 8) {
    for (int64_t i = 0; i < count; ++i) StorePacked(to, bits, to_index + i, LoadPacked(from, bits, from_index + i));
    return;
  }
  const size_t size = static_cast<size_t>(bits) / 8;
  std::memcpy(static_cast<char*>(to) + to_index * size, static_cast<const char*>(from) + from_index * size,
              count * size);
}

namespace {

int64_t ProductOf(const std::vector<int64_t>& dims, size_t begin, size_t end) {
  int64_t n = 1;
  for (size_t i = begin; i < end; ++i) n *= dims[i];
  return n;
}

}  // namespace

RuntimeValue TakeSlice(const HostOpContext& c, const RuntimeValue& value, int axis, int64_t index) {
  std::vector<int64_t> dims = value.dims;
  dims.erase(dims.begin() + axis);
  RuntimeValue out = c.NewTensor(value.dtype, dims, value.instance);
  ElementMover mover(c, value.instance);
  const int64_t outer = ProductOf(value.dims, 0, axis), length = value.dims[axis];
  const int64_t inner = ProductOf(value.dims, axis + 1, value.dims.size());
  for (int64_t o = 0; o < outer && inner > 0; ++o)
    mover.Move(value.dtype, value.data, (o * length + index) * inner, out.data, o * inner, inner);
  mover.Finish();
  return out;
}

RuntimeValue StackValues(const HostOpContext& c, const std::vector<RuntimeValue>& values, int axis) {
  std::vector<int64_t> dims = values.at(0).dims;
  for (const RuntimeValue& v : values)
    if (v.dims != dims || v.dtype != values[0].dtype) c.Fail("the values to be stacked differ in shape or type");
  const int64_t n = static_cast<int64_t>(values.size());
  const int64_t outer = ProductOf(dims, 0, axis), inner = ProductOf(dims, axis, dims.size());
  dims.insert(dims.begin() + axis, n);
  RuntimeValue out = c.NewTensor(values[0].dtype, dims, values[0].instance);
  ElementMover mover(c, out.instance);
  for (int64_t k = 0; k < n && inner > 0; ++k)
    for (int64_t o = 0; o < outer; ++o)
      mover.Move(out.dtype, values[k].data, o * inner, out.data, (o * n + k) * inner, inner);
  mover.Finish();
  return out;
}

}  // namespace onda
