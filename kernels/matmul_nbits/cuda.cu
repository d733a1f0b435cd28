// MatMulNBits.
//   Few rows   a warp per column of the result reads its packed weights once, eight values to a lane at a time
//   Many rows  the weights are unpacked to A's type, then cuBLASLt multiplies
#include "kernels/device/library_plans.h"
#include "kernels/device/number.h"
#include "kernels/device/vector.h"
#include "kernels/device/warp.h"
#include "kernels/matmul_nbits/matmul_nbits.h"

namespace onda::matmul_nbits {
namespace {

using namespace cuda;

constexpr int kThreads = 128, kTogether = 8, kRows = 4;
constexpr int64_t kFewRows = 16;

struct Geometry {
  int64_t rows, n, k, blocks, block;
  int64_t zero_bytes;
  bool packed_zeros;
  DType scale_type, zero_type;
};

// kTogether values of `bits` each, low bits first; 8 * bits bits at an address of as many bits' alignment.
template <int kBits>
__device__ void Unpack(const uint8_t* from, float (&value)[kTogether]) {
  const Vector<uint8_t, kBits> bytes = LoadVector<kBits>(from);
#pragma unroll
  for (int i = 0; i < kTogether; ++i)
    value[i] = static_cast<float>(bytes.v[i * kBits / 8] >> (i * kBits % 8) & ((1 << kBits) - 1));
}

// Scale and zero point of block `block` of weight row n.
struct Step {
  float scale, zero;
};
template <int kBits>
__device__ Step StepOf(const Geometry& g, const uint8_t* scales, const uint8_t* zeros, int64_t n, int64_t block) {
  Step s{LoadNumber<float>(g.scale_type, scales, n * g.blocks + block), static_cast<float>(1 << (kBits - 1))};
  if (zeros && g.packed_zeros)
    s.zero =
        static_cast<float>(zeros[n * g.zero_bytes + block * kBits / 8] >> (block * kBits % 8) & ((1 << kBits) - 1));
  else if (zeros)
    s.zero = LoadNumber<float>(g.zero_type, zeros, n * g.blocks + block);
  return s;
}

// blockIdx.y: which kRows rows of a.
template <class T, int kBits>
__global__ void __launch_bounds__(kThreads)
    Columns(In<T> a, In<uint8_t> b, In<uint8_t> scales, In<uint8_t> zeros, In<T> bias, Out<T> y, Geometry g) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t n = GlobalThread() / kWarp, first = int64_t{blockIdx.y} * kRows;
  if (n >= g.n) return;  // whole warps
  const uint8_t* const weights = b.data + n * g.blocks * g.block * kBits / 8;
  float sum[kRows] = {};
  for (int64_t k = int64_t{lane} * kTogether; k < g.k; k += kWarp * kTogether) {
    float w[kTogether];
    Unpack<kBits>(weights + k * kBits / 8, w);
    const Step s = StepOf<kBits>(g, scales.data, zeros.data, n, k / g.block);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if (first + r >= g.rows) break;
      const T* const from = a.data + (first + r) * g.k + k;
      float part = 0;
#pragma unroll
      for (int i = 0; i < kTogether; ++i)
        if (k + i < g.k) part += Widen(from[i]) * (w[i] - s.zero);
      sum[r] += part * s.scale;
    }
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const float total = WarpReduce(sum[r], Plus());
    if (lane == 0 && first + r < g.rows) y[(first + r) * g.n + n] = Narrow<T>(total + (bias ? Widen(bias[n]) : 0.0f));
  }
}

