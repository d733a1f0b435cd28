// Strided copies on the device: what Transpose, Slice, Expand, Tile, Concat and Split come down to.
//   MoveElements  a thread per element of the result
//   MoveTiles     planes whose source runs along another dimension than the result: 32 x 32 tiles through shared
//   memory,
//                 so that reads and writes are both of neighbours
#ifndef ONDA_KERNELS_DEVICE_STRIDED_COPY_H_
#define ONDA_KERNELS_DEVICE_STRIDED_COPY_H_

#include <cstdint>

#include "kernels/device/element.h"
#include "kernels/device/index.h"
#include "kernels/simd/strided_copy.h"
#include "providers/cuda/device.h"

namespace onda::cuda {

inline constexpr int kMoveThreads = 256, kTile = 32, kTileRows = 8;

// To is Out or InOut. strides: of the source, and of the result.
template <class T, class To>
__global__ void __launch_bounds__(kMoveThreads)
    MoveElements(In<T> x, To y, int64_t n, Strides<2> strides, int64_t from, int64_t to) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t at[2] = {from, to};
  strides.Offsets(static_cast<uint32_t>(i), at);
  y[at[1]] = x[at[0]];
}

// y[plane, r, c] = x[plane * x_plane + from + r + c * x_column]; y is (planes, rows, columns) with y_row between rows.
template <class T, class To>
__global__ void __launch_bounds__(kTile* kTileRows)
    MoveTiles(In<T> x, To y, int64_t rows, int64_t columns, int64_t x_plane, int64_t x_column, int64_t y_plane,
              int64_t y_row, int64_t from, int64_t to) {
  __shared__ T tile[kTile][kTile + 1];
  const int64_t row = int64_t{blockIdx.x} * kTile, column = int64_t{blockIdx.y} * kTile;
  const int64_t x_at = blockIdx.z * x_plane + from, y_at = blockIdx.z * y_plane + to;
  for (int k = threadIdx.y; k < kTile; k += kTileRows)
    if (column + k < columns && row + threadIdx.x < rows)
      tile[k][threadIdx.x] = x[x_at + row + threadIdx.x + (column + k) * x_column];
  __syncthreads();
  for (int k = threadIdx.y; k < kTile; k += kTileRows)
    if (row + k < rows && column + threadIdx.x < columns)
      y[y_at + (row + k) * y_row + column + threadIdx.x] = tile[threadIdx.x][k];
}

// Runs a copy whose source lies in x and whose destination in y. partial: other elements of y are to stay.
inline void MoveStrided(const LaunchArgs& args, const StridedCopy& copy, const TensorView& x, const TensorView& y,
                        bool partial = false) {
  // Dimensions along which both sides go on are merged; innermost first.
  Strides<2> strides{};
  int64_t lengths[kMaxMergedRank] = {1};
  int64_t n = 1;
  for (size_t i = copy.dims.size(); i-- > 0;) {
    const int64_t dim = copy.dims[i], from = copy.src_strides[i], to = copy.dst_strides[i];
    n *= dim;
    if (dim == 1) continue;
    const int last = strides.rank - 1;
    if (last >= 0 && from == lengths[last] * strides.stride[last][0] && to == lengths[last] * strides.stride[last][1]) {
      lengths[last] *= dim;
      continue;
    }
    if (strides.rank == kMaxMergedRank)
      throw Error(ErrorCode::kNotImplemented, "moving elements along more than 8 dimensions on CUDA");
    strides.stride[strides.rank][0] = from;
    strides.stride[strides.rank][1] = to;
    lengths[strides.rank++] = dim;
  }
  if (n == 0) return;
  if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "moving 2^31 elements or more on CUDA");
  if (strides.rank == 0) strides.rank = 1;
  for (int d = 0; d < strides.rank; ++d) strides.dims[d] = Divider(lengths[d]);
  const auto& s = strides.stride;
  const bool tiles = (strides.rank == 2 || (strides.rank == 3 && lengths[2] < 65536)) && s[0][1] == 1 && s[1][0] == 1 &&
                     s[0][0] > 1 && lengths[0] >= 16 && lengths[1] >= 16 && lengths[0] < int64_t{65535} * kTile;
  WithSize(copy.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    auto run = [&]<class To>(TypeTag<To>) {
      if (!tiles) {
        Launch(args, {.grid = {BlocksFor(n, kMoveThreads)}, .block = {kMoveThreads}}, MoveElements<T, To>, x, y, n,
               strides, copy.src_offset, copy.dst_offset);
        return;
      }
      const uint32_t planes = strides.rank == 3 ? static_cast<uint32_t>(lengths[2]) : 1;
      Launch(
          args,
          {.grid = {BlocksFor(lengths[1], kTile), BlocksFor(lengths[0], kTile), planes}, .block = {kTile, kTileRows}},
          MoveTiles<T, To>, x, y, lengths[1], lengths[0], s[2][0], s[0][0], s[2][1], s[1][1], copy.src_offset,
          copy.dst_offset);
    };
    partial ? run(TypeTag<InOut<T>>()) : run(TypeTag<Out<T>>());
  });
}

// Whether elements can be moved one by one.
inline std::string RejectsMove(const NodeView& node) {
  const DType type = node.input(0).type();
  return BitsOf(type) >= 8 && type != DType::kString ? "" : "not for " + std::string(NameOf(type));
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_STRIDED_COPY_H_
