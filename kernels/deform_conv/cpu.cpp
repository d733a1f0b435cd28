// fp32 images of two axes: all samples of an image are laid out as a matrix [input channels * taps, positions], which W
// is multiplied with.
#include <algorithm>
#include <cmath>

#include "kernels/deform_conv/deform_conv.h"
#include "kernels/matmul/sgemm.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/launch.h"
#include "kernels/simd/through_float.h"
#include "kernels/simd/weighted_gather.h"

namespace onda::deform_conv {
namespace {

constexpr int64_t kBlock = 256;  // output positions that are sampled at once

// The four pixels around (y, x) and their weights; offset 0 and weight 0 where one lies outside.
void FillTaps(float y, float x, int64_t height, int64_t width, float scale, int32_t* offset, float* weight) {
  const float floor_y = std::floor(y), floor_x = std::floor(x), ty = y - floor_y, tx = x - floor_x;
  // NaN is outside as well.
  const bool near = y > -1 && y < static_cast<float>(height) && x > -1 && x < static_cast<float>(width);
  const int64_t top = near ? static_cast<int64_t>(floor_y) : -2, left = near ? static_cast<int64_t>(floor_x) : -2;
  for (int k = 0; k < 4; ++k) {
    const int64_t row = top + k / 2, column = left + k % 2;
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    offset[k * kBlock] = inside ? static_cast<int32_t>(row * width + column) : 0;
    weight[k * kBlock] = inside ? (k / 2 ? ty : 1 - ty) * (k % 2 ? tx : 1 - tx) * scale : 0;
  }
}

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(kX);
    if (x.type() != DType::kFloat) return "only float";
    return x.rank == 4 ? "" : "only images of two axes";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    CheckInputs(params_, inputs);
    Carver counter;
    counter.Take<float>(Depth(inputs) * outputs[0].count(2, 4));
    const matmul::Gemm gemm = Product(inputs, outputs[0], nullptr, nullptr, nullptr, nullptr);
    counter.Take<char>(static_cast<int64_t>(matmul::WorkspaceBytes(gemm, MaxThreads())));
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    CheckInputs(params_, args.inputs());
    CheckOutput(args);
    const TensorView &x = args.input(kX), &w = args.input(kW), &b = args.input(kB), &y = args.output(0);
    if (y.count() == 0) return;
    if (x.dim(2) > INT32_MAX / std::max<int64_t>(1, x.dim(3))) {
      throw Error(ErrorCode::kNotImplemented, "the image is too large");
    }
    const int64_t points = y.count(2, 4), rows = Depth(args.inputs()) / params_.group, outs = y.dim(1) / params_.group;
    Carver carver(args.workspace());
    float* columns = carver.Take<float>(Depth(args.inputs()) * points);
    void* memory = carver.Take<char>(0);
    const Parallel parallel = ParallelOf(args);
    for (int64_t n = 0; n < x.dim(0) && !args.stop_requested(); ++n) {
      FillColumns(args, n, columns);
      for (int64_t g = 0; g < params_.group; ++g) {
        matmul::Run(Product(args.inputs(), y, w.as<float>() + g * outs * rows, columns + g * rows * points,
                            b.present() ? b.as<float>() + g * outs : nullptr,
                            y.as<float>() + (n * y.dim(1) + g * outs) * points),
                    parallel, memory);
      }
    }
  }

 private:
  static int64_t Depth(TensorViews inputs) { return inputs[kX].dim(1) * inputs[kW].count(2, 4); }

  // y[outs, points] = W[outs, rows] * columns[rows, points] + bias of one group.
  matmul::Gemm Product(TensorViews inputs, const TensorView& y, const float* w, const float* columns, const float* bias,
                       float* out) const {
    matmul::Gemm gemm;
    gemm.m = y.dim(1) / params_.group;
    gemm.k = Depth(inputs) / params_.group;
    gemm.n = y.count(2, 4);
    gemm.a = {w, gemm.k, 1};
    gemm.b = {columns, gemm.n, 1};
    gemm.c = out;
    gemm.ldc = gemm.n;
    gemm.row_bias = bias;
    return gemm;
  }

  // columns: [input channels, taps, points] of image n.
  void FillColumns(const LaunchArgs& args, int64_t n, float* columns) const {
    const TensorView &x = args.input(kX), &w = args.input(kW), &offsets = args.input(kOffset),
                     &mask = args.input(kMask);
    const TensorView& y = args.output(0);
    const int64_t taps = w.count(2, 4), points = y.count(2, 4), blocks = (points + kBlock - 1) / kBlock;
    const int64_t height = x.dim(2), width = x.dim(3), channels = x.dim(1), per_group = channels / params_.offset_group;
    args.ParallelFor(params_.offset_group * taps * blocks, 1, [&](int64_t begin, int64_t end) {
      int32_t offset[4 * kBlock];
      float weight[4 * kBlock];
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task % blocks * kBlock, count = std::min(kBlock, points - first),
                      k = task / blocks % taps;
        const int64_t g = task / blocks / taps, gk = (n * params_.offset_group + g) * taps + k;
        const float* shift = offsets.as<float>() + gk * 2 * points + first;
        const float* scale = mask.present() ? mask.as<float>() + gk * points + first : nullptr;
        const int64_t tap_y = k / w.dim(3) * params_.dilation(0) - params_.pad_begin(0);
        const int64_t tap_x = k % w.dim(3) * params_.dilation(1) - params_.pad_begin(1);
        for (int64_t i = 0; i < count; ++i) {
          const int64_t row = (first + i) / y.dim(3), column = (first + i) % y.dim(3);
          FillTaps(static_cast<float>(row * params_.stride(0) + tap_y) + shift[i],
                   static_cast<float>(column * params_.stride(1) + tap_x) + shift[points + i], height, width,
                   scale ? scale[i] : 1, offset + i, weight + i);
        }
        for (int64_t c = g * per_group; c < (g + 1) * per_group; ++c) {
          WeightedGather({offset, weight, 4, kBlock}, x.as<float>() + (n * channels + c) * height * width, count,
                         columns + (c * taps + k) * points + first, false);
        }
      }
    });
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("DeformConv"),
    MakeThroughFloat<Cpu>("DeformConv"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::deform_conv
