// Operators of two inputs in float, double, int32 and int64, bitwise ones in every width; float16 and bfloat16 go
// through fp32. Operands of other shapes are walked in runs along which each of them moves by one element or stays.
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "kernels/elementwise/elementwise.h"
#include "kernels/simd/broadcast.h"
#include "kernels/simd/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/cpu_binary.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "kernels/simd/float_math-inl.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::elementwise::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace vf = onda::HWY_NAMESPACE::vf;

// Writes vectors of results as elements, or masks as bools.
template <class D, class V>
HWY_INLINE void Put(D d, V result, hn::TFromD<D>* y) {
  hn::StoreU(result, d, y);
}
template <class D>
HWY_INLINE void Put(D d, hn::Mask<D> result, bool* y) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint8_t, D> d8;
  const auto wide = hn::BitCast(du, hn::VecFromMask(d, result));
  hn::StoreU(hn::And(hn::TruncateTo(d8, wide), hn::Set(d8, 1)), d8, reinterpret_cast<uint8_t*>(y));
}

template <class T, class Y, class Fn>
void Loop(const void* a_data, int64_t a_step, const void* b_data, int64_t b_step, void* y_data, int64_t n,
          float alpha_value) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const T *a = static_cast<const T*>(a_data), *b = static_cast<const T*>(b_data);
  Y* y = static_cast<Y*>(y_data);
  const V alpha = hn::Set(d, static_cast<T>(alpha_value));
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = n - n % lanes;
  if (a_step == 0) {
    const V value = hn::Set(d, *a);
    for (int64_t i = 0; i < whole; i += lanes) Put(d, Fn::Of(d, value, hn::LoadU(d, b + i), alpha), y + i);
  } else if (b_step == 0) {
    const V value = hn::Set(d, *b);
    for (int64_t i = 0; i < whole; i += lanes) Put(d, Fn::Of(d, hn::LoadU(d, a + i), value, alpha), y + i);
  } else {
    for (int64_t i = 0; i < whole; i += lanes)
      Put(d, Fn::Of(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i), alpha), y + i);
  }
  if (whole == n) return;
  const auto tail = hn::FirstN(d, static_cast<size_t>(n - whole));
  const V left = a_step == 0 ? hn::Set(d, *a) : onda::HWY_NAMESPACE::MaskedLoad(tail, d, a + whole);
  const V right = b_step == 0 ? hn::Set(d, *b) : onda::HWY_NAMESPACE::MaskedLoad(tail, d, b + whole);
  HWY_ALIGN Y rest[HWY_LANES(T)];
  Put(d, Fn::Of(d, left, right, alpha), rest);
  std::copy(rest, rest + (n - whole), y + whole);
}

#define ONDA_BINARY(name, expression)                                                     \
  struct name {                                                                           \
    template <class D, class V>                                                           \
    static HWY_INLINE auto Of([[maybe_unused]] D d, V a, V b, [[maybe_unused]] V alpha) { \
      return expression;                                                                  \
    }                                                                                     \
  };
ONDA_BINARY(Add, hn::Add(a, b))
ONDA_BINARY(Sub, hn::Sub(a, b))
ONDA_BINARY(Mul, hn::Mul(a, b))
ONDA_BINARY(Div, hn::Div(a, b))
ONDA_BINARY(MaxWhole, hn::Max(a, b))
ONDA_BINARY(MinWhole, hn::Min(a, b))
// A NaN in either comes out. x86's vector instructions give their second operand where either is NaN, so b needs no
// test.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
ONDA_BINARY(Max, hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Max(a, b))))
ONDA_BINARY(Min, hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Min(a, b))))
#else
ONDA_BINARY(Max, hn::IfThenElse(hn::IsNaN(a), a, hn::Max(a, b)))
ONDA_BINARY(Min, hn::IfThenElse(hn::IsNaN(a), a, hn::Min(a, b)))
#endif
ONDA_BINARY(Mean, hn::Mul(hn::Add(a, b), hn::Set(d, 0.5f)))
ONDA_BINARY(Equal, hn::Eq(a, b))
ONDA_BINARY(Less, hn::Lt(a, b))
ONDA_BINARY(LessOrEqual, hn::Le(a, b))
ONDA_BINARY(Greater, hn::Gt(a, b))
ONDA_BINARY(GreaterOrEqual, hn::Ge(a, b))
ONDA_BINARY(And, hn::And(a, b))
ONDA_BINARY(Or, hn::Or(a, b))
ONDA_BINARY(Xor, hn::Xor(a, b))
ONDA_BINARY(PRelu, hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Mul(a, b), a))
ONDA_BINARY(SwiGLU, hn::Mul(vf::Gated(a, vf::Sigmoid(hn::Mul(alpha, a))), b))
#undef ONDA_BINARY

