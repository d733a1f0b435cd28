#include <algorithm>

#include "kernels/recurrent/recurrent.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::recurrent {
namespace {

// Hands out pieces of a workspace of doubles.
class Doubles {
 public:
  explicit Doubles(void* memory) : next_(static_cast<double*>(memory)) {}
  double* Take(int64_t count) {
    double* begin = next_;
    next_ += count;
    return begin;
  }
  // `count` elements from `first` on; zeros where the tensor is absent.
  double* Read(const TensorView& from, int64_t first, int64_t count) {
    double* begin = Take(count);
    for (int64_t i = 0; i < count; ++i) begin[i] = from.present() ? LoadDouble(from.type(), from.data, first + i) : 0;
    return begin;
  }

 private:
  double* next_;
};

double Dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// One direction of the whole batch, step by step.
template <Cell kCell>
class Sequences {
 public:
  static constexpr int64_t kGates = GatesOf(kCell);

  // Doubles that one direction needs.
  static int64_t Size(const Extents& e) {
    return kGates * e.hidden * (e.input + e.hidden + 4) + 3 * e.hidden + e.input + 2 * e.hidden +
           2 * e.batch * e.hidden;
  }

  Sequences(const Params& params, const Extents& e, const LaunchArgs& args, int d, void* memory)
      : params_(params), e_(e), args_(args), d_(d) {
    Doubles doubles(memory);
    const int64_t rows = kGates * e.hidden;
    w_ = doubles.Take(rows * e.input);
    r_ = doubles.Take(rows * e.hidden);
    ReadMatrix(kW, kWScale, kWZero, e.input, w_);
    ReadMatrix(kR, kRScale, kRZero, e.hidden, r_);
    wb_ = doubles.Read(args.input(kBias), d * 2 * rows, rows);
    rb_ = doubles.Read(args.input(kBias), (d * 2 + 1) * rows, rows);
    p_ = doubles.Read(kCell == Cell::kLstm ? args.input(kPeepholes) : TensorView{}, d * 3 * e.hidden, 3 * e.hidden);
    x_ = doubles.Take(e.input);
    seen_ = doubles.Take(e.hidden);
    next_ = doubles.Take(e.hidden);
    wx_ = doubles.Take(rows);
    rh_ = doubles.Take(rows);
    h_ = doubles.Take(e.batch * e.hidden);
    c_ = doubles.Take(e.batch * e.hidden);
  }

  void Run() {
    const int64_t hidden = e_.hidden;
    for (int64_t b = 0; b < e_.batch; ++b) {
      for (int64_t j = 0; j < hidden; ++j) {
        h_[b * hidden + j] = Initial(kInitialH, e_.StateRow(d_, b) + j);
        c_[b * hidden + j] = kCell == Cell::kLstm ? Initial(kInitialC, e_.StateRow(d_, b) + j) : 0;
      }
    }
    const ByteRange x_range = RangeOfInput();
    for (int64_t s = 0; s < e_.steps; ++s) {
      const ByteRange h_range = RangeOfState();
      for (int64_t b = 0; b < e_.batch; ++b) {
        const int64_t length = LengthOf(args_, e_, b);
        const bool valid = s < length;
        const int64_t t = valid && params_.is_reverse(d_) ? length - 1 - s : s;
        if (valid) Step(t, b, x_range, h_range);
        Write(kY, e_.YRow(t, d_, b), valid ? h_ + b * hidden : nullptr);
      }
    }
    for (int64_t b = 0; b < e_.batch; ++b) {
      // There is no last state of an empty sequence.
      const bool any = LengthOf(args_, e_, b) > 0;
      Write(kYh, e_.StateRow(d_, b), any ? h_ + b * hidden : nullptr);
      if (kCell == Cell::kLstm) Write(kYc, e_.StateRow(d_, b), any ? c_ + b * hidden : nullptr);
    }
  }

 private:
  void ReadMatrix(int input, int scale_input, int zero_input, int64_t depth, double* to) const {
    const int64_t rows = kGates * e_.hidden;
    auto elements = [&](int i) {
      const TensorView& v = args_.input(i);
      return Elements{v.data, v.type(), v.present() ? v.count() : 0};
    };
    const Elements matrix = elements(input);
    for (int64_t row = 0; row < rows; ++row) {
      poll_.Work(8 * depth);
      for (int64_t k = 0; k < depth; ++k) {
        to[row * depth + k] = params_.quantized
                                  ? Dequantize(matrix, elements(scale_input), elements(zero_input), e_.directions, d_,
                                               rows, row, (d_ * depth + k) * rows + row)
                                  : LoadDouble(matrix.dtype, matrix.data, (d_ * rows + row) * depth + k);
      }
    }
  }

  ByteRange RangeOfInput() const {
    const TensorView& x = args_.input(kX);
    if (!params_.quantized || x.count() == 0) return {};
    const auto [low, high] = std::minmax_element(x.as<float>(), x.as<float>() + x.count());
    return ByteRange::Of(*low, *high);
  }

