// Unique of single elements: they are sorted by value and then by position; the first of equal ones stands for its
// group.
#include <vector>

#include "kernels/device/compact.h"
#include "kernels/device/order.h"
#include "kernels/device/sort.h"
#include "kernels/select/cuda.h"
#include "kernels/simd/carver.h"
#include "providers/cuda/device.h"

namespace onda::select {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

LaunchConfig Threads(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

__global__ void __launch_bounds__(kThreads)
    ListEntries(In<uint8_t> x, Out<uint64_t> keys, Out<uint32_t> order, int64_t n, int64_t padded, DType type) {
  const int64_t i = GlobalThread();
  if (i >= padded) return;
  keys[i] = i < n ? OrderKey(type, x.data, i) : UINT64_MAX;
  order[i] = i < n ? static_cast<uint32_t>(i) : UINT32_MAX;
}

// heads: by sorted position, whether a group begins there; firsts: the same by position in x.
__global__ void __launch_bounds__(kThreads)
    FindHeads(In<uint64_t> keys, In<uint32_t> order, Out<uint8_t> heads, Out<uint8_t> firsts, int64_t n) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const bool head = i == 0 || keys[i - 1] != keys[i];
  heads[i] = head;
  firsts[order[i]] = head;
}

// What is known of the groups, which are numbered in sorted order.
struct Groups {
  int64_t n, count;
  bool sorted;  // their order in the output; otherwise that of their firsts

  // before: of each position of x, how many firsts are before it.
  __device__ int64_t PlaceOf(int64_t group, uint32_t first, const int64_t* before) const {
    return sorted ? group : before[first];
  }
};

// begins: sorted positions where groups begin.
template <class T>
__global__ void __launch_bounds__(kThreads)
    WriteGroups(In<T> x, In<uint32_t> order, In<int64_t> begins, In<int64_t> before, Out<T> y, Out<int64_t> indices,
                Out<int64_t> counts, Groups groups) {
  const int64_t g = GlobalThread();
  if (g >= groups.count) return;
  const int64_t begin = begins[g], end = g + 1 < groups.count ? begins[g + 1] : groups.n;
  const uint32_t first = order[begin];
  const int64_t place = groups.PlaceOf(g, first, before.data);
  if (y) y[place] = x[first];
  if (indices) indices[place] = first;
  if (counts) counts[place] = end - begin;
}

// heads_before: of each sorted position, how many groups begin before it.
__global__ void __launch_bounds__(kThreads)
    WriteInverse(In<uint32_t> order, In<uint8_t> heads, In<int64_t> heads_before, In<int64_t> begins,
                 In<int64_t> before, Out<int64_t> inverse, Groups groups) {
  const int64_t i = GlobalThread();
  if (i >= groups.n) return;
  const int64_t group = heads_before[i] + heads[i] - 1;
  inverse[order[i]] = groups.PlaceOf(group, order[begins[group]], before.data);
}

struct Scratch {
  Scratch(int64_t n, Carver& carver) {
    const int64_t padded = PaddedLength(n);
    auto take = [&]<class T>(Buffer& buffer, int64_t count, T) {
      buffer = {carver.Take<T>(count), static_cast<size_t>(count) * sizeof(T)};
    };
    take(keys, padded, uint64_t{});
    take(order, padded, uint32_t{});
    take(heads, n, uint8_t{});
    take(firsts, n, uint8_t{});
    take(heads_before, n, int64_t{});
    take(before, n, int64_t{});
    take(begins, n, int64_t{});
    take(counts, static_cast<int64_t>(CompactBytes(n) / sizeof(int64_t)), int64_t{});
  }
  Buffer keys, order, heads, firsts, heads_before, before, begins, counts;
};

class Unique {
 public:
  static constexpr bool kNotCaptured = true;
  explicit Unique(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(0);
    if (!IsNumber(x.type())) return "not for " + std::string(NameOf(x.type()));
    const AxisParams params(node.attributes());
    if (!params.axis) return "";
    if (!x.static_shape()) return "only single elements";
    const int64_t axis = *params.axis < 0 ? *params.axis + x.rank : *params.axis;
    for (int d = 0; d < x.rank; ++d)
      if (d != axis && x.dims[d] != 1) return "only single elements";
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    Carver counter;
    Scratch(inputs[0].count(), counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t n = x.count(), padded = PaddedLength(n);
    if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "Unique of 2^31 elements or more on CUDA");
    Carver carver(args.workspace());
    const Scratch s(n, carver);
    const Flags byte = NonZeroOf(DType::kUint8);
    Groups groups{n, 0, params_.sorted};
    if (n > 0) {
      cuda::Launch(args, Threads(padded), ListEntries, x, s.keys, s.order, n, padded, x.type());
      SortRows(args, s.keys, s.order, 1, padded);
      cuda::Launch(args, Threads(n), FindHeads, s.keys, s.order, s.heads, s.firsts, n);
      FlagShape shape;
      shape.dims[0] = n;
      if (!params_.sorted) {
        CountFlags(args, s.firsts, byte, n, s.counts);
        ListFlags(args, s.firsts, byte, n, s.counts, shape, n, {}, s.before);
      }
      const void* const total = CountFlags(args, s.heads, byte, n, s.counts);
      ListFlags(args, s.heads, byte, n, s.counts, shape, n, s.begins, s.heads_before);
      args.ReadBack(total, &groups.count, sizeof(groups.count));
    }
    std::vector<int64_t> dims{groups.count};
    if (params_.axis) {
      dims.assign(x.dims, x.dims + x.rank);
      dims[params_.ExtentsOf(x).axis] = groups.count;
    }
    const TensorView y = Output(args, 0, dims), indices = Output(args, 1, {&groups.count, 1}),
                     inverse = Output(args, 2, {&n, 1}), counts = Output(args, 3, {&groups.count, 1});
    const Buffer before = params_.sorted ? Buffer{} : s.before;
    WithSize(x.type(), [&](auto tag) {
      cuda::Launch(args, Threads(groups.count), WriteGroups<typename decltype(tag)::Type>, x, s.order, s.begins, before,
                   y, indices, counts, groups);
    });
    if (inverse.present())
      cuda::Launch(args, Threads(n), WriteInverse, s.order, s.heads, s.heads_before, s.begins, before, inverse, groups);
  }

 private:
  // An absent view where nobody wants it.
  static TensorView Output(const LaunchArgs& args, int i, std::span<const int64_t> dims) {
    if (!args.wants_output(i)) return {};
    return args.output(i).data ? args.output(i) : args.AllocateOutput(i, dims);
  }

  AxisParams params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Unique>("Unique")};

}  // namespace

std::span<const OndaKernelDef> UniqueCudaKernels() { return kKernels; }

}  // namespace onda::select
