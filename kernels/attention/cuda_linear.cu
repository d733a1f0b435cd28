// LinearAttention: a warp carries one column of a state, which no other column reads, through all tokens; its lanes
// share the rows. CausalConvWithState: a thread per result.
#include "kernels/attention/cuda_engine.h"
#include "kernels/attention/linear.h"
#include "kernels/device/element.h"
#include "kernels/device/number.h"
#include "kernels/device/warp.h"

namespace onda::attention {
namespace {

using namespace cuda;

constexpr int kThreads = 128;

struct LinearShape {
  int64_t batch, rows, width, v_width, q_heads, kv_heads;
  bool decay_per_head, beta_shared;
  DType state_type;
  float scale;
};

// kPerLane rows of the state for each lane: up to 32 * kPerLane elements of a key.
template <class T, int kPerLane>
__global__ void __launch_bounds__(kThreads) LinearColumns(In<T> q, In<T> k, In<T> v, In<uint8_t> past, In<T> decay,
                                                          In<T> beta, Out<T> y, Out<uint8_t> present, LinearShape s) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t column = GlobalThread() / kWarp;
  if (column >= s.batch * s.kv_heads * s.v_width) return;  // whole warps
  const int64_t j = column % s.v_width, t = column / s.v_width, h = t % s.kv_heads, b = t / s.kv_heads;
  const int64_t group = s.q_heads / s.kv_heads;
  float state[kPerLane];
#pragma unroll
  for (int e = 0; e < kPerLane; ++e) {
    const int64_t i = lane + e * kWarp;
    state[e] = past && i < s.width ? LoadNumber<float>(s.state_type, past.data, (t * s.width + i) * s.v_width + j) : 0;
  }
  for (int64_t row = 0; row < s.rows; ++row) {
    const int64_t at = b * s.rows + row, head = at * s.kv_heads + h;
    float key[kPerLane], correction = 0;
#pragma unroll
    for (int e = 0; e < kPerLane; ++e) {
      const int64_t i = lane + e * kWarp;
      key[e] = i < s.width ? Widen(k[head * s.width + i]) : 0;
      if (decay && i < s.width) state[e] *= exp(Widen(decay[s.decay_per_head ? head : head * s.width + i]));
      correction += key[e] * state[e];
    }
    float change = Widen(v[head * s.v_width + j]);
    if (beta) {
      change -= WarpReduce(correction, Plus());
      change *= Widen(beta[s.beta_shared ? at : head]);
    }
#pragma unroll
    for (int e = 0; e < kPerLane; ++e) state[e] += key[e] * change;
    for (int64_t g = 0; g < group; ++g) {
      const int64_t q_head = at * s.q_heads + h * group + g;
      float dot = 0;
#pragma unroll
      for (int e = 0; e < kPerLane; ++e) {
        const int64_t i = lane + e * kWarp;
        if (i < s.width) dot += Widen(q[q_head * s.width + i]) * state[e];
      }
      dot = WarpReduce(dot, Plus());
      if (lane == 0) y[q_head * s.v_width + j] = Narrow<T>(dot * s.scale);
    }
  }
  if (!present) return;
#pragma unroll
  for (int e = 0; e < kPerLane; ++e) {
    const int64_t i = lane + e * kWarp;
    if (i < s.width) StoreReal(s.state_type, present.data, (t * s.width + i) * s.v_width + j, state[e]);
  }
}

bool IsSingle(DType type) { return IsFloating(type) && type != DType::kDouble; }

// fn with the tag of a real type but double.
template <class Fn>
void WithSingle(DType type, Fn&& fn) {
  WithReal(type, [&](auto tag) {
    if constexpr (!std::is_same_v<typename decltype(tag)::Type, double>) fn(tag);
  });
}

class LinearCuda {
 public:
  explicit LinearCuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& q = node.input(0);
    if (!IsSingle(q.type())) return "not for " + std::string(NameOf(q.type()));
    for (int i : {1, 2, 4, 5})
      if (node.input(i).present() && node.input(i).type() != q.type()) return "only one type for all operands";
    if (node.output(1).present() && !IsSingle(node.output(1).type())) return "no such type of states";
    const int64_t heads = LinearParams(node.attributes()).q_heads;
    if (q.rank != 3 || q.dims[2] < 0 || heads <= 0 || q.dims[2] / heads > kMaxWidth)
      return "only keys of up to " + std::to_string(kMaxWidth) + " elements";
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &q = args.input(0), &v = args.input(2), &decay = args.input(4), &beta = args.input(5);
    LinearShape s{};
    s.batch = q.dim(0), s.rows = q.dim(1);
    s.q_heads = params_.q_heads, s.kv_heads = params_.kv_heads;
    s.width = q.dim(2) / s.q_heads, s.v_width = v.dim(2) / s.kv_heads;
    s.decay_per_head = decay.present() && decay.dim(2) == s.kv_heads && s.width != 1;
    s.beta_shared = beta.present() && beta.dim(2) == 1;
    s.state_type = args.has_input(3) ? args.input(3).type() : args.output(1).type();
    s.scale = static_cast<float>(params_.scale != 0 ? params_.scale : 1 / std::sqrt(static_cast<double>(s.width)));
    const TensorView absent{};
    const int64_t columns = s.batch * s.kv_heads * s.v_width;
    WithSingle(q.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      auto run = [&](auto kernel) {
        cuda::Launch(args, {.grid = {BlocksFor(columns, kThreads / kWarp)}, .block = {kThreads}}, kernel, q,
                     args.input(1), v, args.input(3), params_.gated ? decay : absent, params_.delta ? beta : absent,
                     args.output(0), args.output(1), s);
      };
      s.width <= 4 * kWarp ? run(LinearColumns<T, 4>) : run(LinearColumns<T, 32>);
    });
  }

 private:
  static constexpr int64_t kMaxWidth = 32 * kWarp;
  LinearParams params_;
};

