// fp32. The products of all inputs of a chunk of steps with W are one matrix product; a step then multiplies the state
// with R, whose packed panels stream from cache, and applies the activations. Threads share the directions, or the
// groups of hidden units of a step where that is worth a barrier.
#include "kernels/recurrent/cpu.h"

#include <algorithm>
#include <memory>
#include <new>

#include "kernels/simd/carver.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::recurrent::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

int64_t Width() { return static_cast<int64_t>(hn::Lanes(D())); }

// kRows rows of one group. kUnroll steps of the depth have accumulators of their own, to hide the latency of the sums.
template <int kGates, int kRows, int kUnroll>
HWY_INLINE void Tile(const float* const* rows, int64_t depth, const float* weights, const float* bias, float* out,
                     int64_t out_stride) {
  const D d;
  constexpr int64_t kWidth = hn::MaxLanes(D());
  V sums[kUnroll][kRows][kGates];
#pragma GCC unroll 8
  for (int u = 0; u < kUnroll; ++u) {
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) {
        sums[u][m][g] = u == 0 && bias ? hn::LoadU(d, bias + g * kWidth) : hn::Zero(d);
      }
    }
  }
  int64_t k = 0;
  for (; k + kUnroll <= depth; k += kUnroll) {
#pragma GCC unroll 8
    for (int u = 0; u < kUnroll; ++u) {
      V w[kGates];
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) w[g] = hn::LoadU(d, weights + g * kWidth);
      weights += kGates * kWidth;
#pragma GCC unroll 8
      for (int m = 0; m < kRows; ++m) {
        const V x = hn::Set(d, rows[m][k + u]);
#pragma GCC unroll 8
        for (int g = 0; g < kGates; ++g) sums[u][m][g] = hn::MulAdd(x, w[g], sums[u][m][g]);
      }
    }
  }
  for (; k < depth; ++k, weights += kGates * kWidth) {
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m) {
      const V x = hn::Set(d, rows[m][k]);
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) {
        sums[0][m][g] = hn::MulAdd(x, hn::LoadU(d, weights + g * kWidth), sums[0][m][g]);
      }
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 8
    for (int g = 0; g < kGates; ++g) {
      V sum = sums[0][m][g];
#pragma GCC unroll 8
      for (int u = 1; u < kUnroll; ++u) sum = hn::Add(sum, sums[u][m][g]);
      hn::StoreU(sum, d, out + m * out_stride + g * kWidth);
    }
  }
}

template <int kGates>
void MultiplyGates(const Product& p) {
  constexpr int64_t kWidth = hn::MaxLanes(D());
  constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? 6 : 3;
  for (int64_t group = p.first_group; group < p.last_group; ++group) {
    const float* weights = p.weights + group * p.depth * kGates * kWidth;
    const float* bias = p.bias ? p.bias + group * kGates * kWidth : nullptr;
    float* out = p.out + group * kGates * kWidth;
    int64_t m = 0;
    for (; m + kRows <= p.count; m += kRows) {
      Tile<kGates, kRows, 1>(p.rows + m, p.depth, weights, bias, out + m * p.out_stride, p.out_stride);
    }
    for (; m + 2 <= p.count; m += 2) {
      Tile<kGates, 2, kGates >= 3 ? 1 : 2>(p.rows + m, p.depth, weights, bias, out + m * p.out_stride, p.out_stride);
    }
    if (m < p.count) {
      Tile<kGates, 1, kGates >= 3 ? 2 : 4>(p.rows + m, p.depth, weights, bias, out + m * p.out_stride, p.out_stride);
    }
  }
}

void Multiply(int gates, const Product& product) {
  switch (gates) {
    case 1:
      return MultiplyGates<1>(product);
    case 2:
      return MultiplyGates<2>(product);
    case 3:
      return MultiplyGates<3>(product);
    default:
      return MultiplyGates<4>(product);
  }
}

// Exp's argument must not exceed 104. NaN stays NaN.
HWY_INLINE V BoundedExp(V x) {
  const D d;
  const V y = hn::Exp(d, hn::Min(hn::Set(d, 88.7f), x));
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

HWY_INLINE V Sigmoid(V x) {
  const D d;
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, BoundedExp(hn::Neg(x))));
}