// No vector form is both fast and accurate to the last digits, but the usual exponents are.
void PowLoop(const void* a_data, int64_t a_step, const void* b_data, int64_t b_step, void* y_data, int64_t n, float) {
  const float *a = static_cast<const float*>(a_data), *b = static_cast<const float*>(b_data);
  float* y = static_cast<float*>(y_data);
  const float exponent = *b;
  if (n > 0 && b_step == 0 && a_step == 1) {
    if (exponent == 2) {
      for (int64_t i = 0; i < n; ++i) y[i] = a[i] * a[i];
      return;
    }
    if (exponent == 3) {
      for (int64_t i = 0; i < n; ++i) y[i] = a[i] * a[i] * a[i];
      return;
    }
    if (exponent == 0.5f) {  // differs from a square root for -0 and -infinity
      for (int64_t i = 0; i < n; ++i) y[i] = std::isinf(a[i]) ? INFINITY : std::sqrt(a[i]) + 0.0f;
      return;
    }
    if (exponent == -1) {
      for (int64_t i = 0; i < n; ++i) y[i] = 1 / a[i];
      return;
    }
  }
  for (int64_t i = 0; i < n; ++i) y[i] = std::pow(a[i * a_step], b[i * b_step]);
}

template <class T>
BinaryFunction FindArithmetic(std::string_view op) {
  if (op == "Add" || op == "Sum") return Loop<T, T, Add>;
  if (op == "Sub") return Loop<T, T, Sub>;
  if (op == "Mul") return Loop<T, T, Mul>;
  if (op == "Equal") return Loop<T, bool, Equal>;
  if (op == "Less") return Loop<T, bool, Less>;
  if (op == "Greater") return Loop<T, bool, Greater>;
  return nullptr;
}
template <class T>
BinaryFunction FindReal(std::string_view op) {
  if (op == "Div") return Loop<T, T, Div>;
  if (op == "Max") return Loop<T, T, Max>;
  if (op == "Min") return Loop<T, T, Min>;
  if (op == "LessOrEqual") return Loop<T, bool, LessOrEqual>;
  if (op == "GreaterOrEqual") return Loop<T, bool, GreaterOrEqual>;
  return FindArithmetic<T>(op);
}
template <class T>
BinaryFunction FindWhole(std::string_view op) {
  if (op == "Max") return Loop<T, T, MaxWhole>;
  if (op == "Min") return Loop<T, T, MinWhole>;
  return FindArithmetic<T>(op);
}

// Bits are bits: integers of any kind by their size, bools as bytes.
template <class T>
BinaryFunction FindBitwise(std::string_view op) {
  if (op == "And" || op == "BitwiseAnd") return Loop<T, T, And>;
  if (op == "Or" || op == "BitwiseOr") return Loop<T, T, Or>;
  if (op == "Xor" || op == "BitwiseXor") return Loop<T, T, Xor>;
  return nullptr;
}

// nullptr where there is no fast form.
BinaryFunction FindBinary(std::string_view op, DType type) {
  if (op == "And" || op == "Or" || op == "Xor" || op.substr(0, 7) == "Bitwise") {
    switch (BitsOf(type)) {
      case 8:
        return FindBitwise<uint8_t>(op);
      case 16:
        return FindBitwise<uint16_t>(op);
      case 32:
        return FindBitwise<uint32_t>(op);
      case 64:
        return FindBitwise<uint64_t>(op);
      default:
        return nullptr;
    }
  }
  switch (type) {
    case DType::kFloat:
      if (op == "Mean") return Loop<float, float, Mean>;
      if (op == "PRelu") return Loop<float, float, PRelu>;
      if (op == "SwiGLU") return Loop<float, float, SwiGLU>;
      if (op == "Pow") return PowLoop;
      return FindReal<float>(op);
    case DType::kDouble:
      return FindReal<double>(op);
    case DType::kInt32:
      return FindWhole<int32_t>(op);
    case DType::kInt64:
      return FindWhole<int64_t>(op);
    default:
      return nullptr;
  }
}

}  // namespace onda::elementwise::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::elementwise {
namespace {

HWY_EXPORT(FindBinary);

}  // namespace

