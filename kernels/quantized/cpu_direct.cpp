// ConvInteger, QLinearConv and onda.BlockedQLinearConv by direct.h, over one or two spatial dimensions. Rows and
// columns of the padded image are dealt out by their remainders modulo the strides, so that any stride reads
// neighbours.
#include <algorithm>
#include <vector>

#include "kernels/quantized/channel_finish.h"
#include "kernels/quantized/cpu.h"
#include "kernels/quantized/direct.h"
#include "kernels/quantized/per_line.h"
#include "kernels/quantized/quantized.h"
#include "kernels/simd/carver.h"
#include "kernels/window/window.h"

namespace onda::quantized {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <bool kLinear, bool kBlocked = false>
class Direct {
  static constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;

 public:
  explicit Direct(const NodeView& node)
      : params_(node.attributes()), blocks_(node.attributes()), groups_(node.attributes().Int("group", 1)) {
    const TensorView w = ViewOf(node.input(kIn.b));
    const int64_t m = w.dim(0) / groups_, channels = w.dim(1), taps = w.count(2, w.rank), fours = CeilDiv(channels, 4);
    const uint8_t flip = w.type() == DType::kUint8 ? 0x80 : 0;
    panel_ints_ = CeilDiv(m, kDirectRows) * kDirectRows * fours * taps;
    weights_.assign(static_cast<size_t>(groups_ * panel_ints_ + kDirectSlack * 8), 0);
    sums_.assign(static_cast<size_t>(w.dim(0)), 0);
    for (int64_t g = 0; g < groups_; ++g) {
      for (int64_t row = 0; row < m; ++row) {
        const uint8_t* from = w.as<uint8_t>() + (g * m + row) * channels * taps;
        int32_t* panel = weights_.data() + g * panel_ints_ + row / kDirectRows * kDirectRows * fours * taps;
        for (int64_t c = 0; c < channels; ++c) {
          for (int64_t t = 0; t < taps; ++t) {
            const uint8_t byte = static_cast<uint8_t>(from[c * taps + t] ^ flip);
            uint32_t& four = reinterpret_cast<uint32_t&>(panel[(c / 4 * taps + t) * kDirectRows + row % kDirectRows]);
            four |= static_cast<uint32_t>(byte) << (8 * (c % 4));
            sums_[static_cast<size_t>(g * m + row)] += static_cast<int8_t>(byte);
          }
        }
      }
    }
    if constexpr (kBlocked) finish_ = ConstantFinish(node, sums_);
  }

