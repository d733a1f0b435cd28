// Attention over any mask, window, cache and grouping, with fp32 accumulation (fp64 for double).
//   Tiles    a block takes rows of all query heads that share a key head against 64 keys at a time: scores, their
//            running maximum and sum, and the result stay in registers ("FlashAttention-2", Dao 2023). Where that gives
//            too few blocks, as in decoding, the keys are split among several.
//   Combine  joins the results of such splits
//   Rows     a block per query, keys read twice: double, wide values, and where scores are wanted
#include <algorithm>

#include "kernels/attention/cuda_engine.h"
#include "kernels/device/block.h"
#include "kernels/device/element.h"
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "kernels/device/vector.h"

namespace onda::attention {
namespace {

using namespace cuda;

constexpr int kThreads = 128, kKeys = 64, kDepth = 64, kStride = kDepth + 4;
constexpr int kLanes = 16;  // threads that share the rows of a tile
constexpr int kRowGroups = kThreads / kLanes;
constexpr int64_t kMaxTiledWidth = 256;  // of values
constexpr int64_t kWantedBlocks = 264;   // two for each multiprocessor of an H100
constexpr int64_t kMaxSplits = 64;

struct DeviceStrides {
  int64_t batch, head, row;
  __device__ int64_t At(int64_t b, int64_t h, int64_t r) const { return b * batch + h * head + r * row; }
};

struct Geometry {
  DeviceStrides q, k, v, past_k, past_v, y, mask;
  int32_t q_heads, kv_heads, group, queries, past, keys, width, v_width, mask_keys, left, right;
  bool causal, masked, vectors, y_vectors;
  DType mask_type;
  int32_t qk_mode, node;
  double scale, softcap;
  float empty_row;
};

// Keys of a batch that count, and the position of its query 0 among them.
struct Counts {
  int32_t valid, offset;
};
__device__ Counts CountsOf(const Geometry& g, const int64_t* counts, const int32_t* last_keys, int64_t b,
                           int32_t* status) {
  if (counts) {
    int64_t valid = counts[b];
    if (valid < 0 || valid > g.keys) {
      ReportError(status, g.node, kOndaBadContent);
      valid = valid < 0 ? 0 : g.keys;
    }
    return {static_cast<int32_t>(valid), static_cast<int32_t>(valid) - g.queries};
  }
  if (last_keys) {  // what does not fit is reported by whoever fills the cache
    const int64_t valid = int64_t{last_keys[b]} + 1;
    const int32_t bounded = static_cast<int32_t>(valid < 0 ? 0 : valid > g.keys ? g.keys : valid);
    return {bounded, bounded > g.queries ? bounded - g.queries : 0};
  }
  return {g.keys, g.past};
}

// The keys that query i may see by position: [first, last).
struct Range {
  int32_t first, last;
};
__device__ Range Visible(const Geometry& g, const Counts& c, int32_t i) {
  Range r{0, c.valid};
  const int32_t position = i + c.offset;
  if (g.masked) r.last = min(r.last, g.mask_keys);
  if (g.causal) r.last = min(r.last, position + 1);
  if (g.left >= 0) r.first = max(r.first, position - g.left);
  if (g.right >= 0 && position < INT32_MAX - g.right) r.last = min(r.last, position + g.right + 1);
  r.last = max(r.first, r.last);
  return r;
}

// What the mask adds; -infinity hides.
template <class C>
__device__ C MaskAt(const Geometry& g, const uint8_t* mask, int64_t at) {
  const C bias = LoadNumber<C>(g.mask_type, mask, at);
  if (g.mask_type == DType::kBool) return bias != 0 ? C(0) : -static_cast<C>(INFINITY);
  return bias;
}

template <class C>
__device__ C Capped(const Geometry& g, C score) {
  const C cap = static_cast<C>(g.softcap);
  return cap != 0 ? cap * tanh(score / cap) : score;
}

// Columns [first, first + kDepth) of `rows` rows of `width` elements as floats; zeros beyond them and where row_of
// gives no row.
template <class T, class RowOf>
__device__ void LoadTile(float (*tile)[kStride], int rows, int32_t first, int32_t width, bool vectors,
                         const RowOf& row_of) {
  constexpr int kCount = kVectorCount<T>, kPerRow = kDepth / kCount;
  for (int t = static_cast<int>(threadIdx.x); t < rows * kPerRow; t += kThreads) {
    const int r = t / kPerRow, c = t % kPerRow * kCount;
    const T* row = row_of(r);
    if (vectors && row && first + c < width) {
      const Vector<T, kCount> from = LoadVector<kCount>(row + first + c);
#pragma unroll
      for (int e = 0; e < kCount; ++e) tile[r][c + e] = Widen(from.v[e]);
    } else {
#pragma unroll
      for (int e = 0; e < kCount; ++e) tile[r][c + e] = row && first + c + e < width ? Widen(row[first + c + e]) : 0.0f;
    }
  }
}

// Reductions over the threads that share rows.
template <class Op>
__device__ float OverLanes(float value, Op op) {
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2) value = op(value, __shfl_xor_sync(kAllLanes, value, offset));
  return value;
}

// Tile row r of key head kv is query r % queries of query head kv * group + r / queries. A thread has kPerThread rows,
// of scores keys lane + 16 * j, of results columns 4 * lane + c of each of kChunks times 64.
template <class T, int kPerThread, int kChunks>
__global__ void __launch_bounds__(kThreads, kPerThread* kChunks > 8 ? 2 : 3)
    Tiles(In<T> q, In<T> k, In<T> v, In<T> past_k, In<T> past_v, In<uint8_t> mask, In<T> sink, In<int64_t> counts,
          In<int32_t> last_keys, Out<T> y, Out<float> partial, InOut<int32_t> status, Geometry g, int32_t splits,
          int32_t keys_per_split) {
  constexpr int kRows = kRowGroups * kPerThread;
  alignas(16) __shared__ float q_tile[kRows][kStride];
  alignas(16) __shared__ float kv_tile[kKeys][kStride];
  alignas(16) __shared__ float p_tile[kRows][kStride];
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = static_cast<int>(threadIdx.x) / kLanes * kPerThread;
  const int32_t rows = g.group * g.queries, tiles = (rows + kRows - 1) / kRows;
  const int64_t block = blockIdx.x;
  const int32_t split = static_cast<int32_t>(block % splits), tile = static_cast<int32_t>(block / splits % tiles);
  const int64_t kv = block / splits / tiles % g.kv_heads, b = block / splits / tiles / g.kv_heads;
  const int32_t first_row = tile * kRows;
  const Counts count = CountsOf(g, counts.data, last_keys.data, b, threadIdx.x == 0 ? status.data : nullptr);

  auto head_of = [&](int32_t r) { return kv * g.group + r / g.queries; };
  Range seen[kPerThread];
  int64_t mask_at[kPerThread];
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const int32_t r = first_row + row + i;
    seen[i] = r < rows ? Visible(g, count, r % g.queries) : Range{0, 0};
    mask_at[i] = r < rows ? g.mask.At(b, head_of(r), r % g.queries) : 0;
  }
  // Bounds of all rows of the tile.
  const int32_t last_row = min(first_row + kRows, rows) - 1;
  const bool one_head = first_row / g.queries == last_row / g.queries;
  const int32_t begin = max(Visible(g, count, one_head ? first_row % g.queries : 0).first, split * keys_per_split);
  const int32_t end = min(Visible(g, count, one_head ? last_row % g.queries : g.queries - 1).last,
                          split == splits - 1 ? INT32_MAX : (split + 1) * keys_per_split);

