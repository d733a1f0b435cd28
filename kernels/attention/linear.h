// LinearAttention and CausalConvWithState: layers whose memory of the past is a state of fixed size.
#ifndef ONDA_KERNELS_ATTENTION_LINEAR_H_
#define ONDA_KERNELS_ATTENTION_LINEAR_H_

#include "onda/provider.h"

namespace onda::attention {

// S_t = exp(g_t) S_{t-1} + beta_t k_t (v_t - exp(g_t) S_{t-1}^T k_t)^T for gated_delta; without the decay for delta,
// without beta and the correction for gated, without either for linear. o_t = scale * q_t^T S_t.
struct LinearParams {
  int64_t q_heads, kv_heads;
  double scale;  // 0: 1 / sqrt(width of a key)
  bool gated, delta;
  explicit LinearParams(const Attributes& a)
      : q_heads(a.Int("q_num_heads", 0)), kv_heads(a.Int("kv_num_heads", 0)), scale(a.Float("scale", 0)) {
    const std::string rule = a.String("update_rule", "gated_delta");
    gated = rule == "gated" || rule == "gated_delta";
    delta = rule == "delta" || rule == "gated_delta";
    if (!gated && !delta && rule != "linear")
      throw Error(ErrorCode::kInvalidModel, "unknown update_rule '" + rule + "'");
  }
};

// Whether the activation is SiLU; rejects unknown names.
inline bool IsSilu(const Attributes& a) {
  const std::string name = a.String("activation", "none");
  if (name == "silu" || name == "swish") return true;
  if (name != "none" && !name.empty()) throw Error(ErrorCode::kInvalidModel, "unknown activation '" + name + "'");
  return false;
}

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_LINEAR_H_