  static bool IsSmall(const FactView& x) {
    int64_t room = int64_t{1} << 28;
    for (int i = 0; i < x.rank; ++i) {
      if (x.dims[i] > room) return false;
      room /= std::max<int64_t>(1, x.dims[i]);
    }
    return true;
  }
  static std::string Rejects(const NodeView& node) {
    if (!HasDirect()) return "needs AVX-512 VNNI";
    const FactView &x = node.input(kIn.a), &w = node.input(kIn.b);
    for (int i : {kIn.a, kIn.b})
      if (!Is8Bit(node.input(i).type())) return "only 8-bit integers";
    if (!Preparable(node, kIn.b, kIn.b_zero)) return "only constant weights";
    const TensorView weights = ViewOf(w);
    if (w.rank < 3 || w.rank > 4 || weights.count() == 0) return "only one or two spatial dimensions";
    // Offsets are 32 bits wide, and the packed image has a place in the workspace.
    if (!x.static_shape() || !IsSmall(x)) return "only images of known size";
    const window::Params params(node.attributes());
    for (size_t i = 0; i + 2 < static_cast<size_t>(w.rank); ++i)
      if (params.stride(i) > 4 || params.dilation(i) > 16 || w.dims[i + 2] > 64) return "the window is too wide";
    // Weights are stored as signed bytes: x - 128 where they are unsigned.
    const FactView& zero = node.input(kIn.b_zero);
    const int64_t centre = w.type() == DType::kUint8 ? 128 : 0;
    if (!zero.present() && centre) return "only weights around zero";
    for (int64_t i = 0; zero.present() && i < ViewOf(zero).count(); ++i)
      if (LoadInt64(zero.type(), zero.constant, i) != centre) return "only weights around zero";
    if constexpr (kLinear) {
      if (!Is8Bit(node.output(0).type())) return "only 8-bit integers";
      for (int i : {kIn.a_scale, kIn.b_scale, kIn.y_scale})
        if (node.input(i).type() != DType::kFloat) return "only float scales";
    }
    if constexpr (kBlocked) {
      const BlockParams blocks(node.attributes());
      const int64_t groups = node.attributes().Int("group", 1);
      if ((blocks.x != 1 && blocks.x != 4) || blocks.y != 4) return "only channel blocks of 4";
      if ((blocks.x == 4 && w.dims[1] % 4 != 0) || w.dims[0] / groups % 4 != 0)
        return "only whole blocks of each group";
      return RejectsFinish(node);
    }
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    TakeFinish(carver);
    const Layout layout(params_, inputs[kIn.a], inputs[kIn.b], outputs[0]);
    carver.Take<int32_t>(layout.fours * layout.taps());
    if (!ReadsInPlace(layout, inputs[kIn.a].type()))
      carver.Take<int32_t>(inputs[kIn.a].dim(0) * groups_ * layout.image_ints());
    return carver.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kIn.a), &w = args.input(kIn.b), &y = args.output(0);
    if (y.count() == 0) return;
    const Layout layout(params_, x, w, y);
    Carver carver(args.workspace());
    const TensorView& x_zero = args.input(kIn.a_zero);
    const uint8_t flip = x.type() == DType::kInt8 ? 0x80 : 0;
    const uint8_t padding = static_cast<uint8_t>((x_zero.present() ? *x_zero.as<uint8_t>() : 0) ^ flip);
    const Finish finish = FinishOf(args, TakeFinish(carver), padding);
    int32_t* const offsets = carver.Take<int32_t>(layout.fours * layout.taps());
    layout.FillOffsets(offsets);
    const bool in_place = ReadsInPlace(layout, x.type());
    int32_t* const image = in_place ? x.as<int32_t>() : carver.Take<int32_t>(0);

    const int64_t m = w.dim(0) / groups_, items = x.dim(0) * groups_;
    const Parallel parallel = ParallelOf(args);
    const double work = static_cast<double>(y.count()) * static_cast<double>(layout.fours * layout.taps());
    const int workers = work < 1e5 ? 1 : parallel.threads;

    const int64_t blocks = items * layout.fours;
    const int64_t chunk = std::max<int64_t>(1, blocks / (workers * int64_t{8}));
    parallel.ForTasks(workers, in_place ? 0 : CeilDiv(blocks, chunk), [&](int, int64_t task) {
      for (int64_t b = task * chunk; b < std::min(blocks, (task + 1) * chunk); ++b) {
        const int64_t item = b / layout.fours, four = b % layout.fours;
        const uint8_t* from = x.as<uint8_t>() + (item * layout.channels + four * 4) * layout.in_plane();
        int32_t* const to = image + item * layout.image_ints() + four * layout.four_ints();
        if (kBlocked && blocks_.x == 4) {
          layout.PackBlock(reinterpret_cast<const int32_t*>(from), flip, padding, to);
        } else {
          layout.PackFour(from, static_cast<int>(std::min<int64_t>(4, layout.channels - four * 4)), flip, padding, to);
        }
      }
    });

