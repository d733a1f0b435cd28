// onda.BlockedQLinearConv with one input channel per group and a window of 3 x 3, four channels at a time.
#include <algorithm>
#include <vector>

#include "kernels/quantized/channel_finish.h"
#include "kernels/quantized/cpu.h"
#include "kernels/quantized/depthwise_blocked.h"
#include "kernels/quantized/direct.h"
#include "kernels/quantized/per_line.h"
#include "kernels/quantized/quantized.h"
#include "kernels/window/window.h"

namespace onda::quantized {
namespace {

class BlockedDepthwise {
  static constexpr ProductInputs kIn = kLinearInputs;

 public:
  explicit BlockedDepthwise(const NodeView& node) : params_(node.attributes()) {
    const TensorView w = ViewOf(node.input(kIn.b)), zero = ViewOf(node.input(kIn.b_zero));
    const int64_t channels = w.dim(0);
    weights_.resize(static_cast<size_t>(channels * kBytes));
    std::vector<int32_t> sums(static_cast<size_t>(channels));
    for (int64_t i = 0; i < channels * 9; ++i) {
      const int64_t channel = i / 9, tap = i % 9, weight = WeightAt(w, zero, i);
      weights_[static_cast<size_t>(channel / 4 * 4 * kBytes + tap / 3 * 16 + channel % 4 * 4 + tap % 3)] =
          static_cast<int8_t>(weight);
      sums[static_cast<size_t>(channel)] += static_cast<int32_t>(weight);
    }
    finish_ = ConstantFinish(node, sums);
  }

  static std::string Rejects(const NodeView& node) {
    if (!HasDirect()) return "needs AVX-512 VNNI";
    const FactView &x = node.input(kIn.a), &w = node.input(kIn.b), &w_zero = node.input(kIn.b_zero);
    for (const FactView* fact : {&x, &w, &node.output(0)})
      if (!Is8Bit(fact->type())) return "only 8-bit integers";
    for (int i : {kIn.a_scale, kIn.b_scale, kIn.y_scale})
      if (node.input(i).type() != DType::kFloat) return "only float scales";
    if (!Preparable(node, kIn.b, kIn.b_zero)) return "only constant weights";
    if (w.rank != 4 || w.dims[1] != 1 || w.dims[2] != 3 || w.dims[3] != 3) return "only windows of 3 x 3";
    const BlockParams blocks(node.attributes());
    if (blocks.x != 4 || blocks.y != 4 || w.dims[0] == 0 || w.dims[0] % 4 != 0 ||
        node.attributes().Int("group", 1) != w.dims[0])
      return "only channel blocks of 4 and one output per channel";
    const window::Params params(node.attributes());
    if (params.stride(0) != params.stride(1) || params.stride(0) > 2 || params.dilation(0) != 1 ||
        params.dilation(1) != 1)
      return "only strides of 1 or 2 and no dilation";
    const TensorView weights = ViewOf(w), zero = ViewOf(w_zero);
    for (int64_t i = 0; i < weights.count(); ++i)
      if (const int64_t weight = WeightAt(weights, zero, i); weight < -128 || weight > 127)
        return "weights less their zero point are no bytes";
    return RejectsFinish(node);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kIn.a), &w = args.input(kIn.b), &y = args.output(0);
    if (y.count() == 0) return;
    const window::Window window =
        window::Resolve(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    const window::Axis &tall = window[0], &wide = window[1];
    const int64_t fours = w.dim(0) / 4, items = x.dim(0) * fours;
    // Rows are cut too where planes alone do not keep all threads busy.
    const Parallel parallel = ParallelOf(args);
    const int workers = y.count() < 20000 ? 1 : parallel.threads;
    const int64_t cuts = items >= 8 * workers ? 1 : std::min<int64_t>((tall.out + 7) / 8, 8);
    const int64_t rows = (tall.out + cuts * 4 - 1) / (cuts * 4) * 4;
    parallel.ForTasks(workers, items * cuts, [&](int, int64_t task) {
      const int64_t item = task / cuts, first = item % fours * 4;
      FourPlanes planes{};
      planes.x = x.as<int32_t>() + item * tall.in * wide.in;
      planes.y = y.as<int32_t>() + item * tall.out * wide.out;
      planes.weights = weights_.data() + first * kBytes;
      planes.height = tall.in, planes.width = wide.in;
      planes.out_height = tall.out, planes.out_width = wide.out;
      planes.stride = tall.stride, planes.pad_top = tall.pad_begin, planes.pad_left = wide.pad_begin;
      auto four = [](uint32_t byte) { return static_cast<int32_t>(byte * 0x01010101u); };
      planes.flip = four(x.type() == DType::kInt8 ? 0x80 : 0);
      planes.padding = four(static_cast<uint32_t>(finish_.padding));
      planes.type = y.type();
      planes.shift = finish_.shift.data() + first, planes.factor = finish_.factor.data() + first;
      planes.y_zero = finish_.zero;
      planes.begin = std::min(tall.out, task % cuts * rows), planes.end = std::min(tall.out, planes.begin + rows);
      RunFourPlanes(planes);
    });
  }

 private:
  static constexpr int64_t kBytes = 12;  // of a channel's weights, as RunFourPlanes has them

  static int64_t WeightAt(const TensorView& w, const TensorView& zero, int64_t i) {
    const int64_t origin = zero.present() ? LoadInt64(zero.type(), zero.data, zero.count() == 1 ? 0 : i / 9) : 0;
    return LoadInt64(w.type(), w.data, i) - origin;
  }

  window::Params params_;
  std::vector<int8_t> weights_;
  ChannelFinish finish_;
};

}  // namespace

const OndaKernelDef kDepthwiseBlockedCpu = MakeKernel<BlockedDepthwise>("BlockedQLinearConv", "onda");

}  // namespace onda::quantized
