#include "kernels/simd/strided_copy.h"

#include <algorithm>
#include <type_traits>

#include "kernels/simd/elements.h"
#include "kernels/simd/stop_poll.h"
#include "kernels/simd/transpose.h"

namespace onda {

namespace {

// Elements that one thread should at least have to move.
constexpr int64_t kGrainBytes = 65536;

// A strided copy without dimensions of one element, the destination's order outermost to innermost, with neighbours
// merged where both sides allow it.
struct Loops {
  int rank = 0;
  int64_t dims[kMaxMoveRank], src[kMaxMoveRank], dst[kMaxMoveRank];

  explicit Loops(const StridedCopy& c) {
    if (c.dims.size() > kMaxMoveRank)
      throw Error(ErrorCode::kNotImplemented, "tensors of rank above " + std::to_string(kMaxMoveRank));
    for (size_t i = 0; i < c.dims.size(); ++i) {
      if (c.dims[i] == 1) continue;
      int at = rank++;
      for (; at > 0 && dst[at - 1] < c.dst_strides[i]; --at)
        dims[at] = dims[at - 1], src[at] = src[at - 1], dst[at] = dst[at - 1];
      dims[at] = c.dims[i], src[at] = c.src_strides[i], dst[at] = c.dst_strides[i];
    }
    for (int i = 1; i < rank;) {
      if (src[i - 1] == src[i] * dims[i] && dst[i - 1] == dst[i] * dims[i]) {
        dims[i] *= dims[i - 1];
        Remove(i - 1);
      } else {
        ++i;
      }
    }
  }

  int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dims[i];
    return n;
  }
  void Remove(int at) {
    for (int i = at; i + 1 < rank; ++i) dims[i] = dims[i + 1], src[i] = src[i + 1], dst[i] = dst[i + 1];
    --rank;
  }
};

// Walks the indices of the first `rank` loops in row-major order, with the offsets that belong to them.
struct Walk {
  const Loops& loops;
  int rank;
  int64_t index[kMaxMoveRank];
  int64_t src, dst;

  Walk(const Loops& l, int r, int64_t at, int64_t src_offset, int64_t dst_offset)
      : loops(l), rank(r), src(src_offset), dst(dst_offset) {
    for (int i = rank; i-- > 0;) {
      index[i] = at % loops.dims[i];
      at /= loops.dims[i];
      src += index[i] * loops.src[i];
      dst += index[i] * loops.dst[i];
    }
  }
  void Next() {
    for (int i = rank; i-- > 0;) {
      src += loops.src[i];
      dst += loops.dst[i];
      if (++index[i] < loops.dims[i]) return;
      src -= loops.src[i] * loops.dims[i];
      dst -= loops.dst[i] * loops.dims[i];
      index[i] = 0;
    }
  }
};

template <class T>
void InnerLoop(const T* src, int64_t src_stride, T* dst, int64_t dst_stride, int64_t n) {
  if (src_stride == 1 && dst_stride == 1) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      std::memcpy(dst, src, static_cast<size_t>(n) * sizeof(T));
    } else {
      std::copy(src, src + n, dst);
    }
  } else if (src_stride == 0 && dst_stride == 1) {
    std::fill(dst, dst + n, *src);
  } else if (dst_stride == 1) {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i * src_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i * dst_stride] = src[i * src_stride];
  }
}

