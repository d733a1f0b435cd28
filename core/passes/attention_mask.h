// What is done to attention's scores before their softmax, gathered while a rule reads the chain.
#ifndef ONDA_CORE_PASSES_ATTENTION_MASK_H_
#define ONDA_CORE_PASSES_ATTENTION_MASK_H_

#include <vector>

#include "core/passes/rules.h"

namespace onda {

class AttentionMask {
 public:
  // scores + value.
  void Add(ValueId value) { parts_.push_back({value, Kind::kAdd, 0}); }
  // Where(condition, scores, fill), or Where(condition, fill, scores) where `keeps` is false.
  void Select(ValueId condition, bool keeps, double fill) {
    parts_.push_back({condition, keeps ? Kind::kKeep : Kind::kDrop, fill});
  }
  // Takes out what hides exactly the keys behind each query's own place, scores being (..., queries, keys); true if
  // something did.
  bool TakeCausal(const RuleContext& c, const Dim& queries, const Dim& keys);
  // Whether what is left may hide all keys of a query by -inf.
  bool MayHideAll(const RuleContext& c) const;
  // One attn_mask that does all that is left, its last dimension being `keys`, as dimension `axis` of `like` is;
  // kNoValue where nothing is left. It has at most `most_dims` dimensions. Makes nodes for scores of type dtype. False
  // where there is no such mask.
  bool Make(const RuleContext& c, Patch& patch, DType dtype, const Dim& keys, ValueId like, int64_t axis, int most_dims,
            ValueId& mask) const;

 private:
  enum class Kind { kAdd, kKeep, kDrop };
  struct Part {
    ValueId value;
    Kind kind;
    double fill;
  };
  std::vector<Part> parts_;
};

// Scores of this and below take no probability from others.
inline constexpr double kHidden = -9999;

}  // namespace onda

#endif  // ONDA_CORE_PASSES_ATTENTION_MASK_H_
