#include <cmath>
#include <vector>

#include "kernels/attention/kernels.h"
#include "kernels/attention/linear.h"
#include "onda/float_formats.h"

namespace onda::attention {
namespace {

double Load(const TensorView& t, int64_t i) { return LoadDouble(t.type(), t.data, i); }
void Store(const TensorView& t, int64_t i, double value) {
  if (t.present()) StoreDouble(t.type(), t.data, i, value);
}

class Linear {
 public:
  explicit Linear(const NodeView& node) : params_(node.attributes()) {}

  // States in double: (batch, heads, width, v_width).
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Shape s(params_, inputs[0], inputs[2]);
    return sizeof(double) * static_cast<size_t>(s.batch * params_.kv_heads * (s.width + 1) * s.v_width);
  }

  void Launch(const LaunchArgs& args) const {
    const Shape s(params_, args.input(0), args.input(2));
    const int64_t size = s.width * s.v_width;
    double* work = static_cast<double*>(args.workspace());
    args.ParallelFor(s.batch * params_.kv_heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        double* state = work + t * (size + s.v_width);
        for (int64_t i = 0; i < size; ++i) state[i] = args.has_input(3) ? Load(args.input(3), t * size + i) : 0;
        for (int64_t row = 0; row < s.rows; ++row)
          Step(args, s, t / params_.kv_heads, t % params_.kv_heads, row, state);
        for (int64_t i = 0; i < size; ++i) Store(args.output(1), t * size + i, state[i]);
      }
    });
  }

 private:
  struct Shape {
    int64_t batch, rows, width, v_width;
    Shape(const LinearParams& p, const TensorView& q, const TensorView& v)
        : batch(q.dim(0)), rows(q.dim(1)), width(q.dim(2) / p.q_heads), v_width(v.dim(2) / p.kv_heads) {}
  };

  // One token of key head h: the state's update, then the results of the query heads that share it.
  void Step(const LaunchArgs& args, const Shape& s, int64_t b, int64_t h, int64_t row, double* state) const {
    const TensorView &q = args.input(0), &k = args.input(1), &v = args.input(2), &decay = args.input(4);
    const TensorView& beta = args.input(5);
    const int64_t at = b * s.rows + row, heads = params_.kv_heads;
    const int64_t k_at = (at * heads + h) * s.width, v_at = (at * heads + h) * s.v_width;
    double* correction = state + s.width * s.v_width;
    if (params_.gated) {
      const bool per_head = decay.dim(2) == heads && s.width != 1;
      for (int64_t i = 0; i < s.width; ++i) {
        const double factor = std::exp(Load(decay, per_head ? at * heads + h : k_at + i));
        for (int64_t j = 0; j < s.v_width; ++j) state[i * s.v_width + j] *= factor;
      }
    }
    for (int64_t j = 0; j < s.v_width; ++j) correction[j] = Load(v, v_at + j);
    double rate = 1;
    if (params_.delta) {
      rate = Load(beta, beta.dim(2) == 1 ? at : at * heads + h);
      for (int64_t i = 0; i < s.width; ++i) {
        const double key = Load(k, k_at + i);
        for (int64_t j = 0; j < s.v_width; ++j) correction[j] -= key * state[i * s.v_width + j];
      }
    }
    for (int64_t i = 0; i < s.width; ++i) {
      const double key = rate * Load(k, k_at + i);
      for (int64_t j = 0; j < s.v_width; ++j) state[i * s.v_width + j] += key * correction[j];
    }
    const double scale = params_.scale != 0 ? params_.scale : 1 / std::sqrt(static_cast<double>(s.width));
    const int64_t group = params_.q_heads / heads;
    for (int64_t g = 0; g < group; ++g) {
      const int64_t q_head = at * params_.q_heads + h * group + g;
      for (int64_t j = 0; j < s.v_width; ++j) correction[j] = 0;
      for (int64_t i = 0; i < s.width; ++i) {
        const double query = scale * Load(q, q_head * s.width + i);
        for (int64_t j = 0; j < s.v_width; ++j) correction[j] += query * state[i * s.v_width + j];
      }
      for (int64_t j = 0; j < s.v_width; ++j) Store(args.output(0), q_head * s.v_width + j, correction[j]);
    }
  }

  LinearParams params_;
};

class CausalConv {
 public:
  explicit CausalConv(const NodeView& node) : silu_(IsSilu(node.attributes())) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &bias = args.input(2), &past = args.input(3);
    const int64_t channels = x.dim(1), length = x.dim(2), kernel = w.dim(2), state = kernel - 1;
    args.ParallelFor(x.dim(0) * channels, 1 + 4096 / (1 + length * kernel), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        // Position i of the past followed by the input.
        auto at = [&](int64_t i) {
          if (i >= state) return Load(x, r * length + i - state);
          return past.present() ? Load(past, r * state + i) : 0.0;
        };
        const int64_t c = r % channels;
        for (int64_t i = 0; i < length; ++i) {
          double sum = bias.present() ? Load(bias, c) : 0;
          for (int64_t k = 0; k < kernel; ++k) sum += Load(w, c * kernel + k) * at(i + k);
          Store(args.output(0), r * length + i, silu_ ? sum / (1 + std::exp(-sum)) : sum);
        }
        for (int64_t i = 0; i < state; ++i) Store(args.output(1), r * state + i, at(length + i));
      }
    });
  }

 private:
  bool silu_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Linear>("LinearAttention"),
    MakeKernel<CausalConv>("CausalConvWithState"),
};

}  // namespace

std::span<const OndaKernelDef> LinearKernels() { return kKernels; }

}  // namespace onda::attention
