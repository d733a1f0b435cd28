#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/simd/elements.h"
#include "kernels/simd/stop_poll.h"
#include "kernels/topk/topk.h"

namespace onda::topk {
namespace {

// Keys that compare as the elements do. Both zeros are one key, all NaNs another, above infinity.
uint64_t KeyOf(double value) {
  if (std::isnan(value)) return UINT64_MAX;
  const uint64_t bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return bits >> 63 ? ~bits : bits | uint64_t{1} << 63;
}
uint64_t KeyOf(int64_t value) {
  return static_cast<uint64_t>(value) ^ uint64_t { 1 } << 63;
}

// Calls fn(key of element i as a function of i).
template <class Fn>
void WithKeys(const TensorView& x, Fn&& fn) {
  switch (x.type()) {
    case DType::kFloat:
      return fn([p = x.as<float>()](int64_t i) { return KeyOf(static_cast<double>(p[i])); });
    case DType::kUint64:
      return fn([p = x.as<uint64_t>()](int64_t i) { return p[i]; });
    default:
      if (IsInteger(x.type()) || x.type() == DType::kBool)
        return fn([t = x.type(), p = x.data](int64_t i) { return KeyOf(LoadInt64(t, p, i)); });
      return fn([t = x.type(), p = x.data](int64_t i) { return KeyOf(LoadDouble(t, p, i)); });
  }
}

struct Entry {
  uint64_t key;  // inverted where the smallest are sought
  int64_t index;
  bool operator<(const Entry& other) const { return key != other.key ? key > other.key : index < other.index; }
};

class TopK {
 public:
  explicit TopK(const NodeView& node) : params_(node.attributes()) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Extents e(inputs[0], params_.axis);
    return static_cast<size_t>(Chunks(e) * e.length) * sizeof(Entry);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &values = args.output(0), &indices = args.output(1);
    const Extents e(x, params_.axis);
    const TensorView& shaped = values.present() ? values : indices;
    const int64_t k = Extents(shaped, params_.axis).length, rows = e.outer * e.inner, chunks = Chunks(e);
    if (k == 0 || rows == 0) return;
    const uint64_t flip = params_.largest ? 0 : UINT64_MAX;
    WithKeys(x, [&](auto&& key) {
      args.ParallelFor(chunks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t chunk = begin; chunk < end; ++chunk) {
          Entry* entries = static_cast<Entry*>(args.workspace()) + chunk * e.length;
          for (int64_t row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row) {
            const int64_t from = row / e.inner * e.length * e.inner + row % e.inner;
            StopPoll poll(args);
            for (int64_t i = 0; i < e.length; ++i) {
              poll.Work();
              entries[i] = {key(from + i * e.inner) ^ flip, i};
            }
            Select(poll, entries, k, e.length);
            const int64_t to = row / e.inner * k * e.inner + row % e.inner;
            for (int64_t i = 0; i < k; ++i) {
              poll.Work(2);
              if (values.data)
                CopyElement(x.type(), x.data, from + entries[i].index * e.inner, values.data, to + i * e.inner);
              if (indices.data) indices.as<int64_t>()[to + i * e.inner] = entries[i].index;
            }
          }
        }
      });
    });
  }

 private:
  // Rows are shared out in so many parts, each with scratch memory of its own.
  static int64_t Chunks(const Extents& e) {
    const int64_t fitting =
        (int64_t{16} << 20) / (static_cast<int64_t>(sizeof(Entry)) * std::max<int64_t>(1, e.length));
    return std::clamp<int64_t>(std::min(fitting, e.outer * e.inner), 1, 64);
  }
  // Brings the first k to the front, in order.
  static void Select(StopPoll& poll, Entry* entries, int64_t k, int64_t n) {
    const auto better = [&poll](const Entry& a, const Entry& b) {
      poll.Work();
      return a < b;
    };
    if (k * 4 < n) {
      std::partial_sort(entries, entries + k, entries + n, better);
    } else {
      if (k < n) std::nth_element(entries, entries + k, entries + n, better);
      std::sort(entries, entries + k, better);
    }
  }
  Params params_;
};

template <bool kMax>
class Arg {
 public:
  explicit Arg(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Extents e(x, params_.axis);
    if (e.length == 0) throw Error(ErrorCode::kRuntime, "there is no extreme among no elements");
    // NaN has the largest key and stays on top in either direction.
    const bool has_nan = !IsInteger(x.type()) && x.type() != DType::kBool;
    auto directed = [has_nan](uint64_t key) { return kMax || (has_nan && key == UINT64_MAX) ? key : ~key; };
    WithKeys(x, [&](auto&& key) {
      args.ParallelFor(e.outer * e.inner, 1 + 16384 / e.length, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t from = row / e.inner * e.length * e.inner + row % e.inner;
          int64_t best = 0;
          uint64_t best_key = directed(key(from));
          for (int64_t i = 1; i < e.length; ++i) {
            const uint64_t other = directed(key(from + i * e.inner));
            if (other > best_key || (params_.last && other == best_key)) best = i, best_key = other;
          }
          args.output(0).as<int64_t>()[row] = best;
        }
      });
    });
  }

 private:
  ArgParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<TopK>("TopK"),
    MakeKernel<Arg<true>>("ArgMax"),
    MakeKernel<Arg<false>>("ArgMin"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::topk
