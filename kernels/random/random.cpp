#include "kernels/random/random.h"

#include <cstring>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::random {
namespace {

// Outside of training Dropout is the identity, and its mask is true everywhere. Versions before 12 trained only outside
// of inference, and gave the mask the type of the data before version 10.
void UpgradeDropout(RewriteContext& c) {
  bool training = false;
  if (c.version() >= 12 && c.has_input(2)) {
    const TensorPtr& mode = c.fact(2).constant;
    training = !mode || mode->count() != 1 || *static_cast<const uint8_t*>(mode->data()) != 0;
  }
  if (training) return;
  std::vector<ValueId> outputs = {c.input(0)};
  if (c.node().outputs.size() > 1) {
    ValueId mask = kNoValue;
    if (c.has_output(1)) {
      auto value = Tensor::Make(DType::kBool, {1});
      std::memset(value->mutable_data(), 1, 1);
      mask = c.Add("ConstantOfShape", {c.Add("Shape", {c.input(0)})}, {{"value", TensorPtr(std::move(value))}});
      if (c.version() < 10) mask = c.Add("CastLike", {mask, c.input(0)});
    }
    outputs.push_back(mask);
  }
  c.ReplaceOutputs(std::move(outputs));
}

void InferDropout(InferContext& c) {
  for (size_t i = 1; i < 3; ++i) {
    if (!c.has_input(i) || !c.has_rank(i)) continue;
    for (const Dim& d : *c.shape(i))
      if (d.known() && d.value() != 1)
        c.Reject(i == 1 ? "the ratio must be a scalar" : "training_mode must be a scalar");
  }
  InferSameAsInput(c);
  c.SetOutput(1, DType::kBool, c.shape(0));
}

DType TypeAttribute(InferContext& c, DType absent, bool reals_only) {
  const int64_t value = c.attributes().Int("dtype", static_cast<int64_t>(absent));
  const DType type = static_cast<DType>(value);
  if (value <= 0 || value >= kDTypeCount || (reals_only && !IsFloating(type)))
    c.Reject("random numbers of type " + std::string(NameOf(type)) + " cannot be made");
  return type;
}

void InferFromShape(InferContext& c) {
  Dims dims;
  for (int64_t d : c.attributes().Ints("shape")) dims.push_back(d);
  c.SetOutput(0, TypeAttribute(c, DType::kFloat, true), std::move(dims));
}

void InferLike(InferContext& c) { c.SetOutput(0, TypeAttribute(c, c.dtype(0), true), c.shape(0)); }

void InferBernoulli(InferContext& c) {
  const DType type = TypeAttribute(c, c.dtype(0), false);
  if (!IsFloating(type) && !IsInteger(type) && type != DType::kBool)
    c.Reject("Bernoulli does not give " + std::string(NameOf(type)));
  c.SetOutput(0, type, c.shape(0));
}

void InferMultinomial(InferContext& c) {
  c.RequireRank(0, 2);
  const DType type = TypeAttribute(c, DType::kInt32, false);
  if (type != DType::kInt32 && type != DType::kInt64) c.Reject("the samples must be int32 or int64");
  const int64_t samples = c.attributes().Int("sample_size", 1);
  if (samples < 0) c.Reject("sample_size is negative");
  if (c.has_rank(0) && (*c.shape(0))[1] == Dim(0)) c.Reject("there are no outcomes to draw");
  c.SetOutput(0, type, Dims{c.has_rank(0) ? (*c.shape(0))[0] : c.FreshDim(), samples});
}

constexpr OpDef kOps[] = {
    {.name = "Dropout", .infer = InferDropout, .upgrade = UpgradeDropout, .flags = kOpRandom},
    {.name = "RandomNormal", .infer = InferFromShape, .flags = kOpRandom},
    {.name = "RandomUniform", .infer = InferFromShape, .flags = kOpRandom},
    {.name = "RandomNormalLike", .infer = InferLike, .flags = kOpRandom},
    {.name = "RandomUniformLike", .infer = InferLike, .flags = kOpRandom},
    {.name = "Bernoulli", .infer = InferBernoulli, .flags = kOpRandom},
    {.name = "Multinomial", .infer = InferMultinomial, .flags = kOpRandom},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::random
