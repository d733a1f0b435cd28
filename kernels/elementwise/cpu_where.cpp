// Where on elements of 4 and 8 bytes: the condition's bytes become a mask of lanes.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise/elementwise.h"
#include "kernels/simd/broadcast.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/cpu_where.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::elementwise::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE auto Widen(hn::ScalableTag<uint32_t> d, const uint8_t* c) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint8_t, decltype(d)>(), c));
}
HWY_INLINE auto Widen(hn::ScalableTag<uint64_t> d, const uint8_t* c) {
  const hn::Rebind<uint8_t, decltype(d)> d8;
  return hn::PromoteTo(d, hn::PromoteTo(hn::Rebind<uint32_t, decltype(d)>(), hn::LoadU(d8, c)));
}

// y[i] = c[i] ? a[i * a_step] : b[i * b_step]; y may be a or b where they move.
template <class T>
void Select(const uint8_t* c, const T* a, int64_t a_step, const T* b, int64_t b_step, T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto a_value = hn::Set(d, *a), b_value = hn::Set(d, *b);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto no = hn::Eq(Widen(d, c + i), hn::Zero(d));
    const auto yes_value = a_step ? hn::LoadU(d, a + i) : a_value;
    const auto no_value = b_step ? hn::LoadU(d, b + i) : b_value;
    hn::StoreU(hn::IfThenElse(no, no_value, yes_value), d, y + i);
  }
  for (; i < n; ++i) y[i] = c[i] ? a[i * a_step] : b[i * b_step];
}

void Select32(const uint8_t* c, const void* a, int64_t a_step, const void* b, int64_t b_step, void* y, int64_t n) {
  Select(c, static_cast<const uint32_t*>(a), a_step, static_cast<const uint32_t*>(b), b_step, static_cast<uint32_t*>(y),
         n);
}
void Select64(const uint8_t* c, const void* a, int64_t a_step, const void* b, int64_t b_step, void* y, int64_t n) {
  Select(c, static_cast<const uint64_t*>(a), a_step, static_cast<const uint64_t*>(b), b_step, static_cast<uint64_t*>(y),
         n);
}

}  // namespace onda::elementwise::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::elementwise {
namespace {

HWY_EXPORT(Select32);
HWY_EXPORT(Select64);

}  // namespace

SelectFunction FindSelectFunction(int bits) {
  return bits == 32 ? HWY_DYNAMIC_DISPATCH(Select32) : bits == 64 ? HWY_DYNAMIC_DISPATCH(Select64) : nullptr;
}

namespace {

class Cpu {
 public:
  static constexpr bool kInPlace = true;
  explicit Cpu(const NodeView&) {}

  static std::string Rejects(const NodeView& node) {
    const int bits = BitsOf(node.input(1).type());
    return bits == 32 || bits == 64 ? "" : "only elements of 4 and 8 bytes";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const BroadcastPlan<3> plan(y.shape(), {args.input(0).shape(), args.input(1).shape(), args.input(2).shape()});
    const int64_t size = BitsOf(y.type()) / 8;
    const uint8_t* condition = args.input(0).as<uint8_t>();
    const char *a = args.input(1).as<char>(), *b = args.input(2).as<char>();
    char* out = y.as<char>();
    const SelectFunction select = FindSelectFunction(static_cast<int>(size) * 8);
    args.ParallelFor(plan.count(), 32768, [&](int64_t begin, int64_t end) {
      plan.ForEachRun(begin, end, [&](int64_t at, const auto& from, int64_t n) {
        const char *pa = a + from[1] * size, *pb = b + from[2] * size;
        if (plan.step(0) != 0) {
          select(condition + from[0], pa, plan.step(1), pb, plan.step(2), out + at * size, n);
        } else {
          const bool yes = condition[from[0]] != 0;
          Fill(yes ? pa : pb, plan.step(yes ? 1 : 2), out + at * size, n, size);
        }
      });
    });
  }

 private:
  // out may be x.
  static void Fill(const char* x, int64_t step, char* out, int64_t n, int64_t size) {
    if (step != 0) {
      std::memmove(out, x, static_cast<size_t>(n * size));
    } else if (size == 4) {
      std::fill_n(reinterpret_cast<uint32_t*>(out), n, *reinterpret_cast<const uint32_t*>(x));
    } else {
      std::fill_n(reinterpret_cast<uint64_t*>(out), n, *reinterpret_cast<const uint64_t*>(x));
    }
  }
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cpu>("Where")};

}  // namespace

std::span<const OndaKernelDef> WhereCpuKernels() { return kKernels; }

}  // namespace onda::elementwise
#endif
