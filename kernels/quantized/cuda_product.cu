// Products and convolutions of 8-bit tensors, exact in int32: MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv.
//   Tiles    64 x 64 results a block, four bytes to an instruction. A convolution is the product of its weights
//            (out channels, channels * window) and of the patches of its input, which are gathered on the way in.
//   Windows  a thread per result, for convolutions of few output channels a group
// Bytes are taken as signed, their zero points moved along; with l and r such bytes and K their number,
//   sum (l - zl) (r - zr) = sum l r - zl sum r - zr sum l + K zl zr.
#include "kernels/device/number.h"
#include "kernels/device/target.h"
#include "kernels/matmul/matmul.h"
#include "kernels/quantized/cuda_product.h"
#include "kernels/quantized/quantized.h"
#include "kernels/window/window.h"
#include "providers/cuda/device.h"

namespace onda::quantized {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kTile = 64, kWords = 8, kDepth = 4 * kWords;  // bytes of a step along K
constexpr int kMaxSpatialOnDevice = 3;
constexpr int64_t kFewChannels = 8;

// Which of a list of scales or zero points holds for a row or column: one for all, one by the place in a matrix, or one
// by the place in all of them.
struct Selector {
  bool single = true, within = false;
  explicit Selector(const TensorView& t) : single(!t.present() || t.count() == 1), within(t.rank == 1) {}
  Selector() = default;
  __device__ int64_t At(int64_t within_index, int64_t whole_index) const {
    return single ? 0 : within ? within_index : whole_index;
  }
};

// Results (batch, m, n): left (m, k) times right (k, n).
struct Geometry {
  int64_t m, n, k, tiles_m, tiles_n;
  bool left_signed, right_signed, y_signed;
  // Products.
  int64_t left_row, left_col, right_row, right_col, rows;  // rows: of a matrix of A, for scales
  int32_t rank;
  int64_t extent[matmul::Product::kMaxRank], left_stride[matmul::Product::kMaxRank],
      right_stride[matmul::Product::kMaxRank];
  Selector left_zero, right_zero, left_scale, right_scale, y_scale, y_zero;
  DType scale_type, right_scale_type, y_scale_type;
  // Convolutions; missing axes come first, of extent 1.
  int64_t groups, in_channels, in_size;
  int32_t in[kMaxSpatialOnDevice], out[kMaxSpatialOnDevice], kernel[kMaxSpatialOnDevice], stride[kMaxSpatialOnDevice],
      dilation[kMaxSpatialOnDevice], pad[kMaxSpatialOnDevice];
};

// A byte as signed: unsigned ones lose 128.
__device__ int32_t Signed(uint8_t byte, bool is_signed) {
  return is_signed ? static_cast<int8_t>(byte) : static_cast<int32_t>(byte) - 128;
}

// Where a result's column of a convolution reads: the patch's corner.
struct Corner {
  int32_t at[kMaxSpatialOnDevice];
};
__device__ Corner CornerOf(const Geometry& g, int64_t position) {
  Corner c;
#pragma unroll
  for (int d = kMaxSpatialOnDevice; d-- > 0;) {
    c.at[d] = static_cast<int32_t>(position % g.out[d]) * g.stride[d] - g.pad[d];
    position /= g.out[d];
  }
  return c;
}
// The offset of tap `tap` in a channel of the input; -1 in the padding.
__device__ int64_t TapAt(const Geometry& g, const Corner& c, int32_t tap) {
  int64_t offset = 0, step = 1;
  bool inside = true;
#pragma unroll
  for (int d = kMaxSpatialOnDevice; d-- > 0;) {
    const int32_t i = c.at[d] + tap % g.kernel[d] * g.dilation[d];
    tap /= g.kernel[d];
    inside = inside && i >= 0 && i < g.in[d];
    offset += i * step;
    step *= g.in[d];
  }
  return inside ? offset : -1;
}

struct Scales {
  const uint8_t *left, *right, *y, *y_zero;
};

// Writes one result. row and column within the matrix; left_row and right_matrix count over all of A and B.
template <bool kLinear>
__device__ void Store(const Geometry& g, const Scales& s, uint8_t* y, int64_t at, int32_t sum, int64_t left_within,
                      int64_t left_row, int64_t right_within, int64_t right_whole, int64_t y_within, int64_t y_row) {
  if constexpr (!kLinear) {
    reinterpret_cast<int32_t*>(y)[at] = sum;
  } else {
    const float factor = LoadNumber<float>(g.scale_type, s.left, g.left_scale.At(left_within, left_row)) *
                         LoadNumber<float>(g.right_scale_type, s.right, g.right_scale.At(right_within, right_whole)) /
                         LoadNumber<float>(g.y_scale_type, s.y, g.y_scale.At(y_within, y_row));
    float q = rintf(static_cast<float>(sum) * factor);
    if (s.y_zero) {
      const uint8_t zero = s.y_zero[g.y_zero.At(y_within, y_row)];
      q += static_cast<float>(g.y_signed ? static_cast<int8_t>(zero) : static_cast<int32_t>(zero));
    }
    const float low = g.y_signed ? -128.0f : 0.0f;
    y[at] = static_cast<uint8_t>(q != q ? 0 : static_cast<int32_t>(fminf(fmaxf(q, low), low + 255)));
  }
}

template <bool kConv, bool kLinear>
__global__ void __launch_bounds__(kThreads)
    Tiles(In<uint8_t> left, In<uint8_t> right, In<uint8_t> left_zero, In<uint8_t> right_zero, In<uint8_t> left_scale,
          In<uint8_t> right_scale, In<uint8_t> y_scale, In<uint8_t> y_zero, In<int32_t> bias, Out<uint8_t> y,
          Geometry g) {
  __shared__ int32_t left_tile[kTile][kWords + 1], right_tile[kTile][kWords + 1];
  const int64_t block = blockIdx.x, tiles = g.tiles_m * g.tiles_n, item = block / tiles;
  const int64_t first_row = block % tiles / g.tiles_n * kTile, first_column = block % g.tiles_n * kTile;
  int64_t left_at = 0, right_at = 0;
  const int64_t group = kConv ? item % g.groups : 0;
  if constexpr (kConv) {
    left_at = group * g.m * g.k;
    right_at = item * g.in_channels * g.in_size;
  } else {
    int64_t rest = item;
    for (int d = g.rank - 1; d >= 0; --d) {
      left_at += rest % g.extent[d] * g.left_stride[d];
      right_at += rest % g.extent[d] * g.right_stride[d];
      rest /= g.extent[d];
    }
  }
  const int32_t kernel_size = kConv ? g.kernel[0] * g.kernel[1] * g.kernel[2] : 1;
  const uint8_t padding = right_zero ? right_zero[0] : 0;
  auto left_byte = [&](int64_t row, int64_t k) -> int32_t {
    if (row >= g.m || k >= g.k) return 0;
    return Signed(left[left_at + (kConv ? row * g.k + k : row * g.left_row + k * g.left_col)], g.left_signed);
  };
  // A thread loads words of one column alone.
  const int64_t my_column = first_column + threadIdx.x % kTile;
  const Corner corner = kConv && my_column < g.n ? CornerOf(g, my_column) : Corner{};
  auto right_byte = [&](int64_t k) -> int32_t {
    if (my_column >= g.n || k >= g.k) return 0;
    if constexpr (!kConv) {
      return Signed(right[right_at + k * g.right_row + my_column * g.right_col], g.right_signed);
    } else {
      const int64_t at = TapAt(g, corner, static_cast<int32_t>(k % kernel_size));
      return Signed(at < 0 ? padding : right[right_at + k / kernel_size * g.in_size + at], g.right_signed);
    }
  };
  auto word_of = [](auto byte) {
    uint32_t word = 0;
    for (int b = 0; b < 4; ++b) word |= (static_cast<uint32_t>(byte(b)) & 255u) << (8 * b);
    return static_cast<int32_t>(word);
  };
  const int lane = static_cast<int>(threadIdx.x) % 16, row = static_cast<int>(threadIdx.x) / 16 * 4;
  constexpr int kOnes = 0x01010101;
  int32_t sum[4][4] = {}, left_sum[4] = {}, right_sum[4] = {};
  for (int64_t k = 0; k < g.k; k += kDepth) {
    for (int t = static_cast<int>(threadIdx.x); t < kTile * kWords; t += kThreads) {
      const int r = t / kWords, w = t % kWords;
      left_tile[r][w] = word_of([&](int b) { return left_byte(first_row + r, k + 4 * w + b); });
      const int word = t / kTile;
      right_tile[t % kTile][word] = word_of([&](int b) { return right_byte(k + 4 * word + b); });
    }
    __syncthreads();
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      int32_t a[4], b[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        a[i] = left_tile[row + i][w];
        b[i] = right_tile[lane + 16 * i][w];
        left_sum[i] = __dp4a(a[i], kOnes, left_sum[i]);
        right_sum[i] = __dp4a(b[i], kOnes, right_sum[i]);
      }
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] = __dp4a(a[i], b[j], sum[i][j]);
    }
    __syncthreads();
  }
  const Scales scales{left_scale.data, right_scale.data, y_scale.data, y_zero.data};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int64_t r = first_row + row + i;
    if (r >= g.m) continue;
    // Rows of A over all its matrices; output channels of a convolution.
    const int64_t whole_row = kConv ? group * g.m + r : (g.k > 0 ? left_at / g.k : 0) + r;
    const int64_t y_row = kConv ? whole_row : item * g.m + r;
    const int64_t row_within = kConv ? whole_row : whole_row % g.rows;
    const int32_t zl = left_zero       ? Signed(left_zero[g.left_zero.At(row_within, whole_row)], g.left_signed)
                       : g.left_signed ? 0
                                       : -128;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int64_t c = first_column + lane + 16 * j;
      if (c >= g.n) continue;
      const int64_t matrix = kConv || g.k * g.n == 0 ? 0 : right_at / (g.k * g.n);
      const int32_t zr = right_zero       ? Signed(right_zero[g.right_zero.At(c, matrix * g.n + c)], g.right_signed)
                         : g.right_signed ? 0
                                          : -128;
      // In unsigned arithmetic, which may wrap as int32 results do.
      uint32_t total = static_cast<uint32_t>(sum[i][j]) -
                       static_cast<uint32_t>(zl) * static_cast<uint32_t>(right_sum[j]) -
                       static_cast<uint32_t>(zr) * static_cast<uint32_t>(left_sum[i]) +
                       static_cast<uint32_t>(g.k) * static_cast<uint32_t>(zl) * static_cast<uint32_t>(zr);
      if (bias) total += static_cast<uint32_t>(bias[whole_row]);
      Store<kLinear>(g, scales, y.data, (item * g.m + r) * g.n + c, static_cast<int32_t>(total), row_within, whole_row,
                     c, matrix * g.n + c, kConv ? whole_row : y_row % g.rows, y_row);
    }
  }
}

