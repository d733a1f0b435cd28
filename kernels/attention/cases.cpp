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
      // Long and wide enough for several tiles, splits of the keys and every form of operand of the CUDA kernels.
      {"(float[1,4,1,64] q, float[1,2,300,64] k, float[1,2,300,64] v) => (float[1,4,1,64] y) { y = Attention(q, k, v) "
       "}"},
      {"(float16[2,6,2,40] q, float16[2,2,3,40] k, float16[2,2,3,80] v, float16[2,2,400,40] pk, float16[2,2,400,80] "
       "pv, float16[2,403] m) => (float16[2,6,2,80] y, float16[2,2,403,40] nk, float16[2,2,403,80] nv) "
       "{ y, nk, nv = Attention<is_causal = 1>(q, k, v, m, pk, pv) }",
       -2, 2, 2e-3, 2e-3},
      {"(float[1,2,70,72] q, float[1,2,130,72] k, float[1,2,130,200] v, float[70,100] m) => (float[1,2,70,200] y) "
       "{ y = Attention<softcap = 3.0, left_window_size = 40>(q, k, v, m) }",
       -2, 2, 1e-4, 1e-5},
      {"(bfloat16[1,6,33,128] q, bfloat16[1,3,65,128] k, bfloat16[1,3,65,128] v) => (bfloat16[1,6,33,128] y) "
       "{ y = Attention<right_window_size = 3>(q, k, v) }",
       -1, 1, 1e-2, 1e-2},
      {"(float16[2,20,48] q, float16[2,20,24] k, float16[2,20,24] v) => (float16[2,20,48] y) "
       "{ y = Attention<q_num_heads = 6, kv_num_heads = 3, is_causal = 1>(q, k, v) }",
       -2, 2, 2e-3, 2e-3},
      {"(float16[2,2,20,16] q, float16[2,2,30,16] k, float16[2,2,30,24] v, bool[2,1,1,30] m) => (float16[2,2,20,24] y) "
       "{ y = Attention(q, k, v, m) }",
       -2, 2, 2e-3, 2e-3},
      // All keys of the second half of the rows are hidden.
      {"(bfloat16[1,2,20,16] q, bfloat16[1,2,30,16] k, bfloat16[1,2,30,16] v) => (bfloat16[1,2,20,16] y) <int64 zero = "
       "{0}, int64 one = {1}, int64 n = {20}, int64 ten = {10}, int64[2] shape = {20, 1}, int64[2] all = {20, 30}> { r "
       "= Range(zero, n, one) l = Less(r, ten) c = Reshape(l, shape) m = Expand(c, all) y = Attention(q, k, v, m) }",
       -2, 2, 1e-2, 1e-2},
      {"(float[2,2,3,260] q, float[2,2,7,260] k, float[2,2,7,300] v) => (float[2,2,3,300] y) { y = Attention(q, k, v) "
       "}",
       -2, 2, 1e-4, 1e-5},
      {"(float[2,3,5,8] q, float[2,3,5,8] k, float[2,3,5,8] v, float[5,4] m) => (float[2,3,5,8] y, float[2,3,5,5] s) "
       "{ y, nk, nv, s = Attention<qk_matmul_output_mode = 2, is_causal = 1>(q, k, v, m) }"},
      {"(float[2,3,5,8] q, float[2,3,5,8] k, float[2,3,5,8] v) => (float[2,3,5,8] y, float[2,3,5,5] s) "
       "{ y, nk, nv, s = Attention<qk_matmul_output_mode = 1, softcap = 1.0>(q, k, v) }"},
      {"(float[2,3,5,8] q, float[2,3,9,8] k, float[2,3,9,8] v) => (float[2,3,5,8] y) <int64[2] n = {7, 3}> "
       "{ y = Attention<is_causal = 1>(q, k, v, , , , n) }"},
      {"(float[2,5,24] x, float[9,4] c, float[9,4] s) => (float[2,5,24] y) <int64[2,5] p = {0, 1, 2, 3, 4, 8, 7, 6, 5, "
       "4}> { y = RotaryEmbedding<num_heads = 3>(x, c, s, p) }"},
      {"(float[2,4,600] q, float[2,4,300] k, float[2,4,6] v, float[2,2,150,3] p) => (float[2,4,12] y, "
       "float[2,2,150,3] s) { y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2, update_rule = \"linear\">(q, "
       "k, "
       "v, p) }",
       -1, 1, 1e-4, 1e-5},
      {"(float16[2,4,12] q, float16[2,4,6] k, float16[2,4,6] v, float[2,2,3,3] p, float16[2,4,6] d) => "
       "(float16[2,4,12] y, float[2,2,3,3] s) { y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2, update_rule "
       "= "
       "\"gated\">(q, k, v, p, d) }",
       -1, 1, 1e-3, 1e-3},
      {"(float16[2,3,6] x, float16[3,1,4] w) => (float16[2,3,6] y, float16[2,3,3] s) { y, s = CausalConvWithState(x, "
       "w) "
       "}"},
      // A prompt with rotation, a step of decoding on packed operands, and a window with a sink.
      {"(float[2,5,32] q, float[2,5,16] k, float[2,5,16] v, float[9,4] c, float[9,4] s) => (float[2,5,32] y, "
       "float[2,2,7,8] nk, float[2,2,7,8] nv) <int32[2] n = {4, 2}, int32 t = {7}> { y, nk, nv = "
       "com.microsoft.GroupQueryAttention<num_heads = 4, kv_num_heads = 2, do_rotary = 1>(q, k, v, , , n, t, c, s) }"},
      {"(float16[2,1,64] q, float16[2,2,300,8] pk, float16[2,2,300,8] pv, float16[301,4] c, float16[301,4] s) => "
       "(float16[2,1,32] y, float16[2,2,301,8] nk, float16[2,2,301,8] nv) <int32[2] n = {300, 150}, int32 t = {301}> { "
       "y, nk, nv = com.microsoft.GroupQueryAttention<num_heads = 4, kv_num_heads = 2, do_rotary = 1, "
       "rotary_interleaved = 1>(q, , , pk, pv, n, t, c, s) }",
       -2, 2, 3e-3, 3e-3},
      {"(float[1,3,32] q, float[1,3,16] k, float[1,3,16] v, float[1,2,6,8] pk, float[1,2,6,8] pv, float[1,1,3,9] b, "
       "float[4] h) => (float[1,3,32] y) <int32[1] n = {8}, int32 t = {9}> { y = "
       "com.microsoft.GroupQueryAttention<num_heads = 4, kv_num_heads = 2, local_window_size = 4, softcap = 2.0>(q, k, "
       "v, pk, pv, n, t, , , , b, h) }"},
      {"(float[1,3,32] q, float[1,3,16] k, float[1,3,16] v) => (float[1,3,32] y) <int32[1] n = {2}, int32 t = {3}> { y "
       "= com.microsoft.GroupQueryAttention<num_heads = 4, kv_num_heads = 2, smooth_softmax = 1, causal = 0>(q, k, v, "
       ", "
       ", n, t) }"},
      // A mask of no elements hides all keys.
      {"(float[2,2,3,8] q, float[2,2,5,8] k, float[2,2,5,8] v, bool[3,0] m) => (float[2,2,3,8] y) { y = Attention(q, "
       "k, "
       "v, m) }"},
      {"(float16[2,2,20,16] q, float16[2,2,30,16] k, float16[2,2,30,24] v, float16[20,0] m) => (float16[2,2,20,24] y) "
       "{ "
       "y = Attention(q, k, v, m) }"},
      {"(float[2,2,3,8] q, float[2,2,5,8] k, float[2,2,5,8] v, float[3,0] m) => (float[2,2,3,8] y, float[2,2,3,5] s) { "
       "y, pk, pv, s = Attention<qk_matmul_output_mode = 2>(q, k, v, m) }"},
      // A mask of another type than the queries, beyond the range of theirs.
      {"(float16[2,2,20,16] q, float16[2,2,30,16] k, float16[2,2,30,24] v, float[20,30] n) => (float16[2,2,20,24] y) "
       "<float far = {-100000.0}, float zero = {0.0}> { l = Less(n, zero) m = Where(l, far, n) y = Attention(q, k, v, "
       "m) }",
       -2, 2, 2e-3, 2e-3},
  };
  return cases;
}

}  // namespace onda::attention
