// ConvInteger and QLinearConv through the integer product, the image's patches formed row by row.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/quantized/cpu.h"
#include "kernels/quantized/igemm.h"
#include "kernels/quantized/per_line.h"
#include "kernels/quantized/quantized.h"
#include "kernels/simd/carver.h"
#include "kernels/window/window.h"

namespace onda::quantized {
namespace {

// The row of patches of one (channel, kernel position): what every output position meets there.
struct Patches {
  const uint8_t* x;
  uint8_t padding;
  int64_t groups, in_channels, in_size, positions;
  window::Axis axes[3];  // leading ones of extent 1

  static void Row(const void* self, int64_t item, int64_t k, int64_t n0, int64_t width, uint8_t* out) {
    const Patches& p = *static_cast<const Patches*>(self);
    const window::Axis &d = p.axes[0], &h = p.axes[1], &w = p.axes[2];
    const int64_t position = k % p.positions;
    const uint8_t* channel = p.x + (item * p.in_channels + k / p.positions) * p.in_size;
    const int64_t kw = position % w.kernel * w.dilation, kh = position / w.kernel % h.kernel * h.dilation,
                  kd = position / (w.kernel * h.kernel) * d.dilation;
    int64_t ow = n0 % w.out, oh = n0 / w.out % h.out, od = n0 / (w.out * h.out);
    for (int64_t n = 0; n < width;) {
      const int64_t count = std::min(w.out - ow, width - n);
      const int64_t id = d.start(od) + kd, ih = h.start(oh) + kh, iw = w.start(ow) + kw;
      if (id < 0 || id >= d.in || ih < 0 || ih >= h.in) {
        std::memset(out + n, p.padding, static_cast<size_t>(count));
      } else {
        const int64_t first = std::min(count, iw >= 0 ? 0 : (-iw + w.stride - 1) / w.stride);
        const int64_t last = std::max(first, iw >= w.in ? 0 : std::min(count, (w.in - 1 - iw) / w.stride + 1));
        const uint8_t* from = channel + (id * h.in + ih) * w.in + iw;
        if (first > 0) std::memset(out + n, p.padding, static_cast<size_t>(first));
        if (w.stride == 1) {
          std::memcpy(out + n + first, from + first, static_cast<size_t>(last - first));
        } else {
          for (int64_t i = first; i < last; ++i) out[n + i] = from[i * w.stride];
        }
        if (last < count) std::memset(out + n + last, p.padding, static_cast<size_t>(count - last));
      }
      n += count;
      ow = 0;
      if (++oh == h.out) oh = 0, ++od;
    }
  }
};

template <bool kLinear>
class Conv {
  static constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;

 public:
  explicit Conv(const NodeView& node) : params_(node.attributes()), groups_(node.attributes().Int("group", 1)) {
    if (!Preparable(node, kIn.b, kIn.b_zero)) return;
    const TensorView w = ViewOf(node.input(kIn.b)), zero = ViewOf(node.input(kIn.b_zero));
    if (w.count() == 0) return;
    std::vector<int32_t> zeros(static_cast<size_t>(w.dim(0)));
    for (size_t i = 0; i < zeros.size() && zero.present(); ++i)
      zeros[i] =
          static_cast<int32_t>(LoadInt64(zero.type(), zero.data, zero.count() == 1 ? 0 : static_cast<int64_t>(i)));
    packed_.resize(static_cast<size_t>(groups_ * PackedLinesSize(w.dim(0) / groups_, w.count(1, w.rank), true)));
    Pack(w, {zeros.data(), 1}, packed_.data());
  }

  static std::string Rejects(const NodeView& node) {
    for (int i : {kIn.a, kIn.b})
      if (!Is8Bit(node.input(i).type())) return "only 8-bit integers";
    if (kLinear && !Is8Bit(node.output(0).type())) return "only 8-bit integers";
    const int rank = std::max(node.input(kIn.a).rank, node.input(kIn.b).rank);
    return rank >= 3 && rank <= 5 ? "" : "only 1 to 3 spatial dimensions, known before running";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    Problem problem(*this, carver, inputs, outputs[0]);
    return carver.bytes() + quantized::WorkspaceBytes(problem.gemm, MaxThreads());
  }

  void Launch(const LaunchArgs& args) const {
    if (args.output(0).count() == 0) return;
    Carver carver(args.workspace());
    Problem problem(*this, carver, args.inputs(), args.output(0));
    if (problem.to_pack) Pack(args.input(kIn.b), problem.gemm.a.zero, problem.to_pack);
    Run(problem.gemm, ParallelOf(args), carver.Take<char>(0));
  }

