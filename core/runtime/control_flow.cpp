// If, Loop and Scan.
#include <algorithm>

#include "core/ir/op_def.h"
#include "core/runtime/host_op.h"
#include "core/runtime/scan_output.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

void RunIf(HostOpContext& c) {
  if (c.input(0).count() != 1) c.Fail("the condition must have one element");
  c.outputs = c.RunBody(HostOpContext::ScalarOf(c.input(0)) ? "then_branch" : "else_branch", {});
}

// A scan output of no iterations: as many dimensions as are known, 0 where one is not.
RuntimeValue EmptyScan(const HostOpContext& c, size_t output, int axis) {
  const Fact fact = c.output_fact(output);
  std::vector<int64_t> dims;
  if (fact.has_rank())
    for (const Dim& d : *fact.shape) dims.push_back(d.known() ? d.value() : 0);
  if (dims.empty()) dims.push_back(0);
  dims[std::min<size_t>(axis, dims.size() - 1)] = 0;
  return c.NewTensor(fact.dtype, std::move(dims), c.output_instance(output));
}

void RunLoop(HostOpContext& c) {
  const bool limited = c.input(0).present();
  const int64_t limit = limited ? HostOpContext::ScalarOf(c.input(0)) : 0;
  bool go = !c.input(1).present() || HostOpContext::ScalarOf(c.input(1));
  std::vector<RuntimeValue> carried;
  for (size_t i = 2; i < c.input_count(); ++i) carried.push_back(c.input(i));
  const size_t n = carried.size();
  std::vector<ScanOutput> scans(c.outputs.size() > n ? c.outputs.size() - n : 0);

  for (int64_t i = 0; go && (!limited || i < limit); ++i) {
    c.CheckStop();
    std::vector<RuntimeValue> inputs{c.ScalarInt64(i), c.ScalarBool(go)};
    inputs.insert(inputs.end(), std::make_move_iterator(carried.begin()), std::make_move_iterator(carried.end()));
    std::vector<RuntimeValue> results = c.RunBody("body", std::move(inputs));
    if (results[0].count() != 1) c.Fail("the body's condition must have one element");
    go = HostOpContext::ScalarOf(results[0]);
    carried.assign(std::make_move_iterator(results.begin() + 1), std::make_move_iterator(results.begin() + 1 + n));
    for (size_t k = 0; k < scans.size(); ++k) scans[k].Append(c, std::move(results[1 + n + k]));
  }
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    if (i < n) {
      c.outputs[i] = std::move(carried[i]);
    } else if (scans[i - n].empty()) {
      c.outputs[i] = EmptyScan(c, i, 0);
    } else {
      c.outputs[i] = scans[i - n].Stack(c, 0);
    }
  }
}

// The recurrence itself. lengths: iterations; slice(k, i): element i of scan input k.
struct ScanResult {
  std::vector<RuntimeValue> states;
  std::vector<ScanOutput> scans;
};
template <class Slice>
ScanResult Recur(HostOpContext& c, std::vector<RuntimeValue> states, int64_t scan_inputs, size_t scan_outputs,
                 int64_t length, const Slice& slice) {
  ScanResult result;
  result.scans.resize(scan_outputs);
  const size_t n = states.size();
  for (int64_t i = 0; i < length; ++i) {
    c.CheckStop();
    std::vector<RuntimeValue> inputs = std::move(states);
    for (int64_t k = 0; k < scan_inputs; ++k) inputs.push_back(slice(k, i));
    std::vector<RuntimeValue> outputs = c.RunBody("body", std::move(inputs));
    states.assign(std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.begin() + n));
    for (size_t k = 0; k < scan_outputs; ++k) result.scans[k].Append(c, std::move(outputs[n + k]));
  }
  result.states = std::move(states);
  return result;
}

