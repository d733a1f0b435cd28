#include "kernels/cast/cast.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::cast {
namespace {

// Version 1 named the type in capitals.
void UpgradeCast(RewriteContext& c) {
  if (c.version() >= 6) return;
  const std::string name = c.attributes().String("to", "");
  std::string lower;
  for (char ch : name) lower += ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
  for (int type = 1; type < kDTypeCount; ++type) {
    if (NameOf(static_cast<DType>(type)) != lower) continue;
    c.node().attributes.Set("to", static_cast<int64_t>(type));
    return;
  }
  c.Reject("'" + name + "' is no element type");
}

// With the type of the second input known it is a Cast.
void UpgradeCastLike(RewriteContext& c) {
  const DType type = c.fact(1).dtype;
  if (type == DType::kUndefined) return;
  c.node().op_type = "Cast";
  c.node().inputs.resize(1);
  c.node().attributes.Set("to", static_cast<int64_t>(type));
}

DType TypeAttribute(InferContext& c) {
  const int64_t to = c.attributes().Int("to", 0);
  if (to <= 0 || to >= kDTypeCount) c.Reject("attribute 'to' is " + std::to_string(to) + ", no element type");
  return static_cast<DType>(to);
}

void InferTo(InferContext& c, DType type) {
  c.SetOutput(0, type, c.shape(0));
  const DType from = c.dtype(0);
  auto carries = [](DType t) { return t == DType::kInt64 || t == DType::kInt32 || t == DType::kBool; };
  if (!carries(from) || !carries(type) || !c.has_rank(0)) return;
  std::optional<Dims> content = c.Content(0);
  if (!content) return;
  for (Dim& d : *content) {
    if (type == DType::kInt64 || from == type) continue;
    // An expression that stands for a length fits 32 bits, or the tensor could not exist.
    if (type == DType::kInt32) {
      if (d.known()) d = Dim(static_cast<int32_t>(d.value()));
      continue;
    }
    if (!d.known()) return;
    d = Dim(d.value() != 0);
  }
  c.SetContent(0, type, *c.shape(0), std::move(*content));
}

void InferCast(InferContext& c) {
  (void)Params(c.attributes());
  InferTo(c, TypeAttribute(c));
}

void InferCastLike(InferContext& c) {
  (void)Params(c.attributes());
  InferTo(c, c.dtype(1));
}

void InferBitCast(InferContext& c) {
  const DType from = c.dtype(0), to = TypeAttribute(c);
  if (to == DType::kString || from == DType::kString) c.Reject("strings have no bits to keep");
  if (from != DType::kUndefined && BitsOf(from) != BitsOf(to))
    c.Reject("from " + std::to_string(BitsOf(from)) + " to " + std::to_string(BitsOf(to)) + " bits");
  c.SetOutput(0, to, c.shape(0));
}

constexpr OpDef kOps[] = {
    {.name = "Cast", .infer = InferCast, .upgrade = UpgradeCast},
    {.name = "CastLike", .infer = InferCastLike, .upgrade = UpgradeCastLike},
    {.name = "BitCast", .infer = InferBitCast},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::cast