  auto q_row = [&](int r) {
    const int32_t at = first_row + r;
    return at < rows ? q.data + g.q.At(b, head_of(at), at % g.queries) : nullptr;
  };
  float max_score[kPerThread], sum[kPerThread], out[kChunks][kPerThread][4];
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    max_score[i] = -INFINITY;
    sum[i] = 0;
#pragma unroll
    for (int chunk = 0; chunk < kChunks; ++chunk)
#pragma unroll
      for (int c = 0; c < 4; ++c) out[chunk][i][c] = 0;
  }

  for (int32_t key = begin; key < end; key += kKeys) {
    auto key_row = [&](const In<T>& now, const In<T>& past, const DeviceStrides& of_now, const DeviceStrides& of_past,
                       int r) -> const T* {
      const int32_t j = key + r;
      if (j >= end) return nullptr;
      return j < g.past ? past.data + of_past.At(b, kv, j) : now.data + of_now.At(b, kv, j - g.past);
    };
    float score[kPerThread][4] = {};
    for (int32_t depth = 0; depth < g.width; depth += kDepth) {
      __syncthreads();
      if (key == begin || g.width > kDepth) LoadTile<T>(q_tile, kRows, depth, g.width, g.vectors, q_row);
      LoadTile<T>(kv_tile, kKeys, depth, g.width, g.vectors,
                  [&](int r) { return key_row(k, past_k, g.k, g.past_k, r); });
      __syncthreads();
#pragma unroll 2
      for (int d = 0; d < kDepth; d += 4) {
        Vector<float, 4> a[kPerThread], c[4];
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) a[i] = LoadVector<4>(&q_tile[row + i][d]);
#pragma unroll
        for (int j = 0; j < 4; ++j) c[j] = LoadVector<4>(&kv_tile[lane + kLanes * j][d]);
#pragma unroll
        for (int i = 0; i < kPerThread; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j)
#pragma unroll
            for (int e = 0; e < 4; ++e) score[i][j] += a[i].v[e] * c[j].v[e];
      }
    }
