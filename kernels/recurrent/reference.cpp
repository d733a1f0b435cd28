#include <algorithm>

#include "kernels/recurrent/recurrent.h"
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

// One direction of one sequence of the batch.
template <Cell kCell>
class Sequence {
 public:
  static constexpr int64_t kGates = GatesOf(kCell);

  // Doubles that one direction needs.
  static int64_t Size(const Extents& e) {
    return kGates * e.hidden * (e.input + e.hidden + 4) + 3 * e.hidden + e.input + 5 * e.hidden;
  }

  Sequence(const Params& params, const Extents& e, const LaunchArgs& args, int d, void* memory)
      : params_(params), e_(e), args_(args), d_(d) {
    Doubles doubles(memory);
    const int64_t rows = kGates * e.hidden;
    w_ = doubles.Read(args.input(kW), d * rows * e.input, rows * e.input);
    r_ = doubles.Read(args.input(kR), d * rows * e.hidden, rows * e.hidden);
    wb_ = doubles.Read(args.input(kBias), d * 2 * rows, rows);
    rb_ = doubles.Read(args.input(kBias), (d * 2 + 1) * rows, rows);
    p_ = doubles.Read(kCell == Cell::kLstm ? args.input(kPeepholes) : TensorView{}, d * 3 * e.hidden, 3 * e.hidden);
    x_ = doubles.Take(e.input);
    h_ = doubles.Take(e.hidden);
    c_ = doubles.Take(e.hidden);
    next_ = doubles.Take(e.hidden);
    wx_ = doubles.Take(rows);
    rh_ = doubles.Take(rows);
  }

  void Run(int64_t b) {
    const int64_t length = LengthOf(args_, e_, b), hidden = e_.hidden, state = e_.StateRow(d_, b);
    for (int64_t j = 0; j < hidden; ++j) {
      h_[j] = Initial(kInitialH, state + j);
      c_[j] = kCell == Cell::kLstm ? Initial(kInitialC, state + j) : 0;
    }
    for (int64_t s = 0; s < e_.steps; ++s) {
      const bool valid = s < length;
      const int64_t t = valid && params_.is_reverse(d_) ? length - 1 - s : s;
      if (valid) Step(t, b);
      Write(kY, e_.YRow(t, d_, b), valid ? h_ : nullptr);
    }
    // There is no last state of an empty sequence.
    Write(kYh, state, length > 0 ? h_ : nullptr);
    if (kCell == Cell::kLstm) Write(kYc, state, length > 0 ? c_ : nullptr);
  }

 private:
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

  void Step(int64_t t, int64_t b) {
    const TensorView& x = args_.input(kX);
    const int64_t hidden = e_.hidden;
    for (int64_t i = 0; i < e_.input; ++i) x_[i] = LoadDouble(x.type(), x.data, e_.XRow(t, b) + i);
    for (int64_t k = 0; k < kGates * hidden; ++k) {
      wx_[k] = Dot(w_ + k * e_.input, x_, e_.input) + wb_[k];
      rh_[k] = Dot(r_ + k * hidden, h_, hidden) + rb_[k];
    }
    const auto& [f, g, h] = params_.activations[d_];
    if constexpr (kCell == Cell::kRnn) {
      for (int64_t j = 0; j < hidden; ++j) h_[j] = f(Clip(wx_[j] + rh_[j]));
    } else if constexpr (kCell == Cell::kGru) {
      // next_ holds r * h, then n.
      const double* rn = r_ + 2 * hidden * hidden;
      for (int64_t j = 0; j < hidden; ++j) next_[j] = f(Clip(wx_[hidden + j] + rh_[hidden + j]));
      if (params_.linear_before_reset) {
        for (int64_t j = 0; j < hidden; ++j) rh_[2 * hidden + j] *= next_[j];
      } else {
        for (int64_t j = 0; j < hidden; ++j) next_[j] *= h_[j];
        for (int64_t j = 0; j < hidden; ++j)
          rh_[2 * hidden + j] = Dot(rn + j * hidden, next_, hidden) + rb_[2 * hidden + j];
      }
      for (int64_t j = 0; j < hidden; ++j) {
        const double z = f(Clip(wx_[j] + rh_[j])), n = g(Clip(wx_[2 * hidden + j] + rh_[2 * hidden + j]));
        h_[j] = (1 - z) * n + z * h_[j];
      }
    } else {
      for (int64_t j = 0; j < hidden; ++j) {
        auto gate = [&](int k) { return wx_[k * hidden + j] + rh_[k * hidden + j]; };
        const double i = f(Clip(gate(0) + p_[j] * c_[j]));
        const double forget = params_.input_forget ? 1 - i : f(Clip(gate(2) + p_[2 * hidden + j] * c_[j]));
        c_[j] = forget * c_[j] + i * g(Clip(gate(3)));
        h_[j] = f(Clip(gate(1) + p_[hidden + j] * c_[j])) * h(c_[j]);
      }
    }
  }

  const Params& params_;
  const Extents& e_;
  const LaunchArgs& args_;
  const int d_;
  double *w_, *r_, *wb_, *rb_, *p_;  // [gates * hidden, input], [gates * hidden, hidden], ..., [3 * hidden]
  double *x_, *h_, *c_, *next_, *wx_, *rh_;
};

template <Cell kCell>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes(), kCell) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Extents e(params_, inputs);
    return sizeof(double) * static_cast<size_t>(Sequence<kCell>::Size(e)) * e.directions;
  }

  void Launch(const LaunchArgs& args) const {
    const Extents e(params_, args);
    double* memory = static_cast<double*>(args.workspace());
    args.ParallelFor(e.directions, 1, [&](int64_t begin, int64_t end) {
      for (int64_t d = begin; d < end; ++d) {
        Sequence<kCell> sequence(params_, e, args, static_cast<int>(d), memory + d * Sequence<kCell>::Size(e));
        for (int64_t b = 0; b < e.batch; ++b) sequence.Run(b);
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
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::recurrent