    // Blocks of outputs: a few panels of channels times as many columns as keep all threads busy.
    const int64_t all = layout.columns();
    int64_t task_m = std::min<int64_t>(m, 64), task_n = std::min<int64_t>(all, 768);
    while (workers > 1 && items * CeilDiv(m, task_m) * CeilDiv(all, task_n) < 3 * workers && task_n > 96)
      task_n = CeilDiv(task_n / 2, 48) * 48;
    const int64_t m_tasks = CeilDiv(m, task_m), n_tasks = CeilDiv(all, task_n);
    parallel.ForTasks(workers, items * m_tasks * n_tasks, [&](int, int64_t task) {
      const int64_t n = task % n_tasks, mt = task / n_tasks % m_tasks, item = task / (n_tasks * m_tasks);
      const int64_t group = item % groups_, first = group * m;
      DirectBlock block{};
      block.weights = weights_.data() + group * panel_ints_;
      block.shift = finish.shift + first, block.y_zero = finish.zero;
      block.factor = kLinear ? finish.factor + first : nullptr;
      block.blocked = kBlocked;
      block.image = image + item * layout.image_ints();
      block.offsets = offsets;
      block.groups = layout.fours * layout.taps();
      block.m0 = mt * task_m, block.m1 = std::min(m, block.m0 + task_m);
      block.n0 = n * task_n, block.n1 = std::min(all, block.n0 + task_n);
      block.pitch = layout.pitch, block.width = layout.wide.out, block.plane = y.count(2, y.rank);
      block.type = y.type();
      block.y = y.as<char>() + item * m * block.plane * (BitsOf(y.type()) / 8);
      RunDirect(block);
    });
  }

 private:
  // What becomes of the sums of each channel.
  struct Finish {
    const int32_t* shift = nullptr;
    const float* factor = nullptr;
    int32_t zero = 0;
  };
  struct Scratch {
    int32_t* shift = nullptr;
    float* factor = nullptr;
  };
  Scratch TakeFinish(Carver& carver) const {
    if (kBlocked) return {};
    const int64_t channels = static_cast<int64_t>(sums_.size());
    Scratch scratch;
    scratch.shift = carver.Take<int32_t>(channels);
    if (kLinear) scratch.factor = carver.Take<float>(channels);
    return scratch;
  }
  Finish FinishOf(const LaunchArgs& args, const Scratch& scratch, uint8_t padding) const {
    if constexpr (kBlocked) return {finish_.shift.data(), finish_.factor.data(), finish_.zero};
    Finish finish{scratch.shift, scratch.factor, 0};
    for (size_t i = 0; i < sums_.size(); ++i) scratch.shift[i] = -padding * sums_[i];
    if constexpr (kLinear) {
      const TensorView &scale = args.input(kIn.b_scale), &bias = args.input(kIn.bias), &zero = args.input(kIn.y_zero);
      const float x_scale = *args.input(kIn.a_scale).as<float>(), y_scale = *args.input(kIn.y_scale).as<float>();
      for (size_t i = 0; i < sums_.size(); ++i) {
        if (bias.present()) scratch.shift[i] += bias.as<int32_t>()[i];
        scratch.factor[i] = scale.as<float>()[scale.count() == 1 ? 0 : i] * x_scale / y_scale;
      }
      if (zero.present()) finish.zero = static_cast<int32_t>(LoadInt64(zero.type(), zero.data, 0));
    }
    return finish;
  }

  // The packed image of one item and group: (fours, row phases, column phases, rows, pitch).
  struct Layout {
    window::Axis tall, wide;
    int64_t channels, fours;
    int64_t row_phases, column_phases, rows, pitch;