template <bool kLinear>
__global__ void __launch_bounds__(kThreads)
    Windows(In<uint8_t> w, In<uint8_t> x, In<uint8_t> w_zero, In<uint8_t> x_zero, In<uint8_t> w_scale,
            In<uint8_t> x_scale, In<uint8_t> y_scale, In<uint8_t> y_zero, In<int32_t> bias, Out<uint8_t> y,
            int64_t count, Geometry g) {
  const int64_t i = GlobalThread();
  if (i >= count) return;
  const int64_t position = i % g.n, channel = i / g.n % (g.groups * g.m), item = i / g.n / (g.groups * g.m);
  const int32_t zw = w_zero          ? Signed(w_zero[g.left_zero.At(channel, channel)], g.left_signed)
                     : g.left_signed ? 0
                                     : -128;
  const int32_t zx = x_zero ? Signed(x_zero[0], g.right_signed) : g.right_signed ? 0 : -128;
  const Corner corner = CornerOf(g, position);
  const int32_t kernel_size = g.kernel[0] * g.kernel[1] * g.kernel[2];
  const uint8_t* const from = x.data + (item * g.groups + channel / g.m) * g.in_channels * g.in_size;
  const uint8_t* const weights = w.data + channel * g.k;
  uint32_t sum = bias ? static_cast<uint32_t>(bias[channel]) : 0;
  for (int32_t tap = 0; tap < kernel_size; ++tap) {
    const int64_t at = TapAt(g, corner, tap);
    if (at < 0) continue;
    for (int64_t c = 0; c < g.in_channels; ++c)
      sum += static_cast<uint32_t>((Signed(from[c * g.in_size + at], g.right_signed) - zx) *
                                   (Signed(weights[c * kernel_size + tap], g.left_signed) - zw));
  }
  const Scales scales{w_scale.data, x_scale.data, y_scale.data, y_zero.data};
  Store<kLinear>(g, scales, y.data, i, static_cast<int32_t>(sum), channel, channel, 0, 0, channel, channel);
}

