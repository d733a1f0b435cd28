#include <span>

#include "kernels/case.h"

namespace onda::attention {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3,5,8] q, float[2,3,7,8] k, float[2,3,7,10] v) => (float[2,3,5,10] y) { y = Attention(q, k, v) }"},
      {"(float[2,5,24] q, float[2,7,24] k, float[2,7,30] v) => (float[2,5,30] y) "
       "{ y = Attention<q_num_heads = 3, kv_num_heads = 3, scale = 0.7>(q, k, v) }"},
      {"(float[1,6,5,8] q, float[1,2,5,8] k, float[1,2,5,8] v) => (float[1,6,5,8] y) { y = Attention<is_causal = 1>(q, "
       "k, v) }"},
      {"(float[1,6,1,8] q, float[1,2,1,8] k, float[1,2,1,8] v, float[1,2,9,8] pk, float[1,2,9,8] pv) => "
       "(float[1,6,1,8] y, float[1,2,10,8] nk, float[1,2,10,8] nv) { y, nk, nv = Attention<is_causal = 1>(q, k, v, , "
       "pk, pv) }"},
      {"(float[1,2,3,8] q, float[1,2,3,8] k, float[1,2,3,8] v, float[1,2,9,8] pk, float[1,2,9,8] pv) => "
       "(float[1,2,3,8] y) "
       "{ y = Attention<is_causal = 1, softcap = 1.5>(q, k, v, , pk, pv) }"},
      {"(float[2,3,5,8] q, float[2,3,37,8] k, float[2,3,37,8] v, float[5,37] m) => (float[2,3,5,8] y) "
       "{ y = Attention<softcap = 2.0>(q, k, v, m) }"},
      {"(float[2,3,5,8] q, float[2,3,37,8] k, float[2,3,37,8] v, bool[2,1,5,30] m) => (float[2,3,5,8] y) "
       "{ y = Attention(q, k, v, m) }"},
      {"(float[2,3,5,8] q, float[2,3,9,8] k, float[2,3,9,8] v, bool[2,3,5,9] m) => (float[2,3,5,8] y) "
       "{ y = Attention<left_window_size = 2, right_window_size = 1>(q, k, v, m) }"},
      {"(float[2,3,5,8] q, float[2,3,5,8] k, float[2,3,5,8] v) => (float[2,3,5,8] y, float[2,3,5,5] s) "
       "{ y, nk, nv, s = Attention<qk_matmul_output_mode = 3, is_causal = 1>(q, k, v) }"},
      {"(float[1,2,300,64] q, float[1,2,300,64] k, float[1,2,300,64] v) => (float[1,2,300,64] y) "
       "{ y = Attention<is_causal = 1>(q, k, v) }"},
      {"(float16[1,2,20,16] q, float16[1,2,20,16] k, float16[1,2,20,16] v, float16[20,20] m) => (float16[1,2,20,16] y) "
       "{ y = Attention(q, k, v, m) }"},
      {"(double[1,2,6,4] q, double[1,2,6,4] k, double[1,2,6,4] v) => (double[1,2,6,4] y) { y = Attention(q, k, v) }"},
      {"(float[1,2,0,4] q, float[1,2,6,4] k, float[1,2,6,4] v) => (float[1,2,0,4] y) { y = Attention(q, k, v) }"},
      {"(float[2,3,5,8] x, float[2,5,4] c, float[2,5,4] s) => (float[2,3,5,8] y) { y = RotaryEmbedding(x, c, s) }"},
      {"(float[2,5,24] x, float[2,5,2] c, float[2,5,2] s) => (float[2,5,24] y) "
       "{ y = RotaryEmbedding<num_heads = 3, rotary_embedding_dim = 4, interleaved = 1>(x, c, s) }"},
      {"(float16[1,3,5,8] x, float16[1,5,4] c, float16[1,5,4] s) => (float16[1,3,5,8] y) { y = RotaryEmbedding(x, c, "
       "s) }"},
      {"(float[2,4,12] q, float[2,4,6] k, float[2,4,6] v, float[2,4,2] d, float[2,4,2] b) => (float[2,4,12] y, "
       "float[2,2,3,3] s) "
       "{ y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2>(q, k, v, , d, b) }",
       -1, 1},
      {"(float[2,3,6] x, float[3,1,4] w, float[3] b, float[2,3,3] p) => (float[2,3,6] y, float[2,3,3] s) "
       "{ y, s = CausalConvWithState<activation = \"silu\">(x, w, b, p) }"},
  };
  return cases;
}

}  // namespace onda::attention