template <class T>
void RunAs(const Loops& loops, const StridedCopy& c, const LaunchArgs& args) {
  const T* src = static_cast<const T*>(c.src);
  T* dst = static_cast<T*>(c.dst);
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / static_cast<int64_t>(sizeof(T)));
  if (loops.rank == 0) {
    dst[c.dst_offset] = src[c.src_offset];
    return;
  }
  const int last = loops.rank - 1;
  if constexpr (std::is_integral_v<T>) {
    // The innermost destination runs along one dimension, the innermost source along another: planes to transpose.
    if (loops.src[last] != 1 && loops.src[last] != 0 && loops.dst[last] == 1) {
      int along = -1;
      for (int i = 0; i < last; ++i)
        if (loops.src[i] == 1) along = i;
      if (along >= 0 && loops.dims[along] >= 4) {
        Loops outer = loops;
        const int64_t rows = loops.dims[along], columns = loops.dims[last];
        const int64_t src_step = loops.src[last], dst_step = loops.dst[along];
        outer.Remove(last);
        outer.Remove(along);
        // Rows of one band: a source cache line, more where the rows are short.
        const int64_t band_rows = 64 / static_cast<int64_t>(sizeof(T)) * std::max<int64_t>(1, 64 / columns);
        const int64_t bands = (rows + band_rows - 1) / band_rows;
        args.ParallelFor(outer.count() * bands, std::max<int64_t>(1, grain / (band_rows * columns)),
                         [&](int64_t begin, int64_t end) {
                           Walk walk(outer, outer.rank, begin / bands, c.src_offset, c.dst_offset);
                           for (int64_t i = begin, band = begin % bands; i < end; ++i) {
                             const int64_t row = band * band_rows;
                             TransposePlane(src + walk.src + row, src_step, dst + walk.dst + row * dst_step, dst_step,
                                            std::min(band_rows, rows - row), columns);
                             if (++band == bands) band = 0, walk.Next();
                           }
                         });
        return;
      }
    }
  }
  const int64_t n = loops.dims[last];
  args.ParallelFor(loops.count(), grain, [&](int64_t begin, int64_t end) {
    Walk walk(loops, last, begin / n, c.src_offset, c.dst_offset);
    for (int64_t at = begin % n; begin < end; at = 0, walk.Next()) {
      const int64_t run = std::min(n - at, end - begin);
      InnerLoop(src + walk.src + at * loops.src[last], loops.src[last], dst + walk.dst + at * loops.dst[last],
                loops.dst[last], run);
      begin += run;
    }
  });
}

// Packed types: whole bytes where the runs allow it, else element by element (neighbours share bytes: one thread).
void RunPacked(Loops& loops, const StridedCopy& c, const LaunchArgs& args) {
  const int bits = BitsOf(c.dtype);
  const int64_t per_byte = 8 / bits;
  const int last = loops.rank - 1;
  bool whole = loops.rank > 0 && loops.src[last] == 1 && loops.dst[last] == 1 && loops.dims[last] % per_byte == 0 &&
               c.src_offset % per_byte == 0 && c.dst_offset % per_byte == 0;
  for (int i = 0; i < last; ++i) whole = whole && loops.src[i] % per_byte == 0 && loops.dst[i] % per_byte == 0;
  if (whole) {
    StridedCopy bytes = c;
    bytes.src_offset /= per_byte;
    bytes.dst_offset /= per_byte;
    loops.dims[last] /= per_byte;
    for (int i = 0; i < last; ++i) loops.src[i] /= per_byte, loops.dst[i] /= per_byte;
    RunAs<uint8_t>(loops, bytes, args);
    return;
  }
  const int64_t n = loops.count();
  Walk walk(loops, loops.rank, 0, c.src_offset, c.dst_offset);
  StopPoll poll(args);
  for (int64_t i = 0; i < n; ++i, walk.Next()) {
    poll.Work(4);
    StorePacked(c.dst, bits, walk.dst, LoadPacked(c.src, bits, walk.src));
  }
}

}  // namespace

void StridedCopy::Run(const LaunchArgs& args) const {
  for (int64_t d : dims)
    if (d == 0) return;
  Loops loops(*this);
  if (dtype == DType::kString) return RunAs<std::string>(loops, *this, args);
  switch (BitsOf(dtype)) {
    case 8:
      return RunAs<uint8_t>(loops, *this, args);
    case 16:
      return RunAs<uint16_t>(loops, *this, args);
    case 32:
      return RunAs<uint32_t>(loops, *this, args);
    case 64:
      return RunAs<uint64_t>(loops, *this, args);
    case 128:
      return RunAs<Bytes16>(loops, *this, args);
    default:
      return RunPacked(loops, *this, args);
  }
}

void StridedCopy::RunPlainly() const {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  for (int64_t at = 0; at < n; ++at) {
    int64_t from = src_offset, to = dst_offset, rest = at;
    for (size_t i = dims.size(); i-- > 0; rest /= dims[i]) {
      from += rest % dims[i] * src_strides[i];
      to += rest % dims[i] * dst_strides[i];
    }
    CopyElement(dtype, src, from, dst, to);
  }
}

void CopyTensor(const LaunchArgs& args, const TensorView& from, const TensorView& to) {
  if (from.data == to.data) return;
  const int64_t count = from.count(), one = 1;
  if (BitsOf(from.type()) < 8 && from.type() != DType::kString)
    return CopyRun(from.type(), from.data, 0, to.data, 0, count);
  StridedCopy{from.type(), {&count, 1}, from.data, 0, {&one, 1}, to.data, 0, {&one, 1}}.Run(args);
}

}  // namespace onda