#pragma unroll
    for (int i = 0; i < kPerThread; ++i) {
      float top = max_score[i];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int32_t at = key + lane + kLanes * j;
        const bool visible = at >= seen[i].first && at < min(seen[i].last, end);
        float s = Capped(g, score[i][j] * static_cast<float>(g.scale));
        if (visible && g.masked) s += MaskAt<float>(g, mask.data, mask_at[i] + at);
        score[i][j] = visible ? s : -INFINITY;
        top = Maximum()(top, score[i][j]);
      }
      top = OverLanes(top, Maximum());
      // Without anything seen so far all differences are to be those of 0.
      const float base = top == -INFINITY ? 0 : top;
      const float correction = exp(max_score[i] - base);
      max_score[i] = top;
      sum[i] *= correction;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float p = exp(score[i][j] - base);
        sum[i] += p;
        p_tile[row + i][lane + kLanes * j] = p;
      }
#pragma unroll
      for (int chunk = 0; chunk < kChunks; ++chunk)
#pragma unroll
        for (int c = 0; c < 4; ++c) out[chunk][i][c] *= correction;
    }
#pragma unroll
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      if (chunk * kDepth >= g.v_width) break;
      __syncthreads();
      LoadTile<T>(kv_tile, kKeys, chunk * kDepth, g.v_width, g.vectors,
                  [&](int r) { return key_row(v, past_v, g.v, g.past_v, r); });
      __syncthreads();
#pragma unroll 2
      for (int j = 0; j < kKeys; j += 4) {
        Vector<float, 4> p[kPerThread], value[4];
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) p[i] = LoadVector<4>(&p_tile[row + i][j]);
#pragma unroll
        for (int e = 0; e < 4; ++e) value[e] = LoadVector<4>(&kv_tile[j + e][4 * lane]);
#pragma unroll
        for (int i = 0; i < kPerThread; ++i)
#pragma unroll
          for (int e = 0; e < 4; ++e)
#pragma unroll
            for (int c = 0; c < 4; ++c) out[chunk][i][c] += p[i].v[e] * value[e].v[c];
      }
    }
  }

#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const int32_t r = first_row + row + i;
    const float total = OverLanes(sum[i], Plus());
    if (r >= rows) continue;
    if (splits > 1) {
      const int64_t at = (((b * g.kv_heads + kv) * rows + r) * splits + split) * (g.v_width + 2);
      if (lane == 0) partial[at] = max_score[i], partial[at + 1] = total;
#pragma unroll
      for (int chunk = 0; chunk < kChunks; ++chunk)
#pragma unroll
        for (int c = 0; c < 4; ++c)
          if (const int column = chunk * kDepth + 4 * lane + c; column < g.v_width)
            partial[at + 2 + column] = out[chunk][i][c];
      continue;
    }
    const float sunk = sink ? exp(Widen(sink[head_of(r)]) - max_score[i]) : 0.0f;
    const float factor = total == 0 ? g.empty_row : 1 / (total + sunk);
    T* const to = y.data + g.y.At(b, head_of(r), r % g.queries);