HWY_INLINE V Tanh(V x) {
  const D d;
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, x));
}

HWY_NOINLINE V ApplyRare(const Activation& f, V x) {
  const D d;
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f), a = hn::Set(d, f.alpha), b = hn::Set(d, f.beta);
  switch (f.kind) {
    case ActivationKind::kRelu:
      return hn::IfThenElse(hn::Lt(x, zero), zero, x);
    case ActivationKind::kAffine:
      return hn::MulAdd(a, x, b);
    case ActivationKind::kLeakyRelu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, x), x);
    case ActivationKind::kThresholdedRelu:
      return hn::IfThenElseZero(hn::Gt(x, a), x);
    case ActivationKind::kScaledTanh:
      return hn::Mul(a, Tanh(hn::Mul(b, x)));
    case ActivationKind::kHardSigmoid:
      return hn::Min(one, hn::Max(zero, hn::MulAdd(a, x, b)));
    case ActivationKind::kElu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, hn::Expm1(d, hn::Min(x, zero))), x);
    case ActivationKind::kSoftsign:
      return hn::Div(x, hn::Add(one, hn::Abs(x)));
    case ActivationKind::kSoftplus:
      return hn::Add(hn::Max(x, zero), hn::Log1p(d, BoundedExp(hn::Neg(hn::Abs(x)))));
    default:
      return x;
  }
}

HWY_INLINE V Apply(const Activation& f, V x) {
  if (f.kind == ActivationKind::kSigmoid) return Sigmoid(x);
  if (f.kind == ActivationKind::kTanh) return Tanh(x);
  return ApplyRare(f, x);
}

HWY_INLINE V Clip(V x, float clip) {
  const D d;
  // Min and Max give their second operand where one is NaN.
  return hn::Max(hn::Set(d, -clip), hn::Min(hn::Set(d, clip), x));
}

void StepRnn(const Params& params, int direction, const StepRow& row) {
  const D d;
  const int64_t width = Width();
  for (int64_t i = row.first_group * width; i < row.last_group * width; i += width) {
    const V sum = hn::Add(hn::LoadU(d, row.wx + i), hn::LoadU(d, row.rh + i));
    hn::StoreU(Apply(params.activations[direction][0], Clip(sum, params.clip)), d, row.next_h + i);
  }
}

// The first half of a step without linear_before_reset: next_h = r * h.
void StepReset(const Params& params, int direction, const StepRow& row) {
  const D d;
  const int64_t width = Width();
  for (int64_t g = row.first_group; g < row.last_group; ++g) {
    const float *wx = row.wx + g * 3 * width, *rh = row.rh + g * 2 * width;
    const V sum = hn::Add(hn::LoadU(d, wx + width), hn::LoadU(d, rh + width));
    const V r = Apply(params.activations[direction][0], Clip(sum, params.clip));
    hn::StoreU(hn::Mul(r, hn::LoadU(d, row.h + g * width)), d, row.next_h + g * width);
  }
}

void StepGru(const Params& params, int direction, const StepRow& row) {
  const D d;
  const int64_t width = Width();
  const Activation& f = params.activations[direction][0];
  for (int64_t g = row.first_group; g < row.last_group; ++g) {
    const float *wx = row.wx + g * 3 * width, *rh = row.rh + g * (row.rn ? 2 : 3) * width;
    auto sum = [&](int k) { return hn::Add(hn::LoadU(d, wx + k * width), hn::LoadU(d, rh + k * width)); };
    const V z = Apply(f, Clip(sum(0), params.clip));
    V n = hn::LoadU(d, wx + 2 * width);
    if (row.rn) {
      n = hn::Add(n, hn::LoadU(d, row.rn + g * width));
    } else {
      n = hn::MulAdd(Apply(f, Clip(sum(1), params.clip)), hn::LoadU(d, rh + 2 * width), n);
    }
    n = Apply(params.activations[direction][1], Clip(n, params.clip));
    const V h = hn::LoadU(d, row.h + g * width);
    // (1 - z) * n + z * h
    hn::StoreU(hn::MulAdd(z, h, hn::NegMulAdd(z, n, n)), d, row.next_h + g * width);
  }
}

