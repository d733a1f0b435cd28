#include "kernels/batch_norm/batch_norm.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::batch_norm {
namespace {

// Version 1 marks inference by is_test, versions up to 9 train where they have more than one output. spatial = 0 has
// statistics per element of a sample: the same as channels without inner dimensions.
void UpgradeBatch(RewriteContext& c) {
  if (c.version() >= 14) return;
  Node& node = c.node();
  bool training = c.attributes().Int("is_test", 0) == 0;
  bool more = false;
  for (size_t i = 1; i < node.outputs.size(); ++i) more |= c.has_output(i);
  training = training && more;
  const bool spatial = c.attributes().Int("spatial", 1) != 0;
  for (const char* name : {"is_test", "spatial", "consumed_inputs"}) node.attributes.Remove(name);
  if (training) node.attributes.Set("training_mode", int64_t{1});
  if (spatial) return;

  const ValueId x_shape = c.Add("Shape", {c.input(0)}), flat = c.Add("Flatten", {c.input(0)});
  Node core;
  core.op_type = "BatchNormalization";
  core.attributes = node.attributes;
  core.inputs = {flat};
  for (size_t i = 1; i < 5; ++i) core.inputs.push_back(c.Add("Reshape", {c.input(i), c.Int64s({-1})}));
  const int count = training ? static_cast<int>(node.outputs.size()) : 1;
  std::vector<ValueId> outputs = c.AddNode(std::move(core), count);
  outputs[0] = c.Add("Reshape", {outputs[0], x_shape});
  if (count > 1) {
    const ValueId scale_shape = c.Add("Shape", {c.input(1)});
    for (int i = 1; i < count; ++i)
      outputs[i] = c.has_output(i) ? c.Add("Reshape", {outputs[i], scale_shape}) : kNoValue;
  }
  outputs.resize(node.outputs.size(), kNoValue);
  c.ReplaceOutputs(std::move(outputs));
}

// The number of channels that X, and every operand in [first, last), agree on; operands have rank 1.
Dim InferChannels(InferContext& c, size_t first, size_t last, const char* what) {
  Dim channels = c.FreshDim();
  if (c.has_rank(0)) {
    const Dims& x = *c.shape(0);
    if (x.empty()) c.Reject("X has rank 0");
    channels = x.size() > 1 ? x[1] : Dim(1);
  }
  for (size_t i = first; i < last; ++i) {
    c.RequireRank(i, 1);
    if (c.has_rank(i)) channels = MergeDim(c, channels, (*c.shape(i))[0], what);
  }
  return channels;
}

void InferBatch(InferContext& c) {
  const Params p(c.attributes());
  const Dim channels = InferChannels(c, 1, 5, "channels of X, scale, B, mean and var");
  c.SetOutput(0, c.dtype(0), c.shape(0));
  bool more = false;
  for (size_t i = 1; i < c.output_count(); ++i) {
    c.SetOutput(i, c.dtype(i % 2 == 1 ? 3 : 4), Dims{channels});
    more |= c.has_output(i);
  }
  if (more && !p.training) c.Reject("outputs besides Y need training_mode");
}

void UpgradeInstance(RewriteContext& c) { c.node().attributes.Remove("consumed_inputs"); }

void InferInstance(InferContext& c) {
  if (c.has_rank(0) && c.input(0).rank() < 2) c.Reject("the input needs a batch and a channel dimension");
  InferChannels(c, 1, 3, "channels of input, scale and B");
  InferSameAsInput(c);
}

// Version 18 has one scale and bias per group: each is repeated for the channels of its group.
void UpgradeGroup(RewriteContext& c) {
  if (c.version() >= 21) return;
  const int64_t groups = c.attributes().Int("num_groups", 0);
  if (groups <= 0) c.Reject("num_groups must be positive");
  const ValueId channels = c.Add("Shape", {c.input(0)}, {{"start", int64_t{1}}, {"end", int64_t{2}}});
  const ValueId group_count = c.Int64s({groups});
  const ValueId each = c.Add("Div", {channels, group_count});
  const ValueId shape = c.Add("Concat", {group_count, each}, {{"axis", int64_t{0}}});
  for (size_t i = 1; i < 3; ++i) {
    const ValueId column = c.Add("Reshape", {c.input(i), c.Int64s({-1, 1})});
    c.SetInput(i, c.Add("Reshape", {c.Add("Expand", {column, shape}), c.Int64s({-1})}));
  }
}

void InferGroup(InferContext& c) {
  if (c.has_rank(0) && c.input(0).rank() < 2) c.Reject("X needs a batch and a channel dimension");
  const Dim channels = InferChannels(c, 1, 3, "channels of X, scale and bias");
  const int64_t groups = c.attributes().Int("num_groups", 0);
  if (groups <= 0 || (channels.known() && channels.value() % groups != 0))
    c.Reject("num_groups " + std::to_string(groups) + " does not divide the channels");
  InferSameAsInput(c);
}

void InferLrn(InferContext& c) {
  if (c.has_rank(0) && c.input(0).rank() < 2) c.Reject("X needs a batch and a channel dimension");
  const int64_t size = LrnParams(c.attributes()).size;
  if (size < 1 || size > INT32_MAX) c.Reject("size must be positive");
  InferSameAsInput(c);
}

// x / norm, and 0 where the norm is 0.
void InferLp(InferContext& c) {
  const int64_t p = c.attributes().Int("p", 2);
  if (p != 1 && p != 2) c.Reject("p must be 1 or 2");
  if (c.has_rank(0)) NormalizeAxis(c, c.attributes().Int("axis", -1), c.input(0).rank());
  InferSameAsInput(c);
}

bool DecomposeLp(RewriteContext& c) {
  const int64_t p = c.attributes().Int("p", 2), axis = c.attributes().Int("axis", -1);
  const ValueId norm = c.Add(p == 1 ? "ReduceL1" : "ReduceL2", {c.input(0), c.Int64s({axis})});
  const ValueId zero = c.Add("Equal", {norm, c.ScalarLike(0)});
  const ValueId divisor = c.Add("Where", {zero, c.ScalarLike(1), norm});
  c.ReplaceOutputs({c.Add("Div", {c.input(0), divisor})});
  return true;
}

std::vector<int64_t> AxesOf(const Attributes& a) { return a.Ints("axes", {0, 2, 3}); }

void InferMeanVariance(InferContext& c) {
  if (c.has_rank(0)) NormalizeAxes(c, AxesOf(c.attributes()), c.input(0).rank());
  InferSameAsInput(c);
}

// (x - mean) / (deviation + 1e-9), as the function body in the specification, with a variance that does not cancel.
bool DecomposeMeanVariance(RewriteContext& c) {
  const ValueId axes = c.Int64s(AxesOf(c.attributes()));
  const ValueId distance = c.Add("Sub", {c.input(0), c.Add("ReduceMean", {c.input(0), axes})});
  const ValueId variance = c.Add("ReduceMean", {c.Add("Mul", {distance, distance}), axes});
  const ValueId deviation = c.Add("Add", {c.Add("Sqrt", {variance}), c.ScalarLike(1e-9)});
  c.ReplaceOutputs({c.Add("Div", {distance, deviation})});
  return true;
}

// ONNX Runtime's GroupNorm, channels last unless told otherwise, with an optional SiLU; SkipGroupNorm adds skip (and
// bias) first and gives the sum as output 1.
void UpgradeMicrosoftGroup(RewriteContext& c) {
  const bool last = c.attributes().Int("channels_last", 1) != 0, skip = c.node().op_type == "SkipGroupNorm";
  const DType type = c.fact(0).dtype;
  ValueId x = c.input(0), sum = kNoValue;
  if (skip) {
    ValueId other = c.input(3);
    if (c.fact(3).has_rank() && c.fact(3).rank() == 2) other = c.Add("Unsqueeze", {other, c.Int64s({1, 2})});
    x = c.Add("Add", {x, other});
    if (c.has_input(4)) x = c.Add("Add", {x, c.input(4)});
    sum = x;
  }
  auto to_type = [&](ValueId v) { return c.Add("Cast", {v}, {{"to", static_cast<int64_t>(type)}}); };
  if (last) x = c.Add("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
  ValueId y =
      c.Add("GroupNormalization", {x, to_type(c.input(1)), to_type(c.input(2))},
            {{"num_groups", c.attributes().Int("groups", 0)}, {"epsilon", c.attributes().Float("epsilon", 1e-5f)}});
  if (last) y = c.Add("Transpose", {y}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  if (c.attributes().Int("activation", 0) == 1) y = c.Add("Mul", {y, c.Add("Sigmoid", {y})});
  std::vector<ValueId> outputs{y};
  if (c.node().outputs.size() > 1) outputs.push_back(c.has_output(1) ? sum : kNoValue);
  c.ReplaceOutputs(std::move(outputs));
}

constexpr OpDef kOps[] = {
    {.name = "BatchNormalization", .infer = InferBatch, .upgrade = UpgradeBatch},
    {.name = "InstanceNormalization", .infer = InferInstance, .upgrade = UpgradeInstance},
    {.name = "GroupNormalization", .infer = InferGroup, .upgrade = UpgradeGroup},
    {.name = "LRN", .infer = InferLrn},
    {.name = "LpNormalization", .infer = InferLp, .decompose = DecomposeLp},
    {.name = "MeanVarianceNormalization", .infer = InferMeanVariance, .decompose = DecomposeMeanVariance},
    {.name = "GroupNorm", .domain = "com.microsoft", .upgrade = UpgradeMicrosoftGroup, .flags = kOpAlias},
    {.name = "SkipGroupNorm", .domain = "com.microsoft", .upgrade = UpgradeMicrosoftGroup, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::batch_norm