    Layout(const window::Params& params, const TensorView& x, const TensorView& w, const TensorView& y) {
      const window::Window window =
          window::Resolve(params, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
      wide = window[window.rank - 1];
      if (window.rank == 2) tall = window[0];
      // Where every output reads its own place, a plane is one row.
      auto own = [](const window::Axis& a) {
        return a.kernel == 1 && a.stride == 1 && a.pad_begin == 0 && a.in == a.out;
      };
      if (own(tall) && own(wide)) {
        wide.in = wide.out = tall.in * wide.in;
        tall = window::Axis{};
      }
      channels = w.dim(1), fours = CeilDiv(channels, 4);
      auto phases = [](const window::Axis& a) { return std::min(a.stride, (a.kernel - 1) * a.dilation + 1); };
      auto reach = [](const window::Axis& a) { return (a.kernel - 1) * a.dilation / a.stride; };
      row_phases = phases(tall), column_phases = phases(wide);
      rows = tall.out + reach(tall), pitch = wide.out + reach(wide);
    }
    int64_t taps() const { return tall.kernel * wide.kernel; }
    int64_t in_plane() const { return tall.in * wide.in; }
    int64_t phase_ints() const { return rows * pitch; }
    int64_t four_ints() const { return row_phases * column_phases * phase_ints(); }
    int64_t image_ints() const { return fours * four_ints(); }
    // Every position is read once, where it lies.
    bool plain() const {
      return tall.in == 1 && tall.kernel == 1 && wide.kernel == 1 && wide.stride == 1 && wide.pad_begin == 0 &&
             wide.in == wide.out;
    }
    // Positions of a plane, what lies between its rows included.
    int64_t columns() const { return (tall.out - 1) * pitch + wide.out; }
    void FillOffsets(int32_t* out) const {
      int32_t* first = out;
      for (int64_t kh = 0; kh < tall.kernel; ++kh) {
        for (int64_t kw = 0; kw < wide.kernel; ++kw) {
          const int64_t h = kh * tall.dilation, w = kw * wide.dilation;
          const int64_t phase = h % tall.stride * column_phases + w % wide.stride;
          *first++ = static_cast<int32_t>(phase * phase_ints() + h / tall.stride * pitch + w / wide.stride);
        }
      }
      for (int64_t i = taps(); i < fours * taps(); ++i) out[i] = out[i - taps()] + static_cast<int32_t>(four_ints());
    }

    // fn(row of the image, whether it lies inside, first column) for each row of the packed image.
    template <class Fn>
    void ForRows(Fn&& fn) const {
      for (int64_t ph = 0; ph < row_phases; ++ph)
        for (int64_t pw = 0; pw < column_phases; ++pw)
          for (int64_t r = 0; r < rows; ++r) {
            const int64_t h = r * tall.stride + ph - tall.pad_begin;
            fn(h, h >= 0 && h < tall.in, pw - wide.pad_begin);
          }
    }

    // x: the first of `count` planes.
    void PackFour(const uint8_t* x, int count, uint8_t flip, uint8_t padding, int32_t* out) const {
      ForRows([&](int64_t h, bool inside, int64_t first) {
        PackDirectRow(
            {inside ? x + h * wide.in : nullptr, in_plane(), count, first, wide.stride, wide.in, flip, padding, pitch},
            out);
        out += pitch;
      });
    }

    // x: four channels in one int32.
    void PackBlock(const int32_t* x, uint8_t flip, uint8_t padding, int32_t* out) const {
      auto four = [](uint8_t byte) { return static_cast<int32_t>(byte * 0x01010101u); };
      ForRows([&](int64_t h, bool inside, int64_t first) {
        PackDirectFours(
            {inside ? x + h * wide.in : nullptr, first, wide.stride, wide.in, four(flip), four(padding), pitch}, out);
        out += pitch;
      });
    }
  };

  // Whether blocks of x are the image as they are: unsigned, and each position seen once.
  bool ReadsInPlace(const Layout& layout, DType type) const {
    return kBlocked && blocks_.x == 4 && type == DType::kUint8 && layout.plain();
  }

  window::Params params_;
  BlockParams blocks_;
  int64_t groups_;
  int64_t panel_ints_ = 0;  // of a group
  std::vector<int32_t> weights_, sums_;
  ChannelFinish finish_;  // with blocks
};

}  // namespace

const OndaKernelDef kDirectIntegerCpu = MakeKernel<Direct<false>>("ConvInteger");
const OndaKernelDef kDirectLinearCpu = MakeKernel<Direct<true>>("QLinearConv");
const OndaKernelDef kDirectBlockedCpu = MakeKernel<Direct<true, true>>("BlockedQLinearConv", "onda");

}  // namespace onda::quantized
