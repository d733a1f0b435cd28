// Queries, keys and values are gathered as fp32 (keys and values straight into the present cache), then go through the
// engine; so every float type has the same path.
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/group_query.h"
#include "kernels/attention/kernels.h"
#include "kernels/attention/rotary.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/half.h"
#include "kernels/simd/launch.h"

namespace onda::attention {
namespace {

void ReadFloats(const TensorView& t, int64_t at, float* to, int64_t n) {
  if (IsHalf(t.type())) {
    WidenToFloat(t.type(), t.as<uint16_t>() + at, to, n);
  } else {
    std::memcpy(to, t.as<float>() + at, sizeof(float) * static_cast<size_t>(n));
  }
}
void WriteFloats(const float* from, const TensorView& t, int64_t at, int64_t n) {
  if (IsHalf(t.type())) {
    NarrowFromFloat(t.type(), from, t.as<uint16_t>() + at, n);
  } else if (t.as<float>() + at != from) {
    std::memcpy(t.as<float>() + at, from, sizeof(float) * static_cast<size_t>(n));
  }
}

class GroupQuery {
 public:
  explicit GroupQuery(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloatOrHalf(type)) return "only float, float16 and bfloat16";
    for (int i : {1, 2, 3, 4, 7, 8, 10, 11})
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for all operands";
    for (int i : {12, 13, 14, 15, 16})
      if (node.input(i).present()) return "no quantized cache, head norms or query_seqlens";
    if (node.output(3).present()) return "only without output_qk";
    if (node.attributes().Int("sliding_window_cache", 0) != 0) return "no sliding_window_cache";
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    const Buffers buffers(*this, carver, inputs, outputs);
    return carver.bytes() + EngineBytes(buffers.problem);
  }

