// Copies between two strided arrays: what Transpose, Slice, Expand, Tile, Concat, Split and their like come down to.
#ifndef ONDA_KERNELS_SIMD_STRIDED_COPY_H_
#define ONDA_KERNELS_SIMD_STRIDED_COPY_H_

#include <cstdint>
#include <span>

#include "onda/provider.h"

namespace onda {

// Ranks that movement kernels work with.
inline constexpr int kMaxMoveRank = 32;

// Row-major strides of dims, in elements.
struct Strides {
  int64_t at[kMaxMoveRank] = {};
  explicit Strides(std::span<const int64_t> dims) {
    if (dims.size() > kMaxMoveRank)
      throw Error(ErrorCode::kNotImplemented, "tensors of rank above " + std::to_string(kMaxMoveRank));
    int64_t stride = 1;
    for (size_t i = dims.size(); i-- > 0; stride *= dims[i]) at[i] = stride;
  }
  operator std::span<const int64_t>() const { return {at, kMaxMoveRank}; }  // NOLINT: reads like the array it is
};

// dst[dst_offset + sum(i * dst_strides)] = src[src_offset + sum(i * src_strides)] for every index i below dims. All are
// counted in elements; source strides may be zero or negative. Source and destination must not overlap, and no two
// indices may have the same destination.
struct StridedCopy {
  DType dtype;
  std::span<const int64_t> dims;
  const void* src;
  int64_t src_offset;
  std::span<const int64_t> src_strides;
  void* dst;
  int64_t dst_offset;
  std::span<const int64_t> dst_strides;

  // Runs of contiguous elements are block copies, transposed planes go by tiles, the work is shared among the threads.
  void Run(const LaunchArgs& args) const;
  // Element by element: what Run is held to.
  void RunPlainly() const;
};

// to = from, of the same type and count; nothing where they are the same memory.
void CopyTensor(const LaunchArgs& args, const TensorView& from, const TensorView& to);

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_STRIDED_COPY_H_
