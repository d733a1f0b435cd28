#include <cmath>

#include "kernels/matmul/matmul.h"
#include "kernels/quantized/quantized.h"
#include "kernels/quantized/reference.h"
#include "kernels/simd/channel_blocks.h"
#include "kernels/simd/stop_poll.h"
#include "kernels/window/taps.h"
#include "onda/float_formats.h"

namespace onda::quantized {
namespace {

double LoadAt(const TensorView& t, int64_t i, double absent) {
  return t.present() ? LoadDouble(t.type(), t.data, i) : absent;
}

// An input that may not be there.
const TensorView& In(const LaunchArgs& args, int i) { return args.input(i < 0 ? args.input_count() : i); }

template <bool kLinear>
class MatMul {
 public:
  explicit MatMul(const NodeView&) {}

  void Launch(const LaunchArgs& args) const {
    constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;
    const TensorView &a = args.input(kIn.a), &b = args.input(kIn.b), &y = args.output(0);
    const TensorView &a_zero = In(args, kIn.a_zero), &b_zero = In(args, kIn.b_zero);
    const matmul::Product p = matmul::MakeProduct(matmul::MatMulParams(Attributes()), a.shape(), b.shape());
    const int64_t rows = a.rank < 2 ? 1 : a.dim(a.rank - 2);
    args.ParallelFor(p.batch() * p.m, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t t = begin; t < end; ++t) {
        const matmul::Product::Offsets at = p.At(t / p.m);
        const int64_t i = t % p.m;
        const int64_t row = p.k == 0 ? 0 : at.a / p.k + i, matrix = p.k * p.n == 0 ? 0 : at.b / (p.k * p.n);
        for (int64_t j = 0; j < p.n; ++j) {
          const double za = LoadAt(a_zero, a_zero.present() ? RowIndex(a_zero, rows, row) : 0, 0);
          const double zb = LoadAt(b_zero, b_zero.present() ? ColumnIndex(b_zero, p.n, matrix, j) : 0, 0);
          double sum = 0;  // exact for integers: below 2^53
          for (int64_t k = 0; k < p.k; ++k) {
            if (k % 256 == 0) poll.Work(256);
            sum += (LoadDouble(a.type(), a.data, at.a + i * p.a_row + k * p.a_col) - za) *
                   (LoadDouble(b.type(), b.data, at.b + k * p.b_row + j * p.b_col) - zb);
          }
          if constexpr (kLinear) {
            const TensorView &as = args.input(kIn.a_scale), &bs = args.input(kIn.b_scale),
                             &ys = args.input(kIn.y_scale), &yz = args.input(kIn.y_zero);
            const float factor = static_cast<float>(LoadAt(as, RowIndex(as, rows, row), 1)) *
                                 static_cast<float>(LoadAt(bs, ColumnIndex(bs, p.n, matrix, j), 1)) /
                                 static_cast<float>(LoadAt(ys, RowIndex(ys, rows, t), 1));
            const float scaled = static_cast<float>(sum) * factor;
            const double zero = LoadAt(yz, RowIndex(yz, rows, t), 0);
            StoreSaturated(y.type(), y.data, t * p.n + j,
                           (IsInteger(y.type()) ? std::nearbyint(scaled) : scaled) + zero);
          } else {
            StoreInt64(y.type(), y.data, t * p.n + j, static_cast<int64_t>(sum));
          }
        }
      }
    });
  }
};

template <bool kLinear>
class Conv {
 public:
  explicit Conv(const NodeView& node)
      : params_(node.attributes()), blocks_(node.attributes()), groups_(node.attributes().Int("group", 1)) {}

  void Launch(const LaunchArgs& args) const {
    constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;
    const TensorView &x = args.input(kIn.a), &w = args.input(kIn.b), &y = args.output(0);
    const TensorView &w_zero = In(args, kIn.b_zero), &bias = In(args, kIn.bias);
    const int64_t x_zero = static_cast<int64_t>(LoadAt(In(args, kIn.a_zero), 0, 0));
    const window::Window window =
        window::Resolve(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    const int64_t in = x.count(2, x.rank), out = y.count(2, y.rank), kernel = w.count(2, w.rank);
    const int64_t in_channels = w.dim(1), out_channels = y.dim(1), per_group = out_channels / groups_;
    const ChannelBlocks x_blocks{x.dim(1), in, blocks_.x}, y_blocks{out_channels, out, blocks_.y};
    args.ParallelFor(y.count(), 64, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t t = begin; t < end; ++t) {
        const int64_t m = t / out % out_channels, item = t / out / out_channels, to = y_blocks.At(item, m, t % out);
        const int64_t first = m / per_group * in_channels;
        const int64_t wz = static_cast<int64_t>(LoadAt(w_zero, w_zero.present() && w_zero.count() > 1 ? m : 0, 0));
        int64_t sum = static_cast<int64_t>(LoadAt(bias, m, 0));
        window::ForEachTap(window, t % out, [&](int64_t input, int64_t tap) {
          poll.Work(in_channels);
          for (int64_t c = 0; c < in_channels; ++c)
            sum += (LoadInt64(x.type(), x.data, x_blocks.At(item, first + c, input)) - x_zero) *
                   (LoadInt64(w.type(), w.data, (m * in_channels + c) * kernel + tap) - wz);
        });
        if constexpr (kLinear) {
          const TensorView& ws = args.input(kIn.b_scale);
          const float factor = static_cast<float>(LoadAt(args.input(kIn.a_scale), 0, 1)) *
                               static_cast<float>(LoadAt(ws, ws.count() > 1 ? m : 0, 1)) /
                               static_cast<float>(LoadAt(args.input(kIn.y_scale), 0, 1));
          StoreSaturated(y.type(), y.data, to,
                         Rescale(static_cast<int32_t>(sum), factor) + LoadAt(args.input(kIn.y_zero), 0, 0));
        } else {
          StoreInt64(y.type(), y.data, to, sum);
        }
      }
    });
  }

 private:
  window::Params params_;
  BlockParams blocks_;
  int64_t groups_;
};

}  // namespace

const OndaKernelDef kMatMulIntegerReference = MakeKernel<MatMul<false>>("MatMulInteger");
const OndaKernelDef kQLinearMatMulReference = MakeKernel<MatMul<true>>("QLinearMatMul");
const OndaKernelDef kConvIntegerReference = MakeKernel<Conv<false>>("ConvInteger");
const OndaKernelDef kQLinearConvReference = MakeKernel<Conv<true>>("QLinearConv");
const OndaKernelDef kBlockedConvReference = MakeKernel<Conv<true>>("BlockedQLinearConv", "onda");

}  // namespace onda::quantized