  ByteRange RangeOfState() const {
    if (!params_.quantized) return {};
    const auto [low, high] = std::minmax_element(h_, h_ + e_.batch * e_.hidden);
    return ByteRange::Of(static_cast<float>(*low), static_cast<float>(*high));
  }

  double Initial(int input, int64_t at) const {
    const TensorView& v = args_.input(input);
    return v.present() ? LoadDouble(v.type(), v.data, at) : 0;
  }

  void Write(int output, int64_t at, const double* values) const {
    if (!args_.wants_output(output)) return;
    const TensorView& v = args_.output(output);
    for (int64_t j = 0; j < e_.hidden; ++j) StoreDouble(v.type(), v.data, at + j, values ? values[j] : 0);
  }

  // Keeps NaN.
  double Clip(double v) const { return v > params_.clip ? params_.clip : v < -params_.clip ? -params_.clip : v; }

  void Step(int64_t t, int64_t b, const ByteRange& x_range, const ByteRange& h_range) {
    const TensorView& x = args_.input(kX);
    const int64_t hidden = e_.hidden;
    double *state = h_ + b * hidden, *cell = c_ + b * hidden;
    for (int64_t i = 0; i < e_.input; ++i) {
      x_[i] = LoadDouble(x.type(), x.data, e_.XRow(t, b) + i);
      if (params_.quantized) x_[i] = x_range.Round(static_cast<float>(x_[i]));
    }
    for (int64_t j = 0; j < hidden; ++j) {
      seen_[j] = params_.quantized ? h_range.Round(static_cast<float>(state[j])) : state[j];
    }
    for (int64_t k = 0; k < kGates * hidden; ++k) {
      poll_.Work(e_.input + hidden);
      wx_[k] = Dot(w_ + k * e_.input, x_, e_.input) + wb_[k];
      rh_[k] = Dot(r_ + k * hidden, seen_, hidden) + rb_[k];
    }
    const auto& [f, g, h] = params_.activations[d_];
    if constexpr (kCell == Cell::kRnn) {
      for (int64_t j = 0; j < hidden; ++j) state[j] = f(Clip(wx_[j] + rh_[j]));
    } else if constexpr (kCell == Cell::kGru) {
      // next_ holds r, then r * h.
      const double* rn = r_ + 2 * hidden * hidden;
      for (int64_t j = 0; j < hidden; ++j) next_[j] = f(Clip(wx_[hidden + j] + rh_[hidden + j]));
      if (params_.linear_before_reset) {
        for (int64_t j = 0; j < hidden; ++j) rh_[2 * hidden + j] *= next_[j];
      } else {
        for (int64_t j = 0; j < hidden; ++j) next_[j] *= state[j];
        for (int64_t j = 0; j < hidden; ++j) {
          rh_[2 * hidden + j] = Dot(rn + j * hidden, next_, hidden) + rb_[2 * hidden + j];
        }
      }
      for (int64_t j = 0; j < hidden; ++j) {
        const double z = f(Clip(wx_[j] + rh_[j])), n = g(Clip(wx_[2 * hidden + j] + rh_[2 * hidden + j]));
        state[j] = (1 - z) * n + z * state[j];
      }
    } else {
      for (int64_t j = 0; j < hidden; ++j) {
        auto gate = [&](int k) { return wx_[k * hidden + j] + rh_[k * hidden + j]; };
        const double i = f(Clip(gate(0) + p_[j] * cell[j]));
        const double forget = params_.input_forget ? 1 - i : f(Clip(gate(2) + p_[2 * hidden + j] * cell[j]));
        cell[j] = forget * cell[j] + i * g(Clip(gate(3)));
        state[j] = f(Clip(gate(1) + p_[hidden + j] * cell[j])) * h(cell[j]);
      }
    }
  }

  const Params& params_;
  const Extents& e_;
  const LaunchArgs& args_;
  mutable StopPoll poll_{args_};
  const int d_;
  double *w_, *r_, *wb_, *rb_, *p_;  // [gates * hidden, input], [gates * hidden, hidden], ..., [3 * hidden]
  double *x_, *seen_, *next_, *wx_, *rh_;
  double *h_, *c_;  // [batch, hidden]
};

template <Cell kCell, bool kQuantized = false>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes(), kCell, kQuantized) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Extents e(params_, inputs);
    return sizeof(double) * static_cast<size_t>(Sequences<kCell>::Size(e)) * e.directions;
  }

  void Launch(const LaunchArgs& args) const {
    const Extents e(params_, args);
    double* memory = static_cast<double*>(args.workspace());
    args.ParallelFor(e.directions, 1, [&](int64_t begin, int64_t end) {
      for (int64_t d = begin; d < end; ++d) {
        Sequences<kCell> sequences(params_, e, args, static_cast<int>(d), memory + d * Sequences<kCell>::Size(e));
        sequences.Run();
      }
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<Cell::kRnn>>("RNN"),
    MakeKernel<Reference<Cell::kGru>>("GRU"),
    MakeKernel<Reference<Cell::kLstm>>("LSTM"),
    MakeKernel<Reference<Cell::kLstm, true>>("DynamicQuantizeLSTM", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::recurrent
