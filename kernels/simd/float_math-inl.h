// Functions on vectors of floats, right for every input (infinities, NaN, arguments far outside of what the libraries'
// own versions take). Included once per instruction set, behind hwy/foreach_target.h.
#if defined(ONDA_KERNELS_SIMD_FLOAT_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONDA_KERNELS_SIMD_FLOAT_MATH_INL_H_
#undef ONDA_KERNELS_SIMD_FLOAT_MATH_INL_H_
#else
#define ONDA_KERNELS_SIMD_FLOAT_MATH_INL_H_
#endif

#include <cmath>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE::vf {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE V C(float value) { return hn::Set(D(), value); }
HWY_INLINE V Zero() { return hn::Zero(D()); }

// y, but x where x is NaN.
HWY_INLINE V KeepNaN(V x, V y) { return hn::IfThenElse(hn::IsNaN(x), x, y); }
// x, but 0 where it is NaN, of which some instruction sets' conversions to integers have no value.
HWY_INLINE V ZeroForNaN(V x) { return hn::IfThenZeroElse(hn::IsNaN(x), x); }
HWY_INLINE V Infinity() { return C(std::numeric_limits<float>::infinity()); }

// max(low, x); NaN in x stays. x86's vector instructions give their second operand where either is NaN.
HWY_INLINE V AtLeast(V low, V x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return KeepNaN(x, hn::Max(low, x));
#else
  return hn::Max(low, x);
#endif
}
// min(max(x, low), high); NaN stays NaN.
HWY_INLINE V Clamp(V low, V high, V x) {
  const V y = AtLeast(low, x);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return KeepNaN(y, hn::Min(high, y));
#else
  return hn::Min(high, y);
#endif
}

// 1 / d for magnitudes in [2^-60, 2^126), to about an ulp. Dividing vectors of 512 bits takes longer than a step of
// Newton's.
HWY_INLINE V Reciprocal(V d) {
#if HWY_TARGET <= HWY_AVX3
  const V y = hn::ApproximateReciprocal(d);
  return hn::MulAdd(y, hn::NegMulAdd(d, y, C(1.0f)), y);
#else
  return hn::Div(C(1.0f), d);
#endif
}

// exp(x) = 2^n exp(r): n into the low bits of what is returned with `n`, and exp(r) for |r| <= log(2) / 2 by the
// polynomial of Cephes' expf. For |x| below 2^22.
struct ExpParts {
  V shifted;  // n + 1.5 * 2^23
  V n;
  V rest;  // exp(r)
};
HWY_INLINE ExpParts SplitExp(V x) {
  const V shifter = C(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const V t = hn::MulAdd(x, C(1.44269504f), shifter), n = hn::Sub(t, shifter);
  const V r = hn::NegMulAdd(n, C(-2.12194440e-4f), hn::NegMulAdd(n, C(0.693359375f), x));
  V p = C(1.9875691500e-4f);
  p = hn::MulAdd(p, r, C(1.3981999507e-3f));
  p = hn::MulAdd(p, r, C(8.3334519073e-3f));
  p = hn::MulAdd(p, r, C(4.1665795894e-2f));
  p = hn::MulAdd(p, r, C(1.6666665459e-1f));
  p = hn::MulAdd(p, r, C(5.0000001201e-1f));
  return {t, n, hn::MulAdd(hn::Mul(r, r), p, hn::Add(r, C(1.0f)))};
}

// To about an ulp; subnormal results too. x is clamped to where the result is 0 or infinite, NaN stays.
HWY_INLINE V Exp(V x) {
  const ExpParts e = SplitExp(Clamp(C(-105.0f), C(89.0f), x));
#if HWY_TARGET <= HWY_AVX3
  return V{_mm512_scalef_ps(e.rest.raw, e.n.raw)};
#else
  // 2^n leaves the range of fp32 where exp(r) 2^n may not: in two factors. n is taken from the bits of shifted, which
  // NaN has too.
  const D d;
  const hn::RebindToSigned<D> di;
  const auto n = hn::Sub(hn::BitCast(di, e.shifted), hn::BitCast(di, C(12582912.0f)));
  const auto half = hn::ShiftRight<1>(n), bias = hn::Set(di, 127);
  const V low = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const V high = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias)));
  return hn::Mul(hn::Mul(e.rest, low), high);