#pragma unroll
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const int column = chunk * kDepth + 4 * lane;
      Vector<T, 4> result;
#pragma unroll
      for (int c = 0; c < 4; ++c) result.v[c] = Narrow<T>(out[chunk][i][c] * factor);
      if (g.y_vectors) {
        if (column < g.v_width) StoreVector(to + column, result);
      } else {
#pragma unroll
        for (int c = 0; c < 4; ++c)
          if (column + c < g.v_width) to[column + c] = result.v[c];
      }
    }
  }
}

// A block per row of Tiles: partial (rows, splits, maximum + sum + v_width).
template <class T>
__global__ void __launch_bounds__(kThreads)
    Combine(In<float> partial, In<T> sink, Out<T> y, Geometry g, int32_t splits) {
  const int32_t rows = g.group * g.queries;
  const int64_t r = blockIdx.x % rows, kv = blockIdx.x / rows % g.kv_heads, b = blockIdx.x / rows / g.kv_heads;
  const int64_t head = kv * g.group + r / g.queries, size = g.v_width + 2;
  const float* from = partial.data + int64_t{blockIdx.x} * splits * size;
  float top = -INFINITY;
  for (int s = 0; s < splits; ++s) top = Maximum()(top, from[s * size]);
  const float base = top == -INFINITY ? 0 : top;
  float total = 0;
  for (int s = 0; s < splits; ++s) total += from[s * size + 1] * exp(from[s * size] - base);
  const float sunk = sink ? exp(Widen(sink[head]) - base) : 0.0f;
  const float factor = total == 0 ? g.empty_row : 1 / (total + sunk);
  for (int c = static_cast<int>(threadIdx.x); c < g.v_width; c += kThreads) {
    float value = 0;
    for (int s = 0; s < splits; ++s) value += from[s * size + 2 + c] * exp(from[s * size] - base);
    y[g.y.At(b, head, r % g.queries) + c] = Narrow<T>(value * factor);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    Rows(In<T> q, In<T> k, In<T> v, In<T> past_k, In<T> past_v, In<uint8_t> mask, In<T> sink, In<int64_t> counts,
         In<int32_t> last_keys, Out<T> y, Out<T> qk, InOut<int32_t> status, Geometry g) {
  using C = Compute<T>;
  __shared__ C p[kThreads];
  const int64_t i = blockIdx.x % g.queries, h = blockIdx.x / g.queries % g.q_heads,
                b = blockIdx.x / g.queries / g.q_heads;
  const int64_t kv = h / g.group, mask_at = g.mask.At(b, h, i);
  const Counts count = CountsOf(g, counts.data, last_keys.data, b, threadIdx.x == 0 ? status.data : nullptr);
  const Range seen = Visible(g, count, static_cast<int32_t>(i));
  const T* const query = q.data + g.q.At(b, h, i);
  T* const shown = qk ? qk.data + int64_t{blockIdx.x} * g.keys : nullptr;
  const bool all = qk && g.qk_mode < 3;
  // What counts in the softmax; -infinity for keys that are not seen.
  auto score = [&](int32_t j, T* show) {
    const bool in_range = j >= seen.first && j < seen.last;
    const C bias = !in_range ? -static_cast<C>(INFINITY) : g.masked ? MaskAt<C>(g, mask.data, mask_at + j) : C(0);
    const bool visible = bias != -static_cast<C>(INFINITY);
    if (!visible && !show) return -static_cast<C>(INFINITY);
    const T* const key = j < g.past ? past_k.data + g.past_k.At(b, kv, j) : k.data + g.k.At(b, kv, j - g.past);
    C dot = 0;
    for (int32_t c = 0; c < g.width; ++c) dot += Widen(query[c]) * Widen(key[c]);
    dot *= static_cast<C>(g.scale);
    if (show && g.qk_mode == 0) show[j] = Narrow<T>(dot);
    dot = Capped(g, dot);
    if (show && g.qk_mode == 1) show[j] = Narrow<T>(dot);
    const C result = visible ? dot + bias : -static_cast<C>(INFINITY);
    if (show && g.qk_mode == 2) show[j] = Narrow<T>(result);
    return result;
  };
  C top = -static_cast<C>(INFINITY), sum = 0;
  for (int32_t j = static_cast<int32_t>(threadIdx.x); j < g.keys; j += kThreads) {
    const C s = score(j, all ? shown : nullptr);
    if (s == -static_cast<C>(INFINITY)) continue;
    const C higher = Maximum()(top, s);
    sum = sum * exp(top - higher) + exp(s - higher);
    top = higher;
  }
  const C highest = BlockReduce(top, Maximum(), -static_cast<C>(INFINITY));
  const C base = highest == -static_cast<C>(INFINITY) ? C(0) : highest;
  const C total = BlockReduce(sum * exp(top - base), Plus(), C(0));
  const C sunk = sink ? exp(static_cast<C>(Widen(sink[h])) - base) : C(0);
  const C factor = total == 0 ? C(g.empty_row) : 1 / (total + sunk);
  for (int32_t first = 0; first == 0 || first < g.v_width; first += kThreads) {
    const int32_t column = first + static_cast<int32_t>(threadIdx.x);
    C value = 0;
    for (int32_t tile = 0; tile < g.keys; tile += kThreads) {
      const int32_t j = tile + static_cast<int32_t>(threadIdx.x);
      const C probability = j < g.keys ? exp(score(j, nullptr) - base) * factor : C(0);
      if (shown && g.qk_mode == 3 && first == 0 && j < g.keys) shown[j] = Narrow<T>(probability);
      __syncthreads();
      p[threadIdx.x] = probability;
      __syncthreads();
      if (column >= g.v_width) continue;
      for (int32_t e = 0; e < min(kThreads, g.keys - tile); ++e) {
        if (p[e] == 0) continue;
        const int32_t from = tile + e;
        const T* const values =
            from < g.past ? past_v.data + g.past_v.At(b, kv, from) : v.data + g.v.At(b, kv, from - g.past);
        value += p[e] * Widen(values[column]);
      }
    }
    if (column < g.v_width) y[g.y.At(b, h, i) + column] = Narrow<T>(value);
  }
}

DeviceStrides StridesOf(const Heads& h) { return {h.batch, h.head, h.row}; }

bool Tiled(const Problem& a, DType type) { return type != DType::kDouble && !a.qk && a.v_width <= kMaxTiledWidth; }

struct Splits {
  int64_t rows_per_tile, tiles, count, keys;
  explicit Splits(const Problem& a) {
    const int64_t rows = a.group() * a.queries;
    rows_per_tile = kRowGroups * (rows <= kRowGroups ? 1 : 4);
    tiles = (rows + rows_per_tile - 1) / rows_per_tile;
    const int64_t blocks = std::max<int64_t>(1, tiles * a.kv_heads * a.batch);
    const int64_t wanted = std::clamp<int64_t>(std::min(kWantedBlocks / blocks, a.keys / 128), 1, kMaxSplits);
    keys = std::max<int64_t>(kKeys, (a.keys + wanted * kKeys - 1) / (wanted * kKeys) * kKeys);
    count = std::max<int64_t>(1, (a.keys + keys - 1) / keys);
  }
  size_t bytes(const Problem& a) const {
    if (count == 1) return 0;
    return sizeof(float) * static_cast<size_t>(a.batch * a.q_heads * a.queries * count * (a.v_width + 2));
  }
};

template <class T>
Geometry GeometryOf(const LaunchArgs& args, const Problem& a, const DeviceOperands& o) {
  auto narrow = [](int64_t n) {
    if (n >= int64_t{1} << 30) throw Error(ErrorCode::kNotImplemented, "attention over 2^30 elements or more on CUDA");
    return static_cast<int32_t>(n);
  };
  Geometry g{};
  g.q = StridesOf(a.q), g.k = StridesOf(a.k), g.v = StridesOf(a.v), g.y = StridesOf(a.y);
  g.past_k = StridesOf(a.past_k), g.past_v = StridesOf(a.past_v);
  g.mask = {a.mask_batch, a.mask_head, a.mask_row};
  g.q_heads = narrow(a.q_heads), g.kv_heads = narrow(a.kv_heads), g.group = narrow(a.group());
  g.queries = narrow(a.queries), g.past = narrow(a.past), g.keys = narrow(a.keys);
  narrow(a.group() * a.queries);
  g.width = narrow(a.width), g.v_width = narrow(a.v_width), g.mask_keys = narrow(a.mask_keys);
  auto window = [](int64_t n) { return static_cast<int32_t>(std::min<int64_t>(n, 1 << 30)); };
  g.left = window(a.left_window), g.right = window(a.right_window);
  g.causal = a.causal;
  g.masked = o.mask.data != nullptr;
  g.mask_type = a.mask_type;
  g.qk_mode = static_cast<int32_t>(a.qk_mode);
  g.node = args.node();
  g.scale = a.scale, g.softcap = a.softcap, g.empty_row = a.empty_row;
  auto fits = [](const cuda::Buffer& at, const DeviceStrides& s, int64_t width) {
    return VectorsFit<T>(at.data, s.batch) && VectorsFit<T>(at.data, s.head) && VectorsFit<T>(at.data, s.row) &&
           VectorsFit<T>(at.data, width);
  };
  g.vectors = fits(o.q, g.q, a.width) && fits(o.k, g.k, a.width) && fits(o.v, g.v, a.v_width) &&
              fits(o.past_k, g.past_k, a.width) && fits(o.past_v, g.past_v, a.v_width);
  g.y_vectors = fits(o.y, g.y, a.v_width);
  return g;
}

template <class T>
void RunTiles(const LaunchArgs& args, const Problem& a, const DeviceOperands& o, const Geometry& g,
              cuda::Buffer workspace) {
  const Splits splits(a);
  const int64_t blocks = splits.count * splits.tiles * a.kv_heads * a.batch;
  const cuda::Buffer partial{workspace.data, splits.bytes(a)};
  auto run = [&](auto kernel) {
    cuda::Launch(args, {.grid = {BlocksFor(blocks, 1)}, .block = {kThreads}}, kernel, o.q, o.k, o.v, o.past_k, o.past_v,
                 o.mask, o.sink, o.counts, o.last_keys, o.y, partial, StatusOf(args), g,
                 static_cast<int32_t>(splits.count), static_cast<int32_t>(splits.keys));
  };
  if (splits.rows_per_tile == kRowGroups)
    run(Tiles<T, 1, 4>);
  else
    a.v_width <= kDepth ? run(Tiles<T, 4, 1>) : a.v_width <= 2 * kDepth ? run(Tiles<T, 4, 2>) : run(Tiles<T, 4, 4>);
  if (splits.count > 1)
    cuda::Launch(args, {.grid = {BlocksFor(a.batch * a.q_heads * a.queries, 1)}, .block = {kThreads}}, Combine<T>,
                 partial, o.sink, o.y, g, static_cast<int32_t>(splits.count));
}

}  // namespace

size_t DeviceEngineBytes(const Problem& a, DType type) { return Tiled(a, type) ? Splits(a).bytes(a) : 0; }

void RunDeviceEngine(const LaunchArgs& args, const Problem& a, DType type, const DeviceOperands& o,
                     cuda::Buffer workspace) {
  if (a.batch * a.q_heads * a.queries == 0) return;
  WithReal(type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const Geometry g = GeometryOf<T>(args, a, o);
    if constexpr (!std::is_same_v<T, double>) {
      if (Tiled(a, type)) return RunTiles<T>(args, a, o, g, workspace);
    }
    cuda::Launch(args, {.grid = {BlocksFor(a.batch * a.q_heads * a.queries, 1)}, .block = {kThreads}}, Rows<T>, o.q,
                 o.k, o.v, o.past_k, o.past_v, o.mask, o.sink, o.counts, o.last_keys, o.y, o.qk, StatusOf(args), g);
  });
}

}  // namespace onda::attention