void StepLstm(const Params& params, int direction, const StepRow& row) {
  const D d;
  const int64_t width = Width();
  const auto& [f, g, h] = params.activations[direction];
  for (int64_t group = row.first_group; group < row.last_group; ++group) {
    const float *wx = row.wx + group * 4 * width, *rh = row.rh + group * 4 * width;
    auto sum = [&](int k) { return hn::Add(hn::LoadU(d, wx + k * width), hn::LoadU(d, rh + k * width)); };
    auto peep = [&](int k, V to, V c) {
      if (!row.peepholes) return to;
      return hn::MulAdd(hn::LoadU(d, row.peepholes + (k * row.groups + group) * width), c, to);
    };
    const V c = hn::LoadU(d, row.c + group * width);
    const V in = Apply(f, Clip(peep(0, sum(0), c), params.clip));
    const V forget =
        params.input_forget ? hn::Sub(hn::Set(d, 1.0f), in) : Apply(f, Clip(peep(2, sum(2), c), params.clip));
    const V next_c = hn::MulAdd(forget, c, hn::Mul(in, Apply(g, Clip(sum(3), params.clip))));
    const V out = Apply(f, Clip(peep(1, sum(1), next_c), params.clip));
    hn::StoreU(next_c, d, row.c + group * width);
    hn::StoreU(hn::Mul(out, Apply(h, next_c)), d, row.next_h + group * width);
  }
}

}  // namespace onda::recurrent::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::recurrent {
namespace {

HWY_EXPORT(Width);
HWY_EXPORT(Multiply);
HWY_EXPORT(StepRnn);
HWY_EXPORT(StepReset);
HWY_EXPORT(StepGru);
HWY_EXPORT(StepLstm);

// Extents in groups of hidden units.
struct Packing {
  int64_t width, groups, hidden, input, gates;
  bool split;  // of R, gate n is packed apart from z and r

  int64_t padded() const { return groups * width; }
  int64_t recurrent_gates() const { return split ? 2 : gates; }
};

// Packed weights of one direction.
struct Weights {
  float *w, *r, *rn, *wb, *rb, *rbn, *peepholes;

  Weights(const Packing& p, Carver& carver) {
    w = carver.Take<float>(p.padded() * p.gates * p.input);
    r = carver.Take<float>(p.padded() * p.recurrent_gates() * p.hidden);
    rn = carver.Take<float>(p.split ? p.padded() * p.hidden : 0);
    wb = carver.Take<float>(p.padded() * p.gates);
    rb = carver.Take<float>(p.padded() * p.recurrent_gates());
    rbn = carver.Take<float>(p.split ? p.padded() : 0);
    peepholes = carver.Take<float>(p.padded() * 3);
  }
};

// from: [gates * hidden, depth], of which `count` gates from `first` on go to [groups][depth][count][width].
void PackGates(const float* from, int64_t first, int64_t count, int64_t depth, const Packing& p, float* to) {
  for (int64_t group = 0; group < p.groups; ++group) {
    for (int64_t g = 0; g < count; ++g) {
      for (int64_t lane = 0; lane < p.width; ++lane) {
        const int64_t unit = group * p.width + lane;
        const float* row = from && unit < p.hidden ? from + ((first + g) * p.hidden + unit) * depth : nullptr;
        float* out = to + (group * depth * count + g) * p.width + lane;
        for (int64_t k = 0; k < depth; ++k) out[k * count * p.width] = row ? row[k] : 0;
      }
    }
  }
}

// w, r, bias, peepholes: those of all directions; the last two may be null.
void Pack(const float* w, const float* r, const float* bias, const float* peepholes, int direction, const Packing& p,
          const Weights& to) {
  const int64_t rows = p.gates * p.hidden, d = direction, first_n = p.recurrent_gates();
  PackGates(w + d * rows * p.input, 0, p.gates, p.input, p, to.w);
  const float* r_d = r + d * rows * p.hidden;
  PackGates(r_d, 0, first_n, p.hidden, p, to.r);
  const float* wb = bias ? bias + d * 2 * rows : nullptr;
  const float* rb = bias ? wb + rows : nullptr;
  PackGates(wb, 0, p.gates, 1, p, to.wb);
  PackGates(rb, 0, first_n, 1, p, to.rb);
  if (p.split) {
    PackGates(r_d, first_n, 1, p.hidden, p, to.rn);
    PackGates(rb, first_n, 1, 1, p, to.rbn);
  }
  for (int64_t k = 0; k < 3 && peepholes; ++k) {
    PackGates(peepholes + d * 3 * p.hidden, k, 1, 1, p, to.peepholes + k * p.padded());
  }
}

// One step of multiplications below this many is not worth a barrier.
constexpr int64_t kParallelStep = int64_t{1} << 19;

// Rows of x that are multiplied with W at once.
constexpr int64_t kChunkRows = 96;

// The working memory of one direction.
struct Scratch {
  float *wx, *rh, *rn, *h[2], *c, *reset;
  const float **x_rows, **h_rows[2], **reset_rows;
  int64_t* lengths;