BinaryFunction FindBinaryFunction(std::string_view op, DType type) {
  return HWY_DYNAMIC_DISPATCH(FindBinary)(op, IsHalf(type) ? DType::kFloat : type);
}

namespace {

class Cpu {
 public:
  static constexpr bool kInPlace = true;

  explicit Cpu(const NodeView& node)
      : alpha_(static_cast<float>(Params(node.op(), node.attributes(), node.input(0).type()).alpha)),
        function_(FindBinaryFunction(node.op(), node.input(0).type())),
        grain_(node.op() == "Pow" || node.op() == "SwiGLU" ? 4096 : 32768) {}

  static std::string Rejects(const NodeView& node) {
    if (node.input_count() != 2) return "only two inputs";
    const DType type = node.input(0).type();
    if (node.input(1).type() != type) return "only inputs of one type";
    if (!FindBinaryFunction(node.op(), type)) return "no vector form for " + std::string(NameOf(type));
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &b = args.input(1), &y = args.output(0);
    const BroadcastPlan<2> plan(y.shape(), {a.shape(), b.shape()});
    const int64_t a_step = plan.step(0), b_step = plan.step(1);
    const int64_t size = BitsOf(a.type()) / 8, out_size = BitsOf(y.type()) / 8;
    const char *a_data = a.as<char>(), *b_data = b.as<char>();
    char* y_data = y.as<char>();
    const bool half = IsHalf(a.type());
    args.ParallelFor(plan.count(), grain_, [&](int64_t begin, int64_t end) {
      plan.ForEachRun(begin, end, [&](int64_t at, const auto& from, int64_t n) {
        const char *pa = a_data + from[0] * size, *pb = b_data + from[1] * size;
        char* py = y_data + at * out_size;
        if (half) {
          RunHalf(a.type(), y.type(), pa, a_step, pb, b_step, py, n);
        } else {
          function_(pa, a_step, pb, b_step, py, n, alpha_);
        }
      });
    });
  }

 private:
  void RunHalf(DType type, DType out_type, const char* a, int64_t a_step, const char* b, int64_t b_step, char* y,
               int64_t n) const {
    constexpr int64_t kBlock = 512;
    alignas(64) float left[kBlock], right[kBlock], result[kBlock];
    const auto *pa = reinterpret_cast<const uint16_t*>(a), *pb = reinterpret_cast<const uint16_t*>(b);
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t length = std::min(kBlock, n - i);
      WidenToFloat(type, pa + i * a_step, left, a_step ? length : 1);
      WidenToFloat(type, pb + i * b_step, right, b_step ? length : 1);
      if (out_type == DType::kBool) {
        function_(left, a_step, right, b_step, y + i, length, alpha_);
      } else {
        function_(left, a_step, right, b_step, result, length, alpha_);
        NarrowFromFloat(type, result, reinterpret_cast<uint16_t*>(y) + i, length);
      }
    }
  }

  float alpha_;
  BinaryFunction function_;
  int64_t grain_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("Add"),        MakeKernel<Cpu>("Sub"),        MakeKernel<Cpu>("Mul"),
    MakeKernel<Cpu>("Div"),        MakeKernel<Cpu>("Max"),        MakeKernel<Cpu>("Min"),
    MakeKernel<Cpu>("Sum"),        MakeKernel<Cpu>("Mean"),       MakeKernel<Cpu>("Pow"),
    MakeKernel<Cpu>("Equal"),      MakeKernel<Cpu>("Less"),       MakeKernel<Cpu>("LessOrEqual"),
    MakeKernel<Cpu>("PRelu"),      MakeKernel<Cpu>("Greater"),    MakeKernel<Cpu>("GreaterOrEqual"),
    MakeKernel<Cpu>("SwiGLU"),     MakeKernel<Cpu>("And"),        MakeKernel<Cpu>("Or"),
    MakeKernel<Cpu>("Xor"),        MakeKernel<Cpu>("BitwiseAnd"), MakeKernel<Cpu>("BitwiseOr"),
    MakeKernel<Cpu>("BitwiseXor"),
};

}  // namespace

std::span<const OndaKernelDef> BinaryCpuKernels() { return kKernels; }

}  // namespace onda::elementwise
#endif