// x (lines, length), w (channels, kernel), past and present (lines, kernel - 1). Threads behind the results write the
// present state.
template <class T>
__global__ void __launch_bounds__(kThreads)
    CausalConv(In<T> x, In<T> w, In<T> bias, In<T> past, Out<T> y, Out<T> present, int64_t lines, int64_t channels,
               int64_t length, int64_t kernel, bool silu) {
  const int64_t state = kernel - 1, each = length + state, i = GlobalThread();
  if (i >= lines * each) return;
  const int64_t line = i / each, p = i % each;
  auto at = [&](int64_t k) {
    if (k >= state) return Widen(x[line * length + k - state]);
    return past ? Widen(past[line * state + k]) : 0.0f;
  };
  if (p >= length) {
    if (present) present[line * state + p - length] = Narrow<T>(at(p));
    return;
  }
  const int64_t c = line % channels;
  float sum = bias ? Widen(bias[c]) : 0.0f;
  for (int64_t k = 0; k < kernel; ++k) sum += Widen(w[c * kernel + k]) * at(p + k);
  y[line * length + p] = Narrow<T>(silu ? sum / (1 + exp(-sum)) : sum);
}

class CausalConvCuda {
 public:
  explicit CausalConvCuda(const NodeView& node) : silu_(IsSilu(node.attributes())) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsSingle(type)) return "not for " + std::string(NameOf(type));
    for (int i = 1; i < node.input_count(); ++i)
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for all operands";
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1);
    const int64_t lines = x.dim(0) * x.dim(1), length = x.dim(2), kernel = w.dim(2);
    WithSingle(x.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {BlocksFor(lines * (length + kernel - 1), kThreads)}, .block = {kThreads}},
                   CausalConv<typename decltype(tag)::Type>, x, w, args.input(2), args.input(3), args.output(0),
                   args.output(1), lines, x.dim(1), length, kernel, silu_);
    });
  }

 private:
  bool silu_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<LinearCuda>("LinearAttention"),
    MakeKernel<CausalConvCuda>("CausalConvWithState"),
};

}  // namespace

std::span<const OndaKernelDef> LinearCudaKernels() { return kKernels; }

}  // namespace onda::attention