  Scratch(const Extents& e, const Packing& p, int64_t chunk, Carver& carver) {
    const int64_t state = e.batch * p.padded();
    wx = carver.Take<float>(chunk * state * p.gates);
    rh = carver.Take<float>(state * p.recurrent_gates());
    rn = carver.Take<float>(p.split ? state : 0);
    for (float*& half : h) half = carver.Take<float>(state);
    c = carver.Take<float>(state);
    reset = carver.Take<float>(p.split ? state : 0);
    x_rows = carver.Take<const float*>(chunk * e.batch);
    for (const float**& rows : h_rows) rows = carver.Take<const float*>(e.batch);
    reset_rows = carver.Take<const float*>(p.split ? e.batch : 0);
    lengths = carver.Take<int64_t>(e.batch);
  }
};

// One direction of a launch.
template <Cell kCell>
class Direction {
 public:
  Direction(const Params& params, const Extents& e, const Packing& p, const Weights& weights, const LaunchArgs& args,
            int d, const Scratch& scratch, int64_t chunk, bool parallel)
      : params_(params),
        e_(e),
        p_(p),
        weights_(weights),
        args_(args),
        d_(d),
        s_(scratch),
        chunk_(chunk),
        parallel_(parallel) {}

  void Run() {
    const int64_t padded = p_.padded();
    for (int64_t b = 0; b < e_.batch; ++b) {
      s_.lengths[b] = LengthOf(args_, e_, b);
      ReadState(kInitialH, b, s_.h[0] + b * padded);
      if (kCell == Cell::kLstm) ReadState(kInitialC, b, s_.c + b * padded);
      for (int half = 0; half < 2; ++half) s_.h_rows[half][b] = s_.h[half] + b * padded;
      if (p_.split) s_.reset_rows[b] = s_.reset + b * padded;
    }
    int now = 0;
    for (int64_t first = 0; first < e_.steps && !args_.stop_requested(); first += chunk_) {
      const int64_t last = std::min(first + chunk_, e_.steps);
      MultiplyInputs(first, last);
      for (int64_t step = first; step < last; ++step, now = 1 - now)
        Step(step, s_.wx + (step - first) * e_.batch * padded * p_.gates, now);
    }
    for (int64_t b = 0; b < e_.batch; ++b) {
      // There is no last state of an empty sequence.
      const bool any = s_.lengths[b] > 0;
      Write(kYh, e_.StateRow(d_, b), any ? s_.h[now] + b * padded : nullptr);
      if (kCell == Cell::kLstm) Write(kYc, e_.StateRow(d_, b), any ? s_.c + b * padded : nullptr);
    }
  }

 private:
  int64_t TimeOf(int64_t step, int64_t b) const {
    return step < s_.lengths[b] && params_.is_reverse(d_) ? s_.lengths[b] - 1 - step : step;
  }

  void ReadState(int input, int64_t b, float* to) const {
    const TensorView& v = args_.input(input);
    std::fill(to, to + p_.padded(), 0.0f);
    if (v.present()) std::copy_n(v.as<float>() + e_.StateRow(d_, b), e_.hidden, to);
  }