 private:
  // Weights (groups * out channels, in channels, kernel...), group after group.
  void Pack(const TensorView& w, PerLine<int32_t> zero, int32_t* out) const {
    const int64_t m = w.dim(0) / groups_, k = w.count(1, w.rank);
    for (int64_t g = 0; g < groups_; ++g) {
      const Lines in{w.as<uint8_t>() + g * m * k, k, 1, w.type() == DType::kInt8, zero.From(g * m), nullptr};
      PackLines(in, m, k, true, true, out + g * PackedLinesSize(m, k, true));
    }
  }

  struct Problem {
    Patches patches{};
    ByteSource source;
    IntGemm gemm;
    int32_t* to_pack = nullptr;
    int64_t packed_size;

    Problem(const Conv& conv, Carver& carver, TensorViews in, const TensorView& y) {
      const TensorView &x = in[kIn.a], &w = in[kIn.b], &x_zero = in[kIn.a_zero];
      const window::Window window =
          window::Resolve(conv.params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
      patches.x = x.as<uint8_t>();
      patches.padding = x_zero.present() && x_zero.data ? *x_zero.as<uint8_t>() : 0;
      patches.groups = conv.groups_;
      patches.in_channels = w.dim(1);
      patches.in_size = x.count(2, x.rank);
      patches.positions = w.count(2, w.rank);
      for (window::Axis& a : patches.axes) a = {1, 1, 1, 1, 1, 0, 0};
      for (int i = 0; i < window.rank; ++i) patches.axes[3 - window.rank + i] = window[i];

      const bool direct = std::all_of(patches.axes, patches.axes + 3, [](const window::Axis& a) {
        return a.kernel == 1 && a.stride == 1 && a.pad_begin == 0 && a.in == a.out;
      });
      gemm.m = w.dim(0) / conv.groups_;
      gemm.k = patches.in_channels * patches.positions;
      gemm.n = y.count(2, y.rank);
      gemm.weights_left = true;
      auto channel = [](int64_t i) { return i; };
      gemm.a = {w.as<uint8_t>(), gemm.k, 1, w.type() == DType::kInt8, {}, nullptr};
      gemm.a.zero = Spread<int32_t>(carver, in[kIn.b_zero < 0 ? in.count() : kIn.b_zero], w.dim(0), channel);
      gemm.b = {x.as<uint8_t>(), 1, patches.in_size, x.type() == DType::kInt8, {}, nullptr};
      gemm.b.zero = Spread<int32_t>(carver, x_zero, 1, channel);
      if (!direct) {
        source = {&patches, Patches::Row};
        gemm.b_source = &source;
      }
      packed_size = PackedLinesSize(gemm.m, gemm.k, true);
      if (conv.packed_.empty()) {
        to_pack = carver.Take<int32_t>(conv.groups_ * packed_size);
        // While sizes are counted there is no memory, but packed it is.
        gemm.a.packed = to_pack ? to_pack : reinterpret_cast<const int32_t*>(this);
      } else {
        gemm.a.packed = conv.packed_.data();
      }
      Finish& f = gemm.finish;
      if constexpr (kLinear) {
        f.type = y.type();
        const TensorView& bias = in[kIn.bias];
        f.row_bias = bias.present() ? bias.as<int32_t>() : nullptr;
        f.a_scale = Spread<float>(carver, in[kIn.b_scale], w.dim(0), channel);
        f.b_scale = Spread<float>(carver, in[kIn.a_scale], 1, channel);
        f.y_scale = Spread<float>(carver, in[kIn.y_scale], 1, channel);
        f.y_zero = Spread<int32_t>(carver, in[kIn.y_zero], 1, channel);
      }
      gemm.c = y.data;
      gemm.ldc = gemm.n;
      gemm.items = x.dim(0) * conv.groups_;
      gemm.self = this;
      gemm.offset = [](const void* self, int64_t item) {
        const Problem& p = *static_cast<const Problem*>(self);
        const int64_t group = item % p.patches.groups;
        IntGemm::Offset o;
        o.a = group * p.packed_size;
        o.b = item * p.patches.in_channels * p.patches.in_size;
        o.c = item * p.gemm.m * p.gemm.n;
        o.a_line = o.c_line = group * p.gemm.m;
        return o;
      };
    }
    Problem(const Problem&) = delete;
    Problem& operator=(const Problem&) = delete;
  };

  window::Params params_;
  int64_t groups_;
  std::vector<int32_t> packed_;
};

}  // namespace

const OndaKernelDef kConvIntegerCpu = MakeKernel<Conv<false>>("ConvInteger");
const OndaKernelDef kQLinearConvCpu = MakeKernel<Conv<true>>("QLinearConv");

}  // namespace onda::quantized