#endif
}
// exp(x) for x <= 0 and NaN, to about an ulp; 0 below -87.3. Powers of two go straight into the exponent's bits.
HWY_INLINE V ExpNonPositive(V x) {
  const D d;
  const hn::RebindToSigned<D> di;
  const ExpParts e = SplitExp(x);
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(di, e.rest), hn::ShiftLeft<23>(hn::BitCast(di, e.shifted))));
  return hn::IfThenElse(hn::Lt(x, C(-87.3f)), Zero(), y);
}

HWY_INLINE V Expm1(V x) { return KeepNaN(x, hn::Expm1(D(), ZeroForNaN(x))); }

HWY_INLINE V Log(V x) {
  const V y = hn::IfThenElse(hn::Eq(x, Zero()), hn::Neg(Infinity()), hn::Log(D(), x));
  const auto wrong = hn::Or(hn::Lt(x, Zero()), hn::IsNaN(x));
  const V top = hn::IfThenElse(hn::Eq(x, Infinity()), x, y);
  return hn::IfThenElse(wrong, C(std::numeric_limits<float>::quiet_NaN()), top);
}

// An odd polynomial over an even one, of Eigen's coefficients: within 4e-7 of tanh(x), relative; 1 from 9 on.
HWY_INLINE V Tanh(V x) {
  const V z = Clamp(C(-7.90531f), C(7.90531f), x), u = hn::Mul(z, z);
  V p = C(-2.76076847742355e-16f);
  p = hn::MulAdd(p, u, C(2.00018790482477e-13f));
  p = hn::MulAdd(p, u, C(-8.60467152213735e-11f));
  p = hn::MulAdd(p, u, C(5.12229709037114e-08f));
  p = hn::MulAdd(p, u, C(1.48572235717979e-05f));
  p = hn::MulAdd(p, u, C(6.37261928875436e-04f));
  p = hn::MulAdd(p, u, C(4.89352455891786e-03f));
  V q = C(1.19825839466702e-06f);
  q = hn::MulAdd(q, u, C(1.18534705686654e-04f));
  q = hn::MulAdd(q, u, C(2.26843463243900e-03f));
  q = hn::MulAdd(q, u, C(4.89352518554385e-03f));
  const V y = hn::Mul(hn::Mul(z, p), Reciprocal(q));
  return hn::IfThenElse(hn::Gt(hn::Abs(x), C(9.0f)), hn::CopySign(C(1.0f), x), y);
}

