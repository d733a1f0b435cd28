// TopK: tiles of a row are sorted in shared memory and keep their k best, which meet in larger and larger rounds; for a
// k above half a tile the whole row is sorted. ArgMax and ArgMin: a block per row, or a thread per column.
#include <algorithm>

#include "kernels/device/order.h"
#include "kernels/device/sort.h"
#include "kernels/topk/topk.h"

namespace onda::topk {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// x (outer, length, inner), rows of it numbered by outer * inner. flip: all bits where the largest are sought, so that
// the best have the smallest keys.
struct Rows {
  int64_t length, inner;
  DType type;
  uint64_t flip;

  // Element i of a row of `n` elements.
  __device__ int64_t At(int64_t row, int64_t n, int64_t i) const { return (row / inner * n + i) * inner + row % inner; }
};

__device__ void CopyElement(DType type, const uint8_t* x, int64_t from, uint8_t* y, int64_t to) {
  switch (type) {
    case DType::kFloat16:
    case DType::kBfloat16:
      reinterpret_cast<uint16_t*>(y)[to] = reinterpret_cast<const uint16_t*>(x)[from];
      return;
    case DType::kFloat:
      reinterpret_cast<uint32_t*>(y)[to] = reinterpret_cast<const uint32_t*>(x)[from];
      return;
    case DType::kDouble:
      reinterpret_cast<uint64_t*>(y)[to] = reinterpret_cast<const uint64_t*>(x)[from];
      return;
    default:
      StoreInteger(type, y, to, LoadInteger(type, x, from));
      return;
  }
}

// Writes the entries of a row: values and indices where they are wanted.
__device__ void WriteEntry(const Rows& rows, const uint8_t* x, uint8_t* values, int64_t* indices, int64_t row,
                           int64_t k, int64_t place, uint32_t index) {
  const int64_t to = rows.At(row, k, place);
  if (values) CopyElement(rows.type, x, rows.At(row, rows.length, index), values, to);
  if (indices) indices[to] = index;
}

// blockIdx.x: row * tiles + tile. A tile's candidates are elements [tile * width, ...) of x, or of `from` where there
// was a round before, (rows, n). The last round writes the result, the others their `keep` best to `to`,
// (rows, tiles * keep).
__global__ void __launch_bounds__(kSortThreads)
    Round(In<uint8_t> x, In<uint64_t> from_keys, In<uint32_t> from_indices, Out<uint64_t> to_keys,
          Out<uint32_t> to_indices, Out<uint8_t> values, Out<int64_t> indices, int64_t n, uint32_t tiles,
          uint32_t width, uint32_t keep, Rows rows) {
  ONDA_DYNAMIC_SHARED(uint64_t, own_keys);
  uint32_t* const own_indices = reinterpret_cast<uint32_t*>(own_keys + width);
  const int64_t row = blockIdx.x / tiles, tile = blockIdx.x % tiles;
  for (uint32_t i = threadIdx.x; i < width; i += blockDim.x) {
    const int64_t at = tile * width + i;
    uint64_t key = UINT64_MAX;
    uint32_t index = UINT32_MAX;
    if (at < n && from_keys) {
      key = from_keys[row * n + at];
      index = from_indices[row * n + at];
    } else if (at < n) {
      key = OrderKey(rows.type, x.data, rows.At(row, rows.length, at)) ^ rows.flip;
      index = static_cast<uint32_t>(at);
    }
    own_keys[i] = key;
    own_indices[i] = index;
  }
  __syncthreads();
  SortInTile(own_keys, own_indices, width, 0, 2, width);
  for (uint32_t i = threadIdx.x; i < keep; i += blockDim.x) {
    if (to_keys) {
      const int64_t to = int64_t{blockIdx.x} * keep + i;
      to_keys[to] = own_keys[i];
      to_indices[to] = own_indices[i];
    } else {
      WriteEntry(rows, x.data, values.data, indices.data, row, keep, i, own_indices[i]);
    }
  }
}

// All entries of the rows, for SortRows, and what it has sorted.
__global__ void __launch_bounds__(kThreads)
    ListEntries(In<uint8_t> x, Out<uint64_t> keys, Out<uint32_t> indices, int64_t total, int64_t padded, Rows rows) {
  const int64_t i = GlobalThread();
  if (i >= total) return;
  const int64_t row = i / padded, at = i % padded;
  const bool real = at < rows.length;
  keys[i] = real ? OrderKey(rows.type, x.data, rows.At(row, rows.length, at)) ^ rows.flip : UINT64_MAX;
  indices[i] = real ? static_cast<uint32_t>(at) : UINT32_MAX;
}
__global__ void __launch_bounds__(kThreads)
    WriteEntries(In<uint8_t> x, In<uint32_t> sorted, Out<uint8_t> values, Out<int64_t> indices, int64_t total,
                 int64_t padded, int64_t k, Rows rows) {
  const int64_t i = GlobalThread();
  if (i >= total) return;
  const int64_t row = i / k, place = i % k;
  WriteEntry(rows, x.data, values.data, indices.data, row, k, place, sorted[row * padded + place]);
}

std::string RejectsTypes(const NodeView& node) {
  const DType type = node.input(0).type();
  return IsFloating(type) || IsByteInteger(type) ? "" : "not for " + std::string(NameOf(type));
}

class TopK {
 public:
  explicit TopK(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    const Shape s = ShapeOf(inputs[0], outputs);
    return static_cast<size_t>(s.rows) * static_cast<size_t>(s.EntriesPerRow()) * kEntryBytes;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &values = args.output(0), &indices = args.output(1);
    const Shape s = ShapeOf(x, Outputs(args));
    if (s.k == 0 || s.rows == 0) return;
    if (s.length >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "rows of 2^31 elements or more on CUDA");
    const Rows rows{s.length, s.inner, x.type(), params_.largest ? UINT64_MAX : 0};
    // Entries of both sides of a round, in turn.
    Carved memory(args, s.rows * s.EntriesPerRow());
    if (s.sorts_all()) {
      const int64_t padded = PaddedLength(s.length), total = s.rows * padded;
      const auto [keys, order] = memory.Take(total);
      cuda::Launch(args, Threads(total), ListEntries, x, keys, order, total, padded, rows);
      SortRows(args, keys, order, s.rows, padded);
      cuda::Launch(args, Threads(s.rows * s.k), WriteEntries, x, order, values, indices, s.rows * s.k, padded, s.k,
                   rows);
      return;
    }
    Buffer from_keys{}, from_indices{};
    for (int64_t n = s.length;;) {
      const int64_t width = std::min(kSortTile, PaddedLength(n)), tiles = (n + width - 1) / width;
      const int64_t keep = std::min(s.k, width);
      const bool last = tiles == 1;
      const auto [to_keys, to_indices] = last ? std::pair<Buffer, Buffer>() : memory.Take(s.rows * tiles * keep);
      cuda::Launch(args,
                   {.grid = {BlocksFor(s.rows * tiles, 1)},
                    .block = {static_cast<uint32_t>(std::clamp<int64_t>(width / 2, 32, kSortThreads))},
                    .shared_bytes = static_cast<uint32_t>(width * static_cast<int64_t>(kEntryBytes))},
                   Round, x, from_keys, from_indices, to_keys, to_indices, values, indices, n, tiles, width, keep,
                   rows);
      if (last) return;
      from_keys = to_keys;
      from_indices = to_indices;
      n = tiles * keep;
    }
  }