  void Write(int output, int64_t at, const float* from) const {
    if (!args_.wants_output(output)) return;
    float* to = args_.output(output).as<float>() + at;
    if (from) {
      std::copy_n(from, e_.hidden, to);
    } else {
      std::fill(to, to + e_.hidden, 0.0f);
    }
  }

  // fn(first group, last group) over all groups, `work` multiplications in all.
  template <class Fn>
  void OverGroups(int64_t work, Fn&& fn) const {
    if (!parallel_ || work < kParallelStep) return fn(int64_t{0}, p_.groups);
    args_.ParallelFor(p_.groups, 1 + p_.groups / (2 * args_.thread_count()), fn);
  }

  void MultiplyInputs(int64_t first, int64_t last) const {
    const float* x = args_.input(kX).as<float>();
    const int64_t rows = (last - first) * e_.batch;
    for (int64_t step = first; step < last; ++step) {
      for (int64_t b = 0; b < e_.batch; ++b) {
        s_.x_rows[(step - first) * e_.batch + b] = x + e_.XRow(TimeOf(step, b), b);
      }
    }
    OverGroups(rows * e_.input * p_.padded() * p_.gates, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(Multiply)
      (static_cast<int>(p_.gates),
       {s_.x_rows, rows, e_.input, weights_.w, weights_.wb, s_.wx, p_.padded() * p_.gates, begin, end});
    });
  }

  // wx: of this step, [batch][groups][gates][width]. The states are read from half `now` and written to the other.
  void Step(int64_t step, const float* wx, int now) const {
    const int64_t padded = p_.padded(), gates = p_.recurrent_gates();
    auto multiply = [&](const float** rows, int64_t count, const float* weights, const float* bias, float* out,
                        int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(Multiply)
      (static_cast<int>(count), {rows, e_.batch, e_.hidden, weights, bias, out, padded * count, begin, end});
    };
    auto each_row = [&](int64_t begin, int64_t end, auto step_row, bool reset) {
      for (int64_t b = 0; b < e_.batch; ++b) {
        if (step >= s_.lengths[b]) continue;
        const StepRow row{wx + b * padded * p_.gates,
                          s_.rh + b * padded * gates,
                          p_.split ? s_.rn + b * padded : nullptr,
                          s_.h[now] + b * padded,
                          (reset ? s_.reset : s_.h[1 - now]) + b * padded,
                          s_.c + b * padded,
                          args_.has_input(kPeepholes) && kCell == Cell::kLstm ? weights_.peepholes : nullptr,
                          p_.groups,
                          begin,
                          end};
        step_row(params_, d_, row);
      }
    };
    const int64_t work = e_.batch * e_.hidden * padded * gates;
    if (p_.split) {
      OverGroups(work, [&](int64_t begin, int64_t end) {
        multiply(s_.h_rows[now], 2, weights_.r, weights_.rb, s_.rh, begin, end);
        each_row(begin, end, HWY_DYNAMIC_DISPATCH(StepReset), true);
      });
      OverGroups(work / 2, [&](int64_t begin, int64_t end) {
        multiply(s_.reset_rows, 1, weights_.rn, weights_.rbn, s_.rn, begin, end);
        each_row(begin, end, HWY_DYNAMIC_DISPATCH(StepGru), false);
      });
    } else {
      OverGroups(work, [&](int64_t begin, int64_t end) {
        multiply(s_.h_rows[now], gates, weights_.r, weights_.rb, s_.rh, begin, end);
        if (kCell == Cell::kRnn) each_row(begin, end, HWY_DYNAMIC_DISPATCH(StepRnn), false);
        if (kCell == Cell::kGru) each_row(begin, end, HWY_DYNAMIC_DISPATCH(StepGru), false);
        if (kCell == Cell::kLstm) each_row(begin, end, HWY_DYNAMIC_DISPATCH(StepLstm), false);
      });
    }
    for (int64_t b = 0; b < e_.batch; ++b) {
      const bool valid = step < s_.lengths[b];
      if (!valid) std::copy_n(s_.h[now] + b * padded, padded, s_.h[1 - now] + b * padded);
      Write(kY, e_.YRow(TimeOf(step, b), d_, b), valid ? s_.h[1 - now] + b * padded : nullptr);
    }
  }

