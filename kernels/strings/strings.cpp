#include "kernels/strings/strings.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::strings {
namespace {

void InferNormalizer(InferContext& c) {
  const NormalizerParams params(c.attributes());
  if (!c.has_rank(0)) return c.SetOutput(0, DType::kString, std::nullopt);
  Dims dims = *c.shape(0);
  if (dims.empty() || dims.size() > 2) c.Reject("the input must have shape [C] or [1, C]");
  if (dims.size() == 2 && dims[0].known() && dims[0].value() != 1) c.Reject("the input must have shape [C] or [1, C]");
  // Without stop words nothing is dropped; only from nothing an empty string is made.
  const bool same = params.stopwords.empty() && dims.back().known() && dims.back().value() > 0;
  if (!same) dims.back() = c.FreshDim();
  c.SetOutput(0, DType::kString, std::move(dims));
}

void InferSplit(InferContext& c) {
  std::optional<Dims> dims = c.shape(0);
  c.SetOutput(1, DType::kInt64, dims);
  if (dims) dims->push_back(c.FreshDim());
  c.SetOutput(0, DType::kString, std::move(dims));
}

void InferMatch(InferContext& c) { c.SetOutput(0, DType::kBool, c.shape(0)); }

void InferTfIdf(InferContext& c) {
  const TfIdfParams params(c.attributes());
  if (c.dtype(0) != DType::kUndefined && (c.dtype(0) == DType::kString) != params.of_strings())
    c.Reject("the pool is of another type than the input");
  if (!c.has_rank(0)) return c.SetOutput(0, DType::kFloat, std::nullopt);
  Dims dims = *c.shape(0);
  if (dims.empty() || dims.size() > 2) c.Reject("the input must have shape [C] or [N, C]");
  dims.back() = params.width();
  c.SetOutput(0, DType::kFloat, std::move(dims));
}

constexpr OpDef kOps[] = {
    {.name = "StringNormalizer", .infer = InferNormalizer}, {.name = "StringConcat", .infer = InferBroadcast},
    {.name = "StringSplit", .infer = InferSplit},           {.name = "RegexFullMatch", .infer = InferMatch},
    {.name = "TfIdfVectorizer", .infer = InferTfIdf},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::strings