bool IsByte(DType type) { return type == DType::kInt8 || type == DType::kUint8; }

template <bool kLinear>
class Kernel {
 protected:
  static constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;
  static const TensorView& At(const LaunchArgs& args, int i) { return args.input(i < 0 ? args.input_count() : i); }

  static std::string RejectsTypes(const NodeView& node) {
    for (int i : {kIn.a, kIn.b})
      if (!IsByte(node.input(i).type())) return "not for " + std::string(NameOf(node.input(i).type()));
    for (int i : {kIn.a_zero, kIn.b_zero})
      if (node.input(i).present() && node.input(i).type() != node.input(i == kIn.a_zero ? kIn.a : kIn.b).type())
        return "only zero points of their operand's type";
    if (kLinear && !IsByte(node.output(0).type())) return "not to " + std::string(NameOf(node.output(0).type()));
    return "";
  }

  static Geometry Common(const LaunchArgs& args, const TensorView& left, const TensorView& right, int left_scale,
                         int right_scale) {
    Geometry g{};
    g.left_signed = left.type() == DType::kInt8;
    g.right_signed = right.type() == DType::kInt8;
    g.y_signed = args.output(0).type() == DType::kInt8;
    if (kLinear) {
      g.scale_type = args.input(left_scale).type();
      g.right_scale_type = args.input(right_scale).type();
      g.y_scale_type = args.input(kIn.y_scale).type();
      g.left_scale = Selector(args.input(left_scale));
      g.right_scale = Selector(args.input(right_scale));
      g.y_scale = Selector(args.input(kIn.y_scale));
      g.y_zero = Selector(args.input(kIn.y_zero));
    }
    return g;
  }
};

