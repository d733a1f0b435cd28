#include "kernels/matmul/any_type.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul/any_type.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::matmul::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// c[0, n) += x * b[0, n).
template <class T>
HWY_INLINE void AddScaled(T x, const T* HWY_RESTRICT b, int64_t n, T* HWY_RESTRICT c) {
  int64_t j = 0;
  if constexpr (sizeof(T) == 4 || std::is_floating_point_v<T>) {
    const hn::ScalableTag<T> d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const auto xv = hn::Set(d, x);
    for (; j + lanes <= n; j += lanes)
      hn::StoreU(hn::Add(hn::Mul(xv, hn::LoadU(d, b + j)), hn::LoadU(d, c + j)), d, c + j);
  }
  for (; j < n; ++j) c[j] += x * b[j];
}

// Rows [begin, end) of one product. T is double or unsigned: signed integers wrap the same way.
template <class T>
HWY_INLINE void Rows(const Product& p, const T* a, const T* b, int64_t begin, int64_t end, T* c) {
  for (int64_t i = begin; i < end; ++i) {
    T* row = c + i * p.n;
    std::fill_n(row, p.n, T{0});
    const T* x = a + i * p.a_row;
    if (p.b_col == 1) {
      for (int64_t k = 0; k < p.k; ++k) AddScaled<T>(x[k * p.a_col], b + k * p.b_row, p.n, row);
    } else {
      for (int64_t j = 0; j < p.n; ++j) {
        T sum{0};
        for (int64_t k = 0; k < p.k; ++k) sum += x[k * p.a_col] * b[k * p.b_row + j * p.b_col];
        row[j] = sum;
      }
    }
  }
}

void RowsDouble(const Product& p, const void* a, const void* b, int64_t begin, int64_t end, void* c) {
  Rows(p, static_cast<const double*>(a), static_cast<const double*>(b), begin, end, static_cast<double*>(c));
}
void Rows32(const Product& p, const void* a, const void* b, int64_t begin, int64_t end, void* c) {
  Rows(p, static_cast<const uint32_t*>(a), static_cast<const uint32_t*>(b), begin, end, static_cast<uint32_t*>(c));
}
void Rows64(const Product& p, const void* a, const void* b, int64_t begin, int64_t end, void* c) {
  Rows(p, static_cast<const uint64_t*>(a), static_cast<const uint64_t*>(b), begin, end, static_cast<uint64_t*>(c));
}

}  // namespace onda::matmul::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::matmul {

HWY_EXPORT(RowsDouble);
HWY_EXPORT(Rows32);
HWY_EXPORT(Rows64);

void RunAnyType(const Product& p, const LaunchArgs& args) {
  const TensorView &a = args.input(0), &b = args.input(1), &y = args.output(0);
  const int64_t size = BitsOf(y.type()) / 8;
  const auto rows = y.type() == DType::kDouble ? HWY_DYNAMIC_DISPATCH(RowsDouble)
                    : size == 4                ? HWY_DYNAMIC_DISPATCH(Rows32)
                                               : HWY_DYNAMIC_DISPATCH(Rows64);
  const auto at = [&](const TensorView& t, int64_t element) { return t.as<char>() + element * size; };
  // About 64 thousand multiplications a call.
  const int64_t grain = 65536 / std::max<int64_t>(1, p.n * p.k) + 1;
  args.ParallelFor(p.batch() * p.m, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end;) {
      const int64_t item = row / p.m, last = std::min(end, (item + 1) * p.m);
      const Product::Offsets offset = p.At(item);
      rows(p, at(a, offset.a), at(b, offset.b), row - item * p.m, last - item * p.m, at(y, item * p.m * p.n));
      row = last;
    }
  });
}

}  // namespace onda::matmul
#endif