  void Launch(const LaunchArgs& args) const {
    Carver carver(args.workspace());
    Buffers buffers(*this, carver, args.inputs(), {&args.output(0), args.output_count()});
    Problem& a = buffers.problem;
    if (a.batch * a.queries == 0) return;
    for (int64_t b = 0; b < a.batch; ++b) {
      const int64_t valid = int64_t{args.input(5).as<int32_t>()[b]} + 1;
      // Query rows start behind what was cached; a first prompt that is padded on the right starts at 0.
      const int64_t offset = std::max<int64_t>(0, valid - a.queries);
      if (valid < 1 || valid > a.keys || offset + a.queries > a.keys)
        throw Error(ErrorCode::kRuntime, "seqlens_k does not fit the cache");
      buffers.valid[b] = valid;
      buffers.offsets[b] = offset;
    }
    if (args.has_input(10)) {
      const TensorView& bias = args.input(10);
      if (IsHalf(bias.type())) ReadFloats(bias, 0, buffers.bias, bias.count());
    }
    if (args.has_input(11)) ReadFloats(args.input(11), 0, buffers.sink, a.q_heads);
    if (params_.smooth && !args.has_input(11)) std::fill_n(buffers.sink, a.q_heads, 0.0f);
    args.ParallelFor(a.batch * (a.q_heads + 2 * a.kv_heads), 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) Gather(args, a, buffers, t);
    });
    RunEngine(args, a, carver.Take<char>(0));
    const TensorView& y = args.output(0);
    args.ParallelFor(y.count(), 16384, [&](int64_t begin, int64_t end) {
      WriteFloats(static_cast<const float*>(a.y.data) + begin, y, begin, end - begin);
    });
  }

 private:
  struct Buffers {
    Problem problem;
    int64_t *valid, *offsets;
    float *q, *k, *v, *bias = nullptr, *sink = nullptr;  // q (B, Hq, S, D); k, v (B, Hkv, keys, D)

    Buffers(const GroupQuery& kernel, Carver& carver, TensorViews inputs, TensorViews outputs) {
      const GroupQueryParams& p = kernel.params_;
      const TensorView& query = inputs[0];
      Problem& a = problem;
      a.batch = query.dim(0);
      a.queries = query.dim(1);
      a.q_heads = p.q_heads;
      a.kv_heads = p.kv_heads;
      a.width = a.v_width = outputs[0].dim(2) / p.q_heads;
      const int64_t past = inputs[3].present() ? inputs[3].dim(2) : 0;
      const int64_t total = inputs[6].data ? inputs[6].as<int32_t>()[0] : 0;
      a.keys = outputs[1].present() ? outputs[1].dim(2) : std::max(past, total);
      const bool half = IsHalf(query.type());
      const int64_t rows = a.batch * a.q_heads * a.queries * a.width, cached = a.batch * a.kv_heads * a.keys * a.width;
      valid = carver.Take<int64_t>(a.batch);
      offsets = carver.Take<int64_t>(a.batch);
      q = carver.Take<float>(rows);
      auto cache = [&](const TensorView& t) {
        return !half && t.present() ? t.as<float>() : carver.Take<float>(cached);
      };
      k = cache(outputs[1]);
      v = cache(outputs[2]);
      float* y = half ? carver.Take<float>(rows) : outputs[0].as<float>();
      const DType f = DType::kFloat;
      a.q = {q, f, a.q_heads * a.queries * a.width, a.queries * a.width, a.width};
      a.k = {k, f, a.kv_heads * a.keys * a.width, a.keys * a.width, a.width};
      a.v = a.k;
      a.v.data = v;
      a.y = {y, f, a.queries * a.q_heads * a.width, a.width, a.q_heads * a.width};
      a.scale = p.scale != 0 ? p.scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, a.width)));
      a.softcap = p.softcap;
      a.causal = p.causal;
      a.left_window = p.window > 0 ? p.window - 1 : -1;
      a.valid = valid;
      a.offsets = offsets;
      if (inputs[10].present()) {
        a.SetMask(inputs[10]);
        if (half) a.mask = bias = carver.Take<float>(inputs[10].count());
        a.mask_type = f;
      }
      if (inputs[11].present() || p.smooth) a.sink = sink = carver.Take<float>(a.q_heads);
    }
  };

  // Head t of a batch: first those of queries, then of keys, then of values. Rows are copied, rotated, and for keys and
  // values put behind the past and written to the present.
  void Gather(const LaunchArgs& args, const Problem& a, const Buffers& buffers, int64_t t) const {
    const int64_t heads = a.q_heads + 2 * a.kv_heads, b = t / heads, slot = t % heads;
    const int part = slot < a.q_heads ? 0 : slot < a.q_heads + a.kv_heads ? 1 : 2;
    const int64_t h = part == 0 ? slot : (slot - a.q_heads) % a.kv_heads;
    const bool packed = !args.has_input(1);
    const TensorView& from = packed ? args.input(0) : args.input(part);
    const int64_t stride = from.dim(2), column = (packed ? slot : h) * a.width;
    const int64_t offset = buffers.offsets[b], n = a.width;
    float* to = part == 0 ? buffers.q + (b * a.q_heads + h) * a.queries * n
                          : (part == 1 ? buffers.k : buffers.v) + (b * a.kv_heads + h) * a.keys * n;
    if (part > 0) {
      const TensorView& past = args.input(2 + part);
      const int64_t kept = past.present() ? std::min(offset, past.dim(2)) : 0;
      if (kept > 0) ReadFloats(past, (b * a.kv_heads + h) * past.dim(2) * n, to, kept * n);
      std::fill_n(to + kept * n, (a.keys - kept) * n, 0.0f);
    }
    float* const first = part == 0 ? to : to + offset * n;
    for (int64_t s = 0; s < a.queries; ++s) {
      float* const row = first + s * n;
      ReadFloats(from, (b * a.queries + s) * stride + column, row, n);
      if (part < 2 && params_.rotary) RotateRow(args, b, s, offset, row, n);
    }
    if (part > 0 && args.wants_output(part))
      WriteFloats(to, args.output(part), (b * a.kv_heads + h) * a.keys * n, a.keys * n);
  }

  void RotateRow(const LaunchArgs& args, int64_t b, int64_t s, int64_t offset, float* row, int64_t width) const {
    const TensorView &cos = args.input(7), &sin = args.input(8), &ids = args.input(9);
    const int64_t half = cos.dim(1);
    const int64_t position = ids.present() ? ids.as<int64_t>()[b * args.input(0).dim(1) + s] : offset + s;
    if (position < 0 || position >= cos.dim(0) || position >= sin.dim(0))
      throw Error(ErrorCode::kRuntime, "position " + std::to_string(position) + " is outside the caches");
    constexpr int64_t kMost = 1024;  // of a head's half
    float c[kMost], si[kMost];
    if (half > kMost) throw Error(ErrorCode::kResourceLimit, "heads wider than 2048 cannot be rotated");
    ReadFloats(cos, position * half, c, half);
    ReadFloats(sin, position * half, si, half);
    Rotate(row, c, si, width, 2 * half, params_.interleaved, row);
  }

  GroupQueryParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<GroupQuery>("GroupQueryAttention", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> MicrosoftKernels() { return kKernels; }

}  // namespace onda::attention