  const Params& params_;
  const Extents& e_;
  const Packing& p_;
  const Weights& weights_;
  const LaunchArgs& args_;
  const int d_;
  const Scratch s_;
  const int64_t chunk_;
  const bool parallel_;
};

struct AlignedDelete {
  void operator()(char* memory) const { ::operator delete[](memory, std::align_val_t(64)); }
};

template <Cell kCell>
class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes(), kCell) {
    const FactView &w = node.input(kW), &r = node.input(kR), &bias = node.input(kBias), &p = node.input(kPeepholes);
    auto constant = [](const FactView& fact) { return !fact.present() || fact.constant; };
    if (!w.constant || !r.constant || !constant(bias) || (kCell == Cell::kLstm && !constant(p))) return;
    if (w.rank != 3 || r.rank != 3) return;
    const Packing packing = PackingOf(r.dims[2], w.dims[2]);
    Carver counter;
    for (int d = 0; d < params_.directions; ++d) Weights(packing, counter);
    prepared_.reset(new (std::align_val_t(64)) char[counter.bytes()]);
    Carver carver(prepared_.get());
    for (int d = 0; d < params_.directions; ++d) {
      Pack(w.constant_as<float>(), r.constant_as<float>(), bias.constant_as<float>(),
           kCell == Cell::kLstm ? p.constant_as<float>() : nullptr, d, packing, Weights(packing, carver));
    }
  }

  static std::string Rejects(const NodeView& node) {
    return node.input(kX).type() == DType::kFloat ? "" : "only float";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Extents e(params_, inputs);
    const Packing packing = PackingOf(e.hidden, e.input);
    Carver counter;
    for (int d = 0; d < e.directions; ++d) {
      if (!prepared_) Weights(packing, counter);
      Scratch(e, packing, ChunkOf(e), counter);
    }
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const Extents e(params_, args);
    const Packing packing = PackingOf(e.hidden, e.input);
    const int64_t step_work = e.batch * e.hidden * packing.padded() * packing.gates;
    const bool by_direction = e.directions == 2 && (args.thread_count() <= 2 || step_work < kParallelStep);
    auto run = [&](int64_t begin, int64_t end) {
      for (int64_t d = begin; d < end; ++d) RunDirection(args, e, packing, static_cast<int>(d), !by_direction);
    };
    if (by_direction) {
      args.ParallelFor(2, 1, run);
    } else {
      run(0, e.directions);
    }
  }

 private:
  Packing PackingOf(int64_t hidden, int64_t input) const {
    const int64_t width = HWY_DYNAMIC_DISPATCH(Width)();
    return {width,          (hidden + width - 1) / width,
            hidden,         input,
            GatesOf(kCell), kCell == Cell::kGru && !params_.linear_before_reset};
  }

  static int64_t ChunkOf(const Extents& e) {
    return std::max<int64_t>(1, std::min(e.steps, kChunkRows / std::max<int64_t>(1, e.batch)));
  }

  void RunDirection(const LaunchArgs& args, const Extents& e, const Packing& packing, int d, bool parallel) const {
    // The same walk as that of WorkspaceBytes.
    Carver memory(args.workspace()), prepared(prepared_.get());
    for (int i = 0;; ++i) {
      const Weights weights(packing, prepared_ ? prepared : memory);
      const Scratch scratch(e, packing, ChunkOf(e), memory);
      if (i < d) continue;
      if (!prepared_) {
        Pack(args.input(kW).as<float>(), args.input(kR).as<float>(), args.input(kBias).as<float>(),
             kCell == Cell::kLstm ? args.input(kPeepholes).as<float>() : nullptr, d, packing, weights);
      }
      Direction<kCell>(params_, e, packing, weights, args, d, scratch, ChunkOf(e), parallel).Run();
      return;
    }
  }

  Params params_;
  std::unique_ptr<char[], AlignedDelete> prepared_;  // Weights of each direction
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<Cell::kRnn>>("RNN"),
    MakeKernel<Cpu<Cell::kGru>>("GRU"),
    MakeKernel<Cpu<Cell::kLstm>>("LSTM"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::recurrent
#endif