// 0 below -87, where exp(-x) leaves Reciprocal's range.
HWY_INLINE V Sigmoid(V x) {
  const V y = Reciprocal(hn::Add(C(1.0f), Exp(hn::Neg(AtLeast(C(-87.0f), x)))));
  return hn::IfThenZeroElse(hn::Lt(x, C(-87.0f)), y);
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
HWY_INLINE V Softplus(V x) {
  const V y = hn::Add(hn::Max(x, Zero()), hn::Log1p(D(), ExpNonPositive(hn::Neg(hn::Abs(x)))));
  return KeepNaN(x, y);
}

// erfc(z) for z >= 0 is t exp(p(t) - z^2) with t = 1 / (1 + z / 2), within 1.2e-7 relative as far as the argument of
// exp is exact (p: Numerical Recipes in C, section 6.2). Beyond 9.3 it is 0.
HWY_INLINE V Erfc(V z) {
  const V t = Reciprocal(hn::MulAdd(z, C(0.5f), C(1.0f)));
  V p = C(0.17087277f);
  p = hn::MulAdd(p, t, C(-0.82215223f));
  p = hn::MulAdd(p, t, C(1.48851587f));
  p = hn::MulAdd(p, t, C(-1.13520398f));
  p = hn::MulAdd(p, t, C(0.27886807f));
  p = hn::MulAdd(p, t, C(-0.18628806f));
  p = hn::MulAdd(p, t, C(0.09678418f));
  p = hn::MulAdd(p, t, C(0.37409196f));
  p = hn::MulAdd(p, t, C(1.00002368f));
  p = hn::MulAdd(p, t, C(-1.26551223f));
  return hn::Mul(t, ExpNonPositive(hn::NegMulAdd(z, z, p)));
}

// An odd polynomial over an even one, of Eigen's coefficients: within 4e-7 of erf(x), relative, and at most 1.
HWY_INLINE V Erf(V x) {
  const V z = Clamp(C(-4.0f), C(4.0f), x), u = hn::Mul(z, z);
  V p = C(-2.72614225801306e-10f);
  p = hn::MulAdd(p, u, C(2.77068142495902e-08f));
  p = hn::MulAdd(p, u, C(-2.10102402082508e-06f));
  p = hn::MulAdd(p, u, C(-5.69250639462346e-05f));
  p = hn::MulAdd(p, u, C(-7.34990630326855e-04f));
  p = hn::MulAdd(p, u, C(-2.95459980854025e-03f));
  p = hn::MulAdd(p, u, C(-1.60960333262415e-02f));
  V q = C(-1.45660718464996e-05f);
  q = hn::MulAdd(q, u, C(-2.13374055278905e-04f));
  q = hn::MulAdd(q, u, C(-1.68282697438203e-03f));
  q = hn::MulAdd(q, u, C(-7.37332916720468e-03f));
  q = hn::MulAdd(q, u, C(-1.42647390514189e-02f));
  return Clamp(C(-1.0f), C(1.0f), hn::Mul(hn::Mul(z, p), Reciprocal(q)));
}

// x (1 + erf(x / sqrt 2)) / 2; the negative side through erfc, so that it keeps its relative accuracy. x is kept finite
// below, where 0 times infinity would come.
HWY_INLINE V Gelu(V x) {
  const V erfc = Erfc(hn::Min(hn::Mul(hn::Abs(x), C(0.707106781f)), C(10.0f)));
  const V twice = hn::IfThenElse(hn::Lt(x, Zero()), erfc, hn::Sub(C(2.0f), erfc));
  return hn::Mul(hn::Mul(C(0.5f), AtLeast(C(-1e30f), x)), twice);
}

// x * gate(x), 0 where the gate has vanished (x may be -infinity there).
HWY_INLINE V Gated(V x, V gate) { return hn::IfThenElse(hn::Eq(gate, Zero()), Zero(), hn::Mul(x, gate)); }

// (1 + tanh(z)) / 2 = sigmoid(2 z).
HWY_INLINE V GeluTanh(V x) {
  const V cubic = hn::Mul(hn::Mul(C(0.044715f), x), hn::Mul(x, x));
  return Gated(x, Sigmoid(hn::Mul(C(1.59576912f), hn::Add(x, cubic))));
}

// tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2) with e = exp(x).
HWY_INLINE V Mish(V x) {
  const V e = Exp(hn::Min(C(20.0f), x));
  const V n = hn::Mul(e, hn::Add(e, C(2.0f)));
  const V y = Gated(x, hn::Div(n, hn::Add(n, C(2.0f))));
  return hn::IfThenElse(hn::Gt(x, C(20.0f)), x, y);
}

// The library's argument reduction loses its digits beyond 39000; a vector with such a lane goes element by element.
template <class Vector, class Scalar>
HWY_INLINE V Reduced(V x, Vector vector, Scalar scalar) {
  const D d;
  if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::Abs(x), C(30000.0f))))) return vector(x);
  HWY_ALIGN float lanes[HWY_LANES(float)];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = scalar(lanes[i]);
  return hn::Load(d, lanes);
}
HWY_INLINE V Sin(V x) {
  return Reduced(
      x, [](V v) HWY_ATTR { return hn::Sin(D(), v); }, [](float v) { return std::sin(v); });
}
HWY_INLINE V Cos(V x) {
  return Reduced(
      x, [](V v) HWY_ATTR { return hn::Cos(D(), v); }, [](float v) { return std::cos(v); });
}

}  // namespace onda::HWY_NAMESPACE::vf
HWY_AFTER_NAMESPACE();

#endif  // include guard