template <bool kLinear>
class MatMulCuda : Kernel<kLinear> {
  using Base = Kernel<kLinear>;

 public:
  explicit MatMulCuda(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return Base::RejectsTypes(node); }

  void Launch(const LaunchArgs& args) const {
    constexpr ProductInputs kIn = Base::kIn;
    const TensorView &a = args.input(kIn.a), &b = args.input(kIn.b), &y = args.output(0);
    if (y.count() == 0) return;
    const matmul::Product p = matmul::MakeProduct(matmul::MatMulParams(Attributes()), a.shape(), b.shape());
    Geometry g = Base::Common(args, a, b, kIn.a_scale, kIn.b_scale);
    g.m = p.m, g.n = p.n, g.k = p.k;
    g.tiles_m = (p.m + kTile - 1) / kTile, g.tiles_n = (p.n + kTile - 1) / kTile;
    g.left_row = p.a_row, g.left_col = p.a_col, g.right_row = p.b_row, g.right_col = p.b_col;
    g.rows = a.rank < 2 ? 1 : a.dim(a.rank - 2);
    g.rank = p.rank;
    for (int i = 0; i < p.rank; ++i) {
      const size_t at = static_cast<size_t>(i);
      g.extent[i] = p.extent[at], g.left_stride[i] = p.a_stride[at], g.right_stride[i] = p.b_stride[at];
    }
    g.left_zero = Selector(Base::At(args, kIn.a_zero)), g.right_zero = Selector(Base::At(args, kIn.b_zero));
    cuda::Launch(args, {.grid = {BlocksFor(g.tiles_m * g.tiles_n * p.batch(), 1)}, .block = {kThreads}},
                 Tiles<false, kLinear>, a, b, Base::At(args, kIn.a_zero), Base::At(args, kIn.b_zero),
                 Base::At(args, kIn.a_scale), Base::At(args, kIn.b_scale), Base::At(args, kIn.y_scale),
                 Base::At(args, kIn.y_zero), TensorView{}, y, g);
  }
};