int AxisOf(const HostOpContext& c, const std::vector<int64_t>& axes, size_t k, int rank) {
  const int64_t axis = k < axes.size() ? axes[k] : 0;
  if (axis < -rank || axis >= rank) c.Fail("scan axis " + std::to_string(axis) + " is outside the rank");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

void RunScan(HostOpContext& c) {
  const Attributes a = c.attributes();
  const int64_t scan_inputs = a.Int("num_scan_inputs", 0);
  const size_t n = c.input_count() - scan_inputs;
  const std::vector<int64_t> input_axes = a.Ints("scan_input_axes"), output_axes = a.Ints("scan_output_axes");
  const std::vector<int64_t> input_directions = a.Ints("scan_input_directions");
  const std::vector<int64_t> output_directions = a.Ints("scan_output_directions");
  std::vector<int> axes;
  int64_t length = -1;
  for (int64_t k = 0; k < scan_inputs; ++k) {
    const RuntimeValue& x = c.input(n + k);
    axes.push_back(AxisOf(c, input_axes, k, static_cast<int>(x.dims.size())));
    const int64_t extent = x.dims[axes[k]];
    if (length >= 0 && extent != length) c.Fail("the scan inputs differ in length");
    length = extent;
  }
  std::vector<RuntimeValue> states;
  for (size_t i = 0; i < n; ++i) states.push_back(c.input(i));
  auto reversed = [](const std::vector<int64_t>& directions, size_t k) {
    return k < directions.size() && directions[k];
  };
  ScanResult result = Recur(c, std::move(states), scan_inputs, c.outputs.size() - n, length, [&](int64_t k, int64_t i) {
    return TakeSlice(c, c.input(n + k), axes[k], reversed(input_directions, k) ? length - 1 - i : i);
  });
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    if (i < n) {
      c.outputs[i] = std::move(result.states[i]);
      continue;
    }
    ScanOutput& scan = result.scans[i - n];
    if (scan.empty()) {
      c.outputs[i] =
          EmptyScan(c, i, i - n < output_axes.size() ? static_cast<int>(std::max<int64_t>(output_axes[i - n], 0)) : 0);
      continue;
    }
    const int axis = AxisOf(c, output_axes, i - n, static_cast<int>(scan.first().dims.size()) + 1);
    c.outputs[i] = scan.Stack(c, axis, reversed(output_directions, i - n));
  }
}

// Scan of version 8: batch element by batch element, each with its own length; what lies behind a length is zero.
void RunBatchedScan(HostOpContext& c) {
  const Attributes a = c.attributes();
  const int64_t scan_inputs = a.Int("num_scan_inputs", 0);
  const std::vector<int64_t> directions = a.Ints("directions");
  const size_t n = c.input_count() - 1 - scan_inputs;
  const RuntimeValue& first = c.input(1 + n);
  if (first.dims.size() < 2) c.Fail("a scan input needs a batch and a sequence dimension");
  const int64_t batch = first.dims[0], longest = first.dims[1];
  for (size_t i = 1; i < c.input_count(); ++i)
    if (c.input(i).dims.empty() || c.input(i).dims[0] != batch) c.Fail("the inputs differ in their batch dimension");
  for (int64_t k = 0; k < scan_inputs; ++k)
    if (c.input(1 + n + k).dims.size() < 2 || c.input(1 + n + k).dims[1] != longest)
      c.Fail("the scan inputs differ in length");
  std::vector<std::vector<RuntimeValue>> per_output(c.outputs.size());
  for (int64_t b = 0; b < batch; ++b) {
    int64_t length = longest;
    if (c.input(0).present()) {
      if (c.input(0).count() != batch) c.Fail("sequence_lens needs one entry per batch element");
      length = LoadInt64(c.input(0).dtype, c.input(0).data, b);
      if (length < 0 || length > longest) c.Fail("sequence_lens holds " + std::to_string(length));
    }
    std::vector<RuntimeValue> states, sequences;
    for (size_t i = 0; i < n; ++i) states.push_back(TakeSlice(c, c.input(1 + i), 0, b));
    for (int64_t k = 0; k < scan_inputs; ++k) sequences.push_back(TakeSlice(c, c.input(1 + n + k), 0, b));
    ScanResult result =
        Recur(c, std::move(states), scan_inputs, c.outputs.size() - n, length, [&](int64_t k, int64_t i) {
          const bool reversed = k < static_cast<int64_t>(directions.size()) && directions[k];
          return TakeSlice(c, sequences[k], 0, reversed ? length - 1 - i : i);
        });
    for (size_t i = 0; i < c.outputs.size(); ++i) {
      if (i < n) {
        per_output[i].push_back(std::move(result.states[i]));
        continue;
      }
      ScanOutput& scan = result.scans[i - n];
      if (scan.empty()) c.Fail("a batch element of length 0");
      while (scan.count() < longest) {
        RuntimeValue zero = c.NewTensor(scan.first().dtype, scan.first().dims);
        if (zero.dtype != DType::kString) std::fill_n(static_cast<char*>(zero.data), zero.bytes(), 0);
        scan.Append(c, std::move(zero));
      }
      per_output[i].push_back(scan.Stack(c, 0));
    }
  }
  for (size_t i = 0; i < c.outputs.size(); ++i)
    c.outputs[i] = per_output[i].empty() ? EmptyScan(c, i, 0) : StackValues(c, per_output[i], 0);
}

constexpr HostOpEntry kEntries[] = {
    {"", "If", RunIf}, {"", "Loop", RunLoop}, {"", "Scan", RunScan}, {"onda", "BatchedScan", RunBatchedScan}};

}  // namespace

std::span<const HostOpEntry> ControlFlowHostOps() { return kEntries; }

}  // namespace onda