// w (n, k).
template <class T, int kBits>
__global__ void __launch_bounds__(kThreads)
    UnpackAll(In<uint8_t> b, In<uint8_t> scales, In<uint8_t> zeros, Out<T> w, Geometry g) {
  const int64_t groups = (g.k + kTogether - 1) / kTogether, i = GlobalThread();
  if (i >= g.n * groups) return;
  const int64_t n = i / groups, k = i % groups * kTogether;
  float value[kTogether];
  Unpack<kBits>(b.data + (n * g.blocks * g.block + k) * kBits / 8, value);
  const Step s = StepOf<kBits>(g, scales.data, zeros.data, n, k / g.block);
#pragma unroll
  for (int e = 0; e < kTogether; ++e)
    if (k + e < g.k) w[n * g.k + k + e] = Narrow<T>((value[e] - s.zero) * s.scale);
}

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const Params p(node.attributes());
    const DType type = node.input(0).type();
    if (!IsFloating(type) || type == DType::kDouble) return "not for " + std::string(NameOf(type));
    if (p.bits != 2 && p.bits != 4 && p.bits != 8) return "only 2, 4 and 8 bits";
    if (p.block % kTogether != 0) return "only blocks of whole groups of 8";
    for (int i : {2, 3})
      if (node.input(i).present() && !IsNumber(node.input(i).type())) return "no such type of scales or zero points";
    if (node.input(4).present()) return "no g_idx";
    if (node.input(5).present() && node.input(5).type() != type) return "only a bias of the input's type";
    return "";
  }

  void Prepare(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &bias = args.input(5), &y = args.output(0);
    if (y.count() == 0 || RowsOf(a) <= kFewRows) return;
    cuda::Buffer operands[4] = {AtNoPlace(0, a.bytes()), AtNoPlace(1, WeightBytes(a.type()))};
    size_t count = 2;
    if (bias.present()) operands[count++] = AtNoPlace(2, bias.bytes());
    operands[count++] = AtNoPlace(3, y.bytes());
    plans_.Prepare(args, ProductOf(args.inputs()), {operands, count});
  }
  // The weights, then the library's.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    if (RowsOf(inputs[0]) <= kFewRows) return 0;
    return LibraryOffset(inputs[0].type()) + plans_.WorkspaceBytes(ProductOf(inputs));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &y = args.output(0);
    if (y.count() == 0) return;
    WithReal(a.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      if constexpr (!std::is_same_v<T, double>) {
        params_.bits == 2 ? Run<T, 2>(args) : params_.bits == 4 ? Run<T, 4>(args) : Run<T, 8>(args);
      }
    });
  }

 private:
  int64_t RowsOf(const TensorView& a) const { return params_.k > 0 ? a.count() / params_.k : 0; }
  size_t WeightBytes(DType type) const { return static_cast<size_t>(params_.n * params_.k) * BitsOf(type) / 8; }

  template <class T, int kBits>
  void Run(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &b = args.input(1), &scales = args.input(2), &zeros = args.input(3),
                     &bias = args.input(5), &y = args.output(0);
    const Geometry g{RowsOf(a),
                     params_.n,
                     params_.k,
                     params_.blocks(),
                     params_.block,
                     params_.zero_bytes(),
                     zeros.type() == DType::kUint8,
                     scales.type(),
                     zeros.type()};
    if (g.rows <= kFewRows) {
      cuda::Launch(args, {.grid = {BlocksFor(g.n, kThreads / kWarp), BlocksFor(g.rows, kRows)}, .block = {kThreads}},
                   Columns<T, kBits>, a, b, scales, zeros, bias, y, g);
      return;
    }
    const cuda::Buffer weights = WorkspaceOf(args, 0, WeightBytes(a.type()));
    const int64_t groups = g.n * ((g.k + kTogether - 1) / kTogether);
    cuda::Launch(args, {.grid = {BlocksFor(groups, kThreads)}, .block = {kThreads}}, UnpackAll<T, kBits>, b, scales,
                 zeros, weights, g);
    cuda::Buffer operands[4] = {{a.data, a.bytes()}, weights};
    size_t count = 2;
    if (bias.present()) operands[count++] = {bias.data, bias.bytes()};
    operands[count++] = {y.data, y.bytes()};
    plans_.Execute(args, ProductOf(args.inputs()), {operands, count}, LibraryOffset(a.type()));
  }

  size_t LibraryOffset(DType type) const { return WorkspacePart(WeightBytes(type)); }
  GemmDescription ProductOf(TensorViews inputs) const {
    GemmDescription op{.m = RowsOf(inputs[0]), .n = params_.n, .k = params_.k};
    op.a_row = op.b_row = op.k, op.y_row = op.n;
    op.type = op.out = inputs[0].type();
    op.transpose_b = true;
    op.has_bias = inputs[5].present();
    return op;
  }

  Params params_;
  mutable LibraryPlans plans_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("MatMulNBits", "com.microsoft")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::matmul_nbits