template <bool kLinear>
class ConvCuda : Kernel<kLinear> {
  using Base = Kernel<kLinear>;

 public:
  explicit ConvCuda(const NodeView& node) : params_(node.attributes()), groups_(node.attributes().Int("group", 1)) {}

  static std::string Rejects(const NodeView& node) {
    const int rank = node.input(Base::kIn.a).rank;
    if (rank < 3 || rank > 2 + kMaxSpatialOnDevice) return "only one to three spatial dimensions";
    return Base::RejectsTypes(node);
  }

  void Launch(const LaunchArgs& args) const {
    constexpr ProductInputs kIn = Base::kIn;
    const TensorView &x = args.input(kIn.a), &w = args.input(kIn.b), &y = args.output(0);
    if (y.count() == 0) return;
    const window::Window window =
        window::Resolve(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    Geometry g = Base::Common(args, w, x, kIn.b_scale, kIn.a_scale);
    g.groups = groups_;
    g.m = y.dim(1) / groups_, g.n = y.count(2, y.rank);
    g.in_channels = w.dim(1), g.in_size = x.count(2, x.rank);
    g.k = g.in_channels * w.count(2, w.rank);
    g.tiles_m = (g.m + kTile - 1) / kTile, g.tiles_n = (g.n + kTile - 1) / kTile;
    for (int i = 0; i < kMaxSpatialOnDevice; ++i) {
      const int from = i - (kMaxSpatialOnDevice - window.rank);
      const window::Axis a = from < 0 ? window::Axis{} : window[from];
      for (const int64_t n : {a.in, a.out * a.stride, a.kernel * a.dilation, a.pad_begin})
        if (n > INT32_MAX / 4) throw Error(ErrorCode::kNotImplemented, "windows over 2^29 positions or more on CUDA");
      g.in[i] = static_cast<int32_t>(a.in), g.out[i] = static_cast<int32_t>(a.out);
      g.kernel[i] = static_cast<int32_t>(a.kernel), g.stride[i] = static_cast<int32_t>(a.stride);
      g.dilation[i] = static_cast<int32_t>(a.dilation), g.pad[i] = static_cast<int32_t>(a.pad_begin);
    }
    g.left_zero = Selector(Base::At(args, kIn.b_zero));
    g.right_zero = Selector();
    const TensorView &wz = Base::At(args, kIn.b_zero), &xz = Base::At(args, kIn.a_zero),
                     &ws = Base::At(args, kIn.b_scale), &xs = Base::At(args, kIn.a_scale),
                     &ys = Base::At(args, kIn.y_scale), &yz = Base::At(args, kIn.y_zero),
                     &bias = Base::At(args, kIn.bias);
    if (g.m < kFewChannels) {
      cuda::Launch(args, {.grid = {BlocksFor(y.count(), kThreads)}, .block = {kThreads}}, Windows<kLinear>, w, x, wz,
                   xz, ws, xs, ys, yz, bias, y, y.count(), g);
      return;
    }
    cuda::Launch(args, {.grid = {BlocksFor(g.tiles_m * g.tiles_n * x.dim(0) * groups_, 1)}, .block = {kThreads}},
                 Tiles<true, kLinear>, w, x, wz, xz, ws, xs, ys, yz, bias, y, g);
  }

 private:
  window::Params params_;
  int64_t groups_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<MatMulCuda<false>>("MatMulInteger"),
    MakeKernel<MatMulCuda<true>>("QLinearMatMul"),
    MakeKernel<ConvCuda<false>>("ConvInteger"),
    MakeKernel<ConvCuda<true>>("QLinearConv"),
};

}  // namespace

std::span<const OndaKernelDef> ProductCudaKernels() { return kKernels; }

}  // namespace onda::quantized
