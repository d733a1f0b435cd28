// Scaled dot product attention, as ai.onnx Attention-25 and ONNX Runtime's GroupQueryAttention have it:
//   Y = softmax(cap(Q K^T * scale) + mask) V   for each batch and head, cap(x) = softcap * tanh(x / softcap)
// Rows that may see no key give 0; with `nan_rows`, an attribute of our own, NaN, as the chain of operators gives that
// rules fuse.
#ifndef ONDA_KERNELS_ATTENTION_ATTENTION_H_
#define ONDA_KERNELS_ATTENTION_ATTENTION_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "onda/provider.h"

namespace onda::attention {

struct Params {
  int64_t q_heads, kv_heads;  // 0: inputs have rank 4 and say it themselves
  double scale;               // 0: 1 / sqrt(head size)
  double softcap;             // 0: none
  bool causal;
  int64_t left_window, right_window;  // keys before and after the query's position; -1: all
  // What output 3 holds: 0 Q K^T * scale, 1 behind the softcap, 2 behind the mask, 3 probabilities.
  int64_t qk_mode;
  bool nan_rows;

  explicit Params(const Attributes& a)
      : q_heads(a.Int("q_num_heads", 0)),
        kv_heads(a.Int("kv_num_heads", 0)),
        scale(a.Float("scale", 0)),
        softcap(a.Float("softcap", 0)),
        causal(a.Int("is_causal", 0) != 0),
        left_window(a.Int("left_window_size", -1)),
        right_window(a.Int("right_window_size", -1)),
        qk_mode(a.Int("qk_matmul_output_mode", 0)),
        nan_rows(a.Int("nan_rows", 0) != 0) {}
};

// A tensor of (batch, heads, rows, width) with any strides, in elements; width is contiguous.
struct Heads {
  void* data = nullptr;
  DType type = DType::kUndefined;
  int64_t batch = 0, head = 0, row = 0;

  int64_t at(int64_t b, int64_t h, int64_t r) const { return b * batch + h * head + r * row; }
  const float* floats(int64_t b, int64_t h, int64_t r) const { return static_cast<const float*>(data) + at(b, h, r); }
};

// A dense tensor as Heads: (batch, heads, rows, width), or (batch, rows, heads * width) where it has rank 3.
inline Heads HeadsOf(const TensorView& t, int64_t heads, int64_t width) {
  const int64_t rows = t.rank == 4 ? t.dim(2) : t.dim(1);
  if (t.rank == 4) return {t.data, t.type(), heads * rows * width, rows * width, width};
  return {t.data, t.type(), rows * heads * width, width, heads * width};
}

// One attention with all shapes known. Keys and values are `past` rows of past_k and past_v, then rows of k and v, to
// `keys` in all.
struct Problem {
  int64_t batch = 0, q_heads = 0, kv_heads = 0, queries = 0, past = 0, keys = 0, width = 0, v_width = 0;
  Heads q, k, v, past_k, past_v, y;
  void* qk = nullptr;  // (batch, q_heads, queries, keys) or null
  DType qk_type = DType::kUndefined;
  int64_t qk_mode = 0;
  double scale = 1, softcap = 0;
  bool causal = false;
  int64_t left_window = -1, right_window = -1;
  // How many keys of each batch count; null: all. Then queries are the last of them; else they follow the past.
  const int64_t* valid = nullptr;
  const int64_t* offsets = nullptr;  // positions of query 0 among the keys where neither holds
  // Boolean (true: attend) or to be added; broadcasts to (batch, q_heads, queries), its rows have mask_keys elements
  // and the rest counts as masked.
  const void* mask = nullptr;
  DType mask_type = DType::kUndefined;
  int64_t mask_batch = 0, mask_head = 0, mask_row = 0, mask_keys = 0;
  float empty_row = 0;          // what a row gives that sees no key
  const float* sink = nullptr;  // (q_heads): one more logit per head that takes probability and gives no value

  int64_t group() const { return q_heads / kv_heads; }
  int64_t valid_of(int64_t b) const { return valid ? std::clamp<int64_t>(valid[b], 0, keys) : keys; }
  // Position of query 0 of a batch among the keys.
  int64_t offset(int64_t b) const { return offsets ? offsets[b] : valid ? valid[b] - queries : past; }

  // The keys that query i of batch b may see by position: [first, last).
  struct Range {
    int64_t first, last;
  };
  Range Visible(int64_t b, int64_t i) const {
    Range r{0, valid_of(b)};
    const int64_t position = i + offset(b);
    if (mask) r.last = std::min(r.last, mask_keys);
    if (causal) r.last = std::min(r.last, position + 1);
    if (left_window >= 0) r.first = std::max(r.first, position - left_window);
    if (right_window >= 0) r.last = std::min(r.last, position + right_window + 1);
    r.last = std::max(r.first, r.last);
    return r;
  }
  int64_t mask_at(int64_t b, int64_t h, int64_t i) const { return b * mask_batch + h * mask_head + i * mask_row; }

