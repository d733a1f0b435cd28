// ConvInteger and QLinearConv with one input channel per group, in fp32: differences of bytes and sums of up to 256 of
// their products are integers below 2^24, which fp32 holds exactly. A plane at a time stays in the second-level cache.
#include <algorithm>
#include <vector>

#include "kernels/conv/depthwise.h"
#include "kernels/quantized/cpu.h"
#include "kernels/quantized/depthwise_vnni.h"
#include "kernels/quantized/direct.h"
#include "kernels/quantized/linear.h"
#include "kernels/quantized/per_line.h"
#include "kernels/quantized/quantized.h"
#include "kernels/simd/carver.h"
#include "kernels/window/window.h"

namespace onda::quantized {
namespace {

constexpr int64_t kMaxTaps = 256;
constexpr int64_t kMaxPlane = int64_t{1} << 18;  // elements

template <bool kLinear>
class Depthwise {
  static constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;

 public:
  explicit Depthwise(const NodeView& node) : params_(node.attributes()) {
    const TensorView w = ViewOf(node.input(kIn.b)), zero = ViewOf(node.input(kIn.b_zero));
    taps_ = w.count(2, w.rank);
    weights_.resize(static_cast<size_t>(w.count()));
    bool fits = true;
    for (int64_t i = 0; i < w.count(); ++i) {
      const int64_t origin = zero.present() ? LoadInt64(zero.type(), zero.data, zero.count() == 1 ? 0 : i / taps_) : 0;
      const int64_t weight = LoadInt64(w.type(), w.data, i) - origin;
      weights_[static_cast<size_t>(i)] = static_cast<float>(weight);
      fits = fits && weight >= -128 && weight <= 127;
    }
    if (!fits || !HasDirect()) return;
    sums_.resize(static_cast<size_t>(w.dim(0)));
    for (size_t i = 0; i < weights_.size(); ++i) {
      bytes_.push_back(static_cast<int8_t>(weights_[i]));
      sums_[i / static_cast<size_t>(taps_)] += bytes_.back();
    }
  }

  static std::string Rejects(const NodeView& node) {
    const FactView &x = node.input(kIn.a), &w = node.input(kIn.b);
    for (int i : {kIn.a, kIn.b})
      if (!Is8Bit(node.input(i).type())) return "only 8-bit integers";
    if (!Preparable(node, kIn.b, kIn.b_zero)) return "only constant weights";
    if (w.rank < 3 || w.rank > 5) return "only 1 to 3 spatial dimensions";
    if (w.shape()[1] != 1 || node.attributes().Int("group", 1) == 1) return "only one input channel per group";
    const TensorView weights = ViewOf(w);
    if (weights.count() == 0 || weights.count(2, weights.rank) > kMaxTaps) return "sums might not be exact";
    if (!x.static_shape()) return "only where the size of a plane is known";
    for (const FactView* fact : {&x, &node.output(0)}) {
      int64_t plane = 1;
      for (int i = 2; i < fact->rank; ++i) {
        const int64_t extent = fact->dims[i];
        if (extent < 0 || extent > kMaxPlane || (plane *= extent) > kMaxPlane)
          return "a plane would not stay in the cache";
      }
    }
    if constexpr (kLinear) {
      if (!Is8Bit(node.output(0).type())) return "only 8-bit integers";
      for (int i : {kIn.a_scale, kIn.b_scale, kIn.y_scale})
        if (node.input(i).type() != DType::kFloat) return "only float scales";
    }
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    const conv::Problem p = PlaneOf(inputs[kIn.a], inputs[kIn.b], outputs[0]);
    return static_cast<size_t>(MaxThreads()) * WorkerBytes(p);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kIn.a), &w = args.input(kIn.b), &y = args.output(0);
    if (y.count() == 0) return;
    const conv::Problem p = PlaneOf(x, w, y);
    const int64_t channels = w.dim(0), per_group = channels / x.dim(1), planes = x.dim(0) * channels;
    const TensorView& x_zero = args.input(kIn.a_zero);
    const uint8_t origin = x_zero.present() ? *x_zero.as<uint8_t>() : 0;
    // Bytes times signed bytes, where the window is the usual one; else fp32.
    const bool bytes = !bytes_.empty() && p.in[0] == 1 && p.out[0] == 1 && p.kernel[0] == 1 && p.kernel[1] == 3 &&
                       p.kernel[2] == 3 && p.dilation[1] == 1 && p.dilation[2] == 1 && p.stride[1] == p.stride[2] &&
                       p.stride[1] <= 2;
    const Parallel parallel = ParallelOf(args);
    const int64_t work = planes * p.out_size() * taps_;
    const int workers = work < 200000 ? 1 : parallel.threads;
    const int64_t chunk = std::max<int64_t>(1, planes / (workers * int64_t{8}));
    parallel.ForTasks(workers, (planes + chunk - 1) / chunk, [&](int worker, int64_t task) {
      Carver carver(static_cast<char*>(args.workspace()) + static_cast<size_t>(worker) * WorkerBytes(p));
      float* const in = carver.Take<float>(p.in_size());
      float* const sums = carver.Take<float>(p.out_size());
      for (int64_t plane = task * chunk; plane < std::min(planes, (task + 1) * chunk); ++plane) {
        const int64_t channel = plane % channels;
        const int64_t source = plane / channels * x.dim(1) + channel / per_group;
        if (bytes) {
          const uint8_t flip = x.type() == DType::kInt8 ? 0x80 : 0, padding = origin ^ flip;
          RunBytePlane({x.as<uint8_t>() + source * p.in_size(), bytes_.data() + channel * 9, p.in[1], p.in[2], p.out[1],
                        p.out[2], p.stride[1], p.pad[1], p.pad[2], flip, padding, sums});
          Finish(args, channel, -padding * sums_[static_cast<size_t>(channel)], sums, p.out_size(),
                 plane * p.out_size());
          continue;
        }
        const float one = 1;
        DequantizeRun(x.type(), {p.in_size(), &one, &origin, false}, x.as<uint8_t>() + source * p.in_size(), in);
        conv::Operands o{};
        o.x = in;
        o.weights = weights_.data() + channel * taps_;
        o.y = sums;
        conv::RunDepthwise(p, o, Parallel{}, carver.Take<char>(0));
        Finish(args, channel, 0, sums, p.out_size(), plane * p.out_size());
      }
    });
  }

