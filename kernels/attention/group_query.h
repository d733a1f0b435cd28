// ONNX Runtime's GroupQueryAttention: causal attention with a key cache, optionally rotating queries and keys first.
// Inputs: query (B, S, Hq * D) or packed with key and value, key?, value? (B, S, Hkv * D), past_key?, past_value?
// (B, Hkv, P, D), seqlens_k (B): valid keys - 1 behind this step, total_sequence_length: their largest number,
// cos_cache?, sin_cache?, position_ids?, attention_bias?, head_sink?. Outputs: (B, S, Hq * D), present_key,
// present_value (B, Hkv, max(P, total), D).
#ifndef ONDA_KERNELS_ATTENTION_GROUP_QUERY_H_
#define ONDA_KERNELS_ATTENTION_GROUP_QUERY_H_

#include "onda/provider.h"

namespace onda::attention {

struct GroupQueryParams {
  int64_t q_heads, kv_heads;
  double scale, softcap;
  int64_t window;                            // keys that a query sees, its own position included; -1: all
  bool causal, rotary, interleaved, smooth;  // smooth: one more logit of 0 in every softmax

  explicit GroupQueryParams(const Attributes& a)
      : q_heads(a.Int("num_heads", 0)),
        kv_heads(a.Int("kv_num_heads", 0)),
        scale(a.Float("scale", 0)),
        softcap(a.Float("softcap", 0)),
        window(a.Int("local_window_size", -1)),
        causal(a.Int("causal", 1) != 0),
        rotary(a.Int("do_rotary", 0) != 0),
        interleaved(a.Int("rotary_interleaved", 0) != 0),
        smooth(a.Int("smooth_softmax", 0) > 0) {}
};

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_GROUP_QUERY_H_
