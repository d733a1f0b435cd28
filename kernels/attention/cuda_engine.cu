// Attention over any mask, window, cache and grouping, with fp32 accumulation (fp64 for double).
//   Tiles    a block takes rows of all query heads that share a key head against 64 keys at a time: scores, their
//            running maximum and sum, and the result stay in registers ("FlashAttention-2", Dao 2023). Where that gives
//            too few blocks, as in decoding, the keys are split among several.
//   Combine  joins the results of such splits
//   Rows     what is left (cuda_rows.cu)
#include "kernels/attention/cuda_geometry.h"
#include "kernels/device/warp.h"

namespace onda::attention {
namespace {

using namespace cuda;

constexpr int kThreads = 128, kKeys = 64, kDepth = 64, kStride = kDepth + 4;
constexpr int kLanes = 16;  // threads that share the rows of a tile
constexpr int kRowGroups = kThreads / kLanes;
constexpr int64_t kMaxTiledWidth = 256;  // of values
constexpr int64_t kWantedBlocks = 264;   // two for each multiprocessor of an H100
constexpr int64_t kMaxSplits = 64;

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
  if (!Tiled(a, type)) return RunRows(args, a, type, o);
  WithReal(type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    if constexpr (!std::is_same_v<T, double>) RunTiles<T>(args, a, o, GeometryOf<T>(args, a, o), workspace);
  });
}

}  // namespace onda::attention
