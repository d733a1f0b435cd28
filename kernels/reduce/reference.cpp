#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reduce/reduce.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::reduce {
namespace {

// Calls fn(offset) for every reduced element of the output whose first element lies at `base`.
template <class Fn>
void ForEach(StopPoll& poll, const Groups& g, int64_t base, Fn&& fn) {
  const bool inner = g.count > 0 && g.reduced[g.count - 1];
  const int64_t run = inner ? g.extent[g.count - 1] : 1, runs = run == 0 ? 0 : g.reduced_total / run;
  for (int64_t i = 0; i < runs; ++i) {
    const int64_t at = base + g.Offset(i, true, inner ? g.count - 1 : g.count);
    for (int64_t k = 0; k < run; ++k) {
      poll.Work(2);
      fn(at + k);
    }
  }
}

template <Kind kKind>
double Real(StopPoll& poll, const Groups& g, int64_t base, DType type, const void* x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double a = kKind == Kind::kProd ? 1 : kKind == Kind::kMax ? -kInfinity : kKind == Kind::kMin ? kInfinity : 0;
  double shift = 0;
  if (kKind == Kind::kLogSumExp) {
    shift = -kInfinity;
    ForEach(poll, g, base, [&](int64_t at) { shift = std::max(shift, LoadDouble(type, x, at)); });
    if (std::isinf(shift)) shift = 0;
  }
  ForEach(poll, g, base, [&](int64_t at) {
    const double v = LoadDouble(type, x, at);
    switch (kKind) {
      case Kind::kSum:
      case Kind::kMean:
      case Kind::kLogSum:
        a += v;
        break;
      case Kind::kMax:
        a = v > a || std::isnan(v) ? v : a;
        break;
      case Kind::kMin:
        a = v < a || std::isnan(v) ? v : a;
        break;
      case Kind::kProd:
        a *= v;
        break;
      case Kind::kL1:
        a += std::fabs(v);
        break;
      case Kind::kL2:
      case Kind::kSumSquare:
        a += v * v;
        break;
      case Kind::kLogSumExp:
        a += std::exp(v - shift);
        break;
    }
  });
  switch (kKind) {
    case Kind::kMean:
      return a / static_cast<double>(g.reduced_total);
    case Kind::kL2:
      return std::sqrt(a);
    case Kind::kLogSum:
      return std::log(a);
    case Kind::kLogSumExp:
      return std::log(a) + shift;
    default:
      return a;
  }
}

// Integers: exact modulo 2^64; what is not an integer by nature is rounded towards zero. bool counts as unsigned.
template <Kind kKind>
void Integer(StopPoll& poll, const Groups& g, int64_t base, const TensorView& x, const TensorView& y, int64_t o) {
  const DType type = x.type();
  const bool is_signed = IsSigned(type);
  auto load = [&](int64_t at) { return LoadInt64(type, x.data, at); };
  if constexpr (kKind == Kind::kMax || kKind == Kind::kMin) {
    const int bits = type == DType::kBool ? 1 : BitsOf(type);
    const int64_t high = is_signed ? static_cast<int64_t>(~uint64_t{0} >> (65 - bits))
                                   : static_cast<int64_t>(~uint64_t{0} >> (64 - bits));
    const int64_t low = is_signed ? -high - 1 : 0;
    int64_t a = kKind == Kind::kMax ? low : high;
    ForEach(poll, g, base, [&](int64_t at) {
      const int64_t v = load(at);
      const bool less = is_signed ? v < a : static_cast<uint64_t>(v) < static_cast<uint64_t>(a);
      if (kKind == Kind::kMin ? less : !less) a = v;
    });
    StoreInt64(type, y.data, o, a);
  } else if constexpr (kKind == Kind::kSum || kKind == Kind::kProd || kKind == Kind::kL1 || kKind == Kind::kSumSquare) {
    uint64_t a = kKind == Kind::kProd;
    ForEach(poll, g, base, [&](int64_t at) {
      const uint64_t v = static_cast<uint64_t>(load(at));
      switch (kKind) {
        case Kind::kProd:
          a *= v;
          break;
        case Kind::kL1:
          a += is_signed && static_cast<int64_t>(v) < 0 ? 0 - v : v;
          break;
        case Kind::kSumSquare:
          a += v * v;
          break;
        default:
          a += v;
          break;
      }
    });
    StoreInt64(type, y.data, o, static_cast<int64_t>(a));
  } else if constexpr (kKind == Kind::kMean) {
    __extension__ using Int128 = __int128;
    Int128 a = 0;
    ForEach(poll, g, base,
            [&](int64_t at) { a += is_signed ? Int128{load(at)} : Int128{static_cast<uint64_t>(load(at))}; });
    StoreInt64(type, y.data, o, g.reduced_total == 0 ? 0 : static_cast<int64_t>(a / g.reduced_total));
  } else {
    StoreDouble(type, y.data, o, Real<kKind>(poll, g, base, type, x.data));
  }
}

template <Kind kKind>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Groups g(params_, x, args.input(1));
    const bool real = IsFloating(x.type());
    args.ParallelFor(g.kept_total, 1 + 4096 / (1 + g.reduced_total), [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t o = begin; o < end; ++o) {
        const int64_t base = g.Offset(o, false, g.count);
        if (real) {
          StoreDouble(y.type(), y.data, o, Real<kKind>(poll, g, base, x.type(), x.data));
        } else {
          Integer<kKind>(poll, g, base, x, y, o);
        }
      }
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<Kind::kSum>>("ReduceSum"),
    MakeKernel<Reference<Kind::kMean>>("ReduceMean"),
    MakeKernel<Reference<Kind::kMax>>("ReduceMax"),
    MakeKernel<Reference<Kind::kMin>>("ReduceMin"),
    MakeKernel<Reference<Kind::kProd>>("ReduceProd"),
    MakeKernel<Reference<Kind::kL1>>("ReduceL1"),
    MakeKernel<Reference<Kind::kL2>>("ReduceL2"),
    MakeKernel<Reference<Kind::kLogSum>>("ReduceLogSum"),
    MakeKernel<Reference<Kind::kLogSumExp>>("ReduceLogSumExp"),
    MakeKernel<Reference<Kind::kSumSquare>>("ReduceSumSquare"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::reduce