  // The mask's strides from its shape, which broadcasts from the right.
  void SetMask(const TensorView& t) {
    if (!t.present()) return;
    static constexpr char kNoElements = 0;
    mask = t.count() ? t.data : &kNoElements;
    mask_type = t.type();
    mask_keys = t.rank > 0 ? t.dim(t.rank - 1) : 1;
    int64_t stride = mask_keys;
    int64_t* const to[] = {&mask_row, &mask_head, &mask_batch};
    for (int i = 0; i < 3 && i + 1 < t.rank; ++i) {
      const int64_t n = t.dim(t.rank - 2 - i);
      *to[i] = n == 1 ? 0 : stride;
      stride *= n;
    }
  }
};

// The problem of a launch of Attention; inputs Q, K, V, attn_mask?, past_key?, past_value?, nonpad_kv_seqlen?.
inline Problem ProblemOf(const Params& p, TensorViews inputs, TensorViews outputs) {
  const TensorView &q = inputs[0], &k = inputs[1], &v = inputs[2], &y = outputs[0];
  Problem a;
  const bool flat = q.rank == 3;
  a.batch = q.dim(0);
  a.q_heads = flat ? p.q_heads : q.dim(1);
  a.kv_heads = flat ? p.kv_heads : k.dim(1);
  a.queries = q.dim(q.rank - 2);
  a.width = flat ? q.dim(2) / a.q_heads : q.dim(3);
  a.v_width = flat ? v.dim(2) / a.kv_heads : v.dim(3);
  a.past = inputs[4].present() ? inputs[4].dim(2) : 0;
  a.keys = a.past + k.dim(k.rank - 2);
  a.q = HeadsOf(q, a.q_heads, a.width);
  a.k = HeadsOf(k, a.kv_heads, a.width);
  a.v = HeadsOf(v, a.kv_heads, a.v_width);
  a.y = HeadsOf(y, a.q_heads, a.v_width);
  if (inputs[4].present()) {
    a.past_k = HeadsOf(inputs[4], a.kv_heads, a.width);
    a.past_v = HeadsOf(inputs[5], a.kv_heads, a.v_width);
  }
  if (outputs[3].present()) {
    a.qk = outputs[3].data;
    a.qk_type = outputs[3].type();
  }
  a.qk_mode = p.qk_mode;
  a.scale = p.scale != 0 ? p.scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, a.width)));
  a.softcap = p.softcap;
  a.causal = p.causal;
  // Positions are far smaller, and may be added.
  constexpr int64_t kWidest = INT64_MAX / 4;
  a.left_window = std::min(p.left_window, kWidest);
  a.right_window = std::min(p.right_window, kWidest);
  if (p.nan_rows && a.keys > 0) a.empty_row = std::numeric_limits<float>::quiet_NaN();
  a.SetMask(inputs[3]);
  if (inputs[6].present()) a.valid = inputs[6].as<int64_t>();
  return a;
}

// Before anything is computed.
inline void CheckValid(const Problem& a) {
  for (int64_t b = 0; a.valid && b < a.batch; ++b)
    if (a.valid[b] < 0 || a.valid[b] > a.keys)
      throw Error(ErrorCode::kRuntime,
                  "nonpad_kv_seqlen " + std::to_string(a.valid[b]) + " is outside [0, " + std::to_string(a.keys) + "]");
}

// Copies rows of (batch, heads, rows, width) to row `first` on of a dense (batch, heads, total, width) tensor.
inline void CopyRows(const Heads& from, int64_t batch, int64_t heads, int64_t rows, int64_t width, const TensorView& to,
                     int64_t first) {
  if (!to.present()) return;
  const size_t size = static_cast<size_t>(BitsOf(to.type()) / 8);
  const int64_t total = to.dim(2);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(to.as<char>() + ((b * heads + h) * total + first + r) * width * size,
                    static_cast<const char*>(from.data) + from.at(b, h, r) * size, width * size);
}

// present_key and present_value: the past, then what is new.
inline void WritePresent(const Problem& a, const TensorView& present_k, const TensorView& present_v) {
  const int64_t rows = a.keys - a.past;
  if (a.past > 0) {
    CopyRows(a.past_k, a.batch, a.kv_heads, a.past, a.width, present_k, 0);
    CopyRows(a.past_v, a.batch, a.kv_heads, a.past, a.v_width, present_v, 0);
  }
  CopyRows(a.k, a.batch, a.kv_heads, rows, a.width, present_k, a.past);
  CopyRows(a.v, a.batch, a.kv_heads, rows, a.v_width, present_v, a.past);
}

// Plain and exact: see reference.cpp.
void RunReference(const LaunchArgs& args, const Problem& a);

// fp32: see engine.cpp. All of q, k, v, past_k, past_v, y are floats; the mask is float or bool; no qk.
size_t EngineBytes(const Problem& a);
void RunEngine(const LaunchArgs& args, const Problem& a, void* workspace);

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_ATTENTION_H_
