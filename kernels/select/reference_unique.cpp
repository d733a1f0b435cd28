#include <algorithm>
#include <cmath>

#include "kernels/select/unique.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/stop_poll.h"

namespace onda::select {
namespace {

template <class T>
int Order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int OrderReal(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return Order(std::isnan(a), std::isnan(b));
  return Order(a, b);
}

template <class T>
int OrderComplex(const T* a, const T* b) {
  const int real = OrderReal(a[0], b[0]);
  return real ? real : OrderReal(a[1], b[1]);
}

// -1, 0 or 1 as element i comes before, with or after element j.
int OrderElements(DType type, const void* x, int64_t i, int64_t j) {
  switch (type) {
    case DType::kString:
      return Order(static_cast<const std::string*>(x)[i], static_cast<const std::string*>(x)[j]);
    case DType::kUint64:
      return Order(static_cast<const uint64_t*>(x)[i], static_cast<const uint64_t*>(x)[j]);
    case DType::kComplex64:
      return OrderComplex(static_cast<const float*>(x) + 2 * i, static_cast<const float*>(x) + 2 * j);
    case DType::kComplex128:
      return OrderComplex(static_cast<const double*>(x) + 2 * i, static_cast<const double*>(x) + 2 * j);
    default:
      break;
  }
  if (IsInteger(type) || type == DType::kBool) return Order(LoadInt64(type, x, i), LoadInt64(type, x, j));
  return OrderReal(LoadDouble(type, x, i), LoadDouble(type, x, j));
}

TensorView OutputOf(const LaunchArgs& args, int i, std::span<const int64_t> dims) {
  return args.output(i).data ? args.output(i) : args.AllocateOutput(i, dims);
}

// What the workspace holds, each of `length` entries.
struct Tables {
  int64_t* order;    // subtensors, sorted; equal ones by position
  int64_t* inverse;  // of each subtensor: its group, then its place in the output
  int64_t* first;    // of each group: its first subtensor
  int64_t* counts;   // of each group
  int64_t* listed;   // groups in the order of the output
  Tables(void* workspace, int64_t n) {
    auto* p = static_cast<int64_t*>(workspace);
    order = p, inverse = p + n, first = p + 2 * n, counts = p + 3 * n, listed = p + 4 * n;
  }
};

}  // namespace

size_t Unique::WorkspaceBytes(TensorViews inputs, TensorViews) const {
  return static_cast<size_t>(params_.ExtentsOf(inputs[0]).length) * 5 * sizeof(int64_t);
}

void Unique::Launch(const LaunchArgs& args) const {
  const TensorView& x = args.input(0);
  const auto [outer, length, inner, axis] = params_.ExtentsOf(x);
  const Tables t(args.workspace(), length);
  for (int64_t i = 0; i < length; ++i) t.order[i] = i;
  StopPoll poll(args);
  auto compare = [&, n = length, outer = outer, inner = inner](int64_t a, int64_t b) {
    poll.Work(8);
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < inner; ++k) {
        poll.Work();
        if (const int c = OrderElements(x.type(), x.data, (o * n + a) * inner + k, (o * n + b) * inner + k)) return c;
      }
    return 0;
  };
  std::sort(t.order, t.order + length, [&](int64_t a, int64_t b) {
    const int c = compare(a, b);
    return c < 0 || (c == 0 && a < b);
  });
  int64_t groups = 0;
  for (int64_t i = 0; i < length; ++i) {
    if (i == 0 || compare(t.order[i - 1], t.order[i]) != 0) {
      t.first[groups] = t.order[i];
      t.counts[groups++] = 0;
    }
    t.inverse[t.order[i]] = groups - 1;
    ++t.counts[groups - 1];
  }
  for (int64_t g = 0; g < groups; ++g) t.listed[g] = g;
  if (!params_.sorted)
    std::sort(t.listed, t.listed + groups, [&](int64_t a, int64_t b) {
      poll.Work(4);
      return t.first[a] < t.first[b];
    });

  if (args.wants_output(0)) {
    std::vector<int64_t> dims{groups};
    if (params_.axis) {
      dims.assign(x.dims, x.dims + x.rank);
      dims[axis] = groups;
    }
    const TensorView y = OutputOf(args, 0, dims);
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t g = 0; g < groups; ++g) {
        poll.Work(4 + inner / 8);
        CopyRun(x.type(), x.data, (o * length + t.first[t.listed[g]]) * inner, y.data, (o * groups + g) * inner, inner);
      }
  }
  auto list = [&](int i, const int64_t* of_group) {
    if (!args.wants_output(i)) return;
    const TensorView y = OutputOf(args, i, {&groups, 1});
    for (int64_t g = 0; g < groups; ++g) y.as<int64_t>()[g] = of_group[t.listed[g]];
  };
  list(1, t.first);
  list(3, t.counts);
  if (args.wants_output(2)) {
    for (int64_t g = 0; g < groups; ++g) t.first[t.listed[g]] = g;  // the place of each group
    const TensorView y = OutputOf(args, 2, {&length, 1});
    for (int64_t i = 0; i < length; ++i) y.as<int64_t>()[i] = t.first[t.inverse[i]];
  }
}

}  // namespace onda::select