 private:
  static constexpr size_t kEntryBytes = sizeof(uint64_t) + sizeof(uint32_t);
  static LaunchConfig Threads(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

  struct Shape {
    int64_t rows, length, inner, k;
    bool sorts_all() const { return k > kSortTile / 2 && length > kSortTile; }
    // Of all rounds but the last.
    int64_t EntriesPerRow() const {
      if (sorts_all()) return PaddedLength(length);
      int64_t entries = 0;
      for (int64_t n = length; n > kSortTile;) {
        n = (n + kSortTile - 1) / kSortTile * k;
        entries += n;
      }
      return entries;
    }
  };
  struct Outputs {
    explicit Outputs(const LaunchArgs& a) : args(a) {}
    const LaunchArgs& args;
    const TensorView& operator[](int i) const { return args.output(i); }
  };
  template <class Views>
  Shape ShapeOf(const TensorView& x, const Views& outputs) const {
    const Extents e(x, params_.axis);
    const int64_t k = Extents(outputs[0].present() ? outputs[0] : outputs[1], params_.axis).length;
    return {e.outer * e.inner, e.length, e.inner, k};
  }

  // The workspace: all keys, then all indices.
  class Carved {
   public:
    Carved(const LaunchArgs& args, int64_t entries) : args_(args), entries_(static_cast<size_t>(entries)) {}
    std::pair<Buffer, Buffer> Take(int64_t count) {
      const size_t n = static_cast<size_t>(count), first = taken_;
      taken_ += n;
      return {WorkspaceOf(args_, first * sizeof(uint64_t), n * sizeof(uint64_t)),
              WorkspaceOf(args_, entries_ * sizeof(uint64_t) + first * sizeof(uint32_t), n * sizeof(uint32_t))};
    }

   private:
    const LaunchArgs& args_;
    size_t entries_, taken_ = 0;
  };

  Params params_;
};

// rows: a block per row, otherwise a thread.
__global__ void __launch_bounds__(kThreads) FindBest(In<uint8_t> x, Out<int64_t> y, int64_t lines, int64_t length,
                                                     int64_t inner, bool rows, DType type, bool max, bool last) {
  const int64_t line = rows ? static_cast<int64_t>(blockIdx.x) : GlobalThread();
  if (line >= lines) return;  // whole blocks, or no barrier follows
  const int64_t first = line / inner * length * inner + line % inner;
  const int64_t step = rows ? static_cast<int64_t>(blockDim.x) : 1;
  // NaN has the largest key and stays on top in either direction.
  const bool has_nan =
      type == DType::kFloat || type == DType::kFloat16 || type == DType::kBfloat16 || type == DType::kDouble;
  Best best;
  for (int64_t k = rows ? static_cast<int64_t>(threadIdx.x) : 0; k < length; k += step) {
    const uint64_t key = OrderKey(type, x.data, first + k * inner);
    best.Take(max || (has_nan && key == UINT64_MAX) ? key : ~key, k, last);
  }
  if (rows) best.JoinBlock(last);
  if (!rows || threadIdx.x == 0) y[line] = best.index;
}

template <bool kMax>
class Arg {
 public:
  explicit Arg(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Extents e(x, params_.axis);
    const int64_t lines = e.outer * e.inner;
    if (e.length == 0) throw Error(ErrorCode::kRuntime, "there is no extreme among no elements");
    const bool rows = e.length >= 32 && (e.inner == 1 || lines < 1024);
    const uint32_t block = !rows || e.length >= 1024 ? kThreads : e.length >= 256 ? 128 : 32;
    cuda::Launch(args, {.grid = {BlocksFor(lines, rows ? 1 : kThreads)}, .block = {block}}, FindBest, x, args.output(0),
                 lines, e.length, e.inner, rows, x.type(), kMax, params_.last);
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

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::topk