 private:
  conv::Problem PlaneOf(const TensorView& x, const TensorView& w, const TensorView& y) const {
    const window::Window window =
        window::Resolve(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    conv::Problem p;
    for (int i = 0; i < window.rank; ++i) {
      const window::Axis& a = window[i];
      const size_t at = static_cast<size_t>(3 - window.rank + i);
      p.in[at] = a.in, p.out[at] = a.out, p.kernel[at] = a.kernel;
      p.stride[at] = a.stride, p.dilation[at] = a.dilation, p.pad[at] = a.pad_begin;
    }
    return p;
  }

  static size_t WorkerBytes(const conv::Problem& p) {
    Carver carver;
    carver.Take<float>(p.in_size());
    carver.Take<float>(p.out_size());
    carver.Take<char>(static_cast<int64_t>(conv::DepthwiseWorkspaceBytes(p, 1)));
    return carver.bytes();
  }

  // shift: what the sums lack.
  void Finish(const LaunchArgs& args, int64_t channel, int32_t shift, const float* sums, int64_t n, int64_t at) const {
    const TensorView& y = args.output(0);
    Requantization r;
    r.bias = shift;
    if constexpr (kLinear) {
      const TensorView &scale = args.input(kIn.b_scale), &zero = args.input(kIn.y_zero), &bias = args.input(kIn.bias);
      r.bias += bias.present() ? bias.as<int32_t>()[channel] : 0;
      r.factor = scale.as<float>()[scale.count() == 1 ? 0 : channel] * *args.input(kIn.a_scale).as<float>() /
                 *args.input(kIn.y_scale).as<float>();
      r.zero = zero.present() ? static_cast<float>(LoadInt64(zero.type(), zero.data, 0)) : 0.0f;
    }
    RequantizeRun(y.type(), r, sums, n, y.as<char>() + at * BitsOf(y.type()) / 8);
  }

  window::Params params_;
  int64_t taps_;
  std::vector<float> weights_;  // without their zero points
  std::vector<int8_t> bytes_;   // the same where they all fit and the machine takes bytes, with their sums by channel
  std::vector<int32_t> sums_;
};

}  // namespace

const OndaKernelDef kDepthwiseIntegerCpu = MakeKernel<Depthwise<false>>("ConvInteger");
const OndaKernelDef kDepthwiseLinearCpu = MakeKernel<Depthwise<true>>("QLinearConv");

}  // namespace onda::quantized
