#include "kernels/recurrent/steps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/steps.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "kernels/simd/float_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::recurrent::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace vf = onda::HWY_NAMESPACE::vf;
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
  // Sums, weights and one input must fit into 32 or 16 registers.
  constexpr int kRows = HWY_TARGET <= HWY_AVX3 || kGates == 1 ? 6 : kGates == 2 ? 4 : kGates == 3 ? 3 : 2;
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
      return hn::Mul(a, vf::Tanh(hn::Mul(b, x)));
    case ActivationKind::kHardSigmoid:
      return hn::Min(one, hn::Max(zero, hn::MulAdd(a, x, b)));
    case ActivationKind::kElu:
      return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(a, vf::Expm1(hn::IfThenElseZero(hn::Lt(x, zero), x))), x);
    case ActivationKind::kSoftsign:
      return hn::Div(x, hn::Add(one, hn::Abs(x)));
    case ActivationKind::kSoftplus:
      return vf::Softplus(x);
    default:
      return x;
  }
}

HWY_INLINE V Apply(const Activation& f, V x) {
  if (f.kind == ActivationKind::kSigmoid) return vf::Sigmoid(x);
  if (f.kind == ActivationKind::kTanh) return vf::Tanh(x);
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

void RoundToBytes(const ByteRange& range, const float* from, int64_t count, float* to) {
  const D d;
  const int64_t width = Width();
  const V scale = hn::Set(d, range.scale), zero = hn::Set(d, range.zero);
  int64_t i = 0;
  for (; i + width <= count; i += width) {
    const V byte = hn::Add(hn::Round(hn::Div(hn::LoadU(d, from + i), scale)), zero);
    const V bounded = hn::Max(hn::Zero(d), hn::Min(hn::Set(d, 255.0f), byte));
    hn::StoreU(hn::Mul(hn::Sub(bounded, zero), scale), d, to + i);
  }
  for (; i < count; ++i) to[i] = range.Round(from[i]);
}

}  // namespace onda::recurrent::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::recurrent {

HWY_EXPORT(Width);
HWY_EXPORT(Multiply);
HWY_EXPORT(StepRnn);
HWY_EXPORT(StepReset);
HWY_EXPORT(StepGru);
HWY_EXPORT(StepLstm);
HWY_EXPORT(RoundToBytes);

int64_t Width() { return HWY_DYNAMIC_DISPATCH(Width)(); }

void Multiply(int64_t gates, const Product& product) {
  HWY_DYNAMIC_DISPATCH(Multiply)(static_cast<int>(gates), product);
}

void Step(Cell cell, const Params& params, int direction, const StepRow& row) {
  switch (cell) {
    case Cell::kRnn:
      return HWY_DYNAMIC_DISPATCH(StepRnn)(params, direction, row);
    case Cell::kGru:
      return HWY_DYNAMIC_DISPATCH(StepGru)(params, direction, row);
    case Cell::kLstm:
      return HWY_DYNAMIC_DISPATCH(StepLstm)(params, direction, row);
  }
}

void StepReset(const Params& params, int direction, const StepRow& row) {
  HWY_DYNAMIC_DISPATCH(StepReset)(params, direction, row);
}

void RoundToBytes(const ByteRange& range, const float* from, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(RoundToBytes)(range, from, count, to);
}

}  // namespace onda::recurrent
#endif
