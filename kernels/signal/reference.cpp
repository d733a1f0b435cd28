#include <algorithm>
#include <cmath>

#include "kernels/signal/fft.h"
#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::signal {
namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

// Lines are shared out in so many pieces, each with a line of its own.
constexpr int64_t kPieces = 16;

int64_t ScalarOr(const TensorView& v, int64_t absent) {
  return v.present() && v.count() > 0 ? LoadInt64(v.type(), v.data, 0) : absent;
}

// A transform's tables and the lines of the pieces.
struct Scratch {
  Scratch(int64_t n, Carver& carver, const LaunchArgs* args = nullptr) : length(n), fft(n, carver, args) {
    lines = carver.Take<Complex>(kPieces * n);
    extras = carver.Take<Complex>(kPieces * fft.scratch_count());
  }
  // fn(line, i) for every i in [0, count).
  template <class Fn>
  void ForEach(const LaunchArgs& args, int64_t count, bool inverse, Fn&& fn) const {
    const int64_t grain = (count + kPieces - 1) / kPieces;
    if (count == 0) return;
    args.ParallelFor((count + grain - 1) / grain, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        for (int64_t i = piece * grain; i < std::min(count, (piece + 1) * grain) && !args.stop_requested(); ++i) {
          Complex* line = lines + piece * length;
          fn(line, i, [&] { fft.Run(line, extras + piece * fft.scratch_count(), inverse); });
        }
      }
    });
  }

  int64_t length;
  Fft fft;
  Complex *lines, *extras;
};

class Dft {
 public:
  explicit Dft(const NodeView& node)
      : inverse_(node.attributes().Int("inverse", 0) != 0), onesided_(node.attributes().Int("onesided", 0) != 0) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver counter;
    Scratch(LengthOf(inputs, AxisOf(inputs), outputs[0]), counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (y.count() == 0) return;
    const int axis = AxisOf(args.inputs());
    const int64_t n = LengthOf(args.inputs(), axis, y), inner = x.count(axis + 1, x.rank - 1);
    const int64_t given = x.dim(axis), parts = x.dim(x.rank - 1), wanted = y.dim(axis), out_parts = y.dim(y.rank - 1);
    if (parts < 1 || parts > 2) throw Error(ErrorCode::kInvalidArgument, "the last dimension must be 1 or 2");
    Carver carver(args.workspace());
    const Scratch scratch(n, carver, &args);
    const bool to_real = inverse_ && onesided_;
    scratch.ForEach(args, x.count(0, axis) * inner, inverse_, [&](Complex* line, int64_t i, auto&& transform) {
      const int64_t from = i / inner * given * inner + i % inner, to = i / inner * wanted * inner + i % inner;
      auto load = [&](int64_t k) -> Complex {
        if (k >= given) return {0, 0};
        const int64_t at = (from + k * inner) * parts;
        return {LoadDouble(x.type(), x.data, at), parts == 2 ? LoadDouble(x.type(), x.data, at + 1) : 0};
      };
      if (to_real) {
        Mirror(line, n, load);
      } else {
        for (int64_t k = 0; k < n; ++k) line[k] = load(k);
      }
      transform();
      const double scale = inverse_ ? 1 / static_cast<double>(n) : 1;
      for (int64_t k = 0; k < wanted; ++k) {
        const int64_t at = (to + k * inner) * out_parts;
        StoreDouble(y.type(), y.data, at, line[k].re * scale);
        if (out_parts == 2) StoreDouble(y.type(), y.data, at + 1, line[k].im * scale);
      }
    });
  }

 private:
  // The spectrum of a real signal from its first half. Where it must be real, imaginary parts are dropped.
  template <class Load>
  static void Mirror(Complex* line, int64_t n, Load&& load) {
    for (int64_t k = 0; k <= n / 2; ++k) {
      Complex v = load(k);
      if (k == 0 || 2 * k == n) v.im = 0;
      line[k] = v;
      if (k > 0 && 2 * k != n) line[n - k] = {v.re, -v.im};
    }
  }

  static int AxisOf(TensorViews inputs) {
    const int rank = inputs[0].rank;
    const int64_t axis = ScalarOr(inputs[2], -2), positive = axis < 0 ? axis + rank : axis;
    if (positive < 0 || positive >= rank - 1) throw Error(ErrorCode::kInvalidArgument, "DFT: axis is out of range");
    return static_cast<int>(positive);
  }

  int64_t LengthOf(TensorViews inputs, int axis, const TensorView& y) const {
    if (!onesided_ || inverse_) return std::max<int64_t>(1, y.dim(axis));
    const int64_t n = ScalarOr(inputs[1], inputs[0].dim(axis));
    if (n < 1 || n / 2 + 1 != y.dim(axis)) throw Error(ErrorCode::kInvalidArgument, "DFT: dft_length has changed");
    return n;
  }

  bool inverse_, onesided_;
};

class Stft {
 public:
  explicit Stft(const NodeView& node) : onesided_(node.attributes().Int("onesided", 1) != 0) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    Carver counter;
    Scratch(FrameOf(inputs), counter);
    counter.Take<double>(FrameOf(inputs));
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &window = args.input(2), &y = args.output(0);
    const int64_t frame = FrameOf(args.inputs()), step = ScalarOr(args.input(1), 1), length = x.dim(1),
                  parts = x.dim(2);
    const int64_t frames = y.dim(1), bins = y.dim(2);
    if (y.count() == 0) return;
    if (step < 1 || parts < 1 || parts > 2 || bins > frame || (window.present() && window.count() != frame) ||
        (frames - 1) > (length - frame) / step || length < frame) {
      throw Error(ErrorCode::kInvalidArgument, "the frames do not fit the signal and the window");
    }
    Carver carver(args.workspace());
    const Scratch scratch(frame, carver, &args);
    double* weight = carver.Take<double>(frame);
    for (int64_t k = 0; k < frame; ++k) weight[k] = window.present() ? LoadDouble(window.type(), window.data, k) : 1;
    scratch.ForEach(args, x.dim(0) * frames, false, [&](Complex* line, int64_t i, auto&& transform) {
      const int64_t first = i / frames * length + i % frames * step;
      for (int64_t k = 0; k < frame; ++k) {
        const int64_t at = (first + k) * parts;
        line[k] = {LoadDouble(x.type(), x.data, at) * weight[k],
                   parts == 2 ? LoadDouble(x.type(), x.data, at + 1) * weight[k] : 0};
      }
      transform();
      for (int64_t k = 0; k < bins; ++k) {
        StoreDouble(y.type(), y.data, (i * bins + k) * 2, line[k].re);
        StoreDouble(y.type(), y.data, (i * bins + k) * 2 + 1, line[k].im);
      }
    });
  }

 private:
  static int64_t FrameOf(TensorViews inputs) {
    const int64_t frame = ScalarOr(inputs[3], inputs[2].present() ? inputs[2].count() : inputs[0].dim(1));
    if (frame < 1) throw Error(ErrorCode::kInvalidArgument, "frame_length must be positive");
    return frame;
  }

  bool onesided_;
};

// Values of cosine windows: a - b cos(2 pi i / n) + c cos(4 pi i / n).
struct Hann {
  static constexpr double a = 0.5, b = 0.5, c = 0;
};
struct Hamming {
  static constexpr double a = 25.0 / 46, b = 21.0 / 46, c = 0;
};
struct Blackman {
  static constexpr double a = 0.42, b = 0.5, c = 0.08;
};

template <class Terms>
class Window {
 public:
  explicit Window(const NodeView& node) : periodic_(node.attributes().Int("periodic", 1) != 0) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const double n = static_cast<double>(y.count()) - (periodic_ ? 0 : 1);
    for (int64_t i = 0; i < y.count(); ++i) {
      const double angle = 2 * kPi * static_cast<double>(i) / n;
      StoreDouble(y.type(), y.data, i, Terms::a - Terms::b * std::cos(angle) + Terms::c * std::cos(2 * angle));
    }
  }

 private:
  bool periodic_;
};

// Triangles between frequencies that are equally far apart on the mel scale 2595 log10(1 + f / 700), rounded down to
// bins of the spectrum.
class MelWeightMatrix {
 public:
  explicit MelWeightMatrix(const NodeView&) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    auto number = [&](int i) { return LoadDouble(args.input(i).type(), args.input(i).data, 0); };
    for (int i = 0; i < 5; ++i) {
      if (args.input(i).count() != 1) throw Error(ErrorCode::kInvalidArgument, "all inputs must be scalars");
    }
    const double length = number(1), rate = number(2), low = Mel(number(3)), high = Mel(number(4));
    if (!(rate > 0)) throw Error(ErrorCode::kRuntime, "sample_rate must be positive");
    const int64_t rows = y.dim(0), bins = y.dim(1);
    const double step = (high - low) / static_cast<double>(bins + 2);
    auto bin_of = [&](int64_t i) {
      const double hertz = 700 * (std::pow(10.0, (low + step * static_cast<double>(i)) / 2595) - 1);
      return std::floor((length + 1) * hertz / rate);
    };
    for (int64_t i = 0; i < rows * bins; ++i) StoreDouble(y.type(), y.data, i, 0);
    for (int64_t b = 0; b < bins; ++b) {
      const double left = bin_of(b), center = bin_of(b + 1), right = bin_of(b + 2);
      for (int64_t row = 0; row < rows; ++row) {
        const double at = static_cast<double>(row);
        double weight = 0;
        if (at == center) {
          weight = 1;
        } else if (at >= left && at < center) {
          weight = (at - left) / (center - left);
        } else if (at > center && at < right) {
          weight = (right - at) / (right - center);
        }
        StoreDouble(y.type(), y.data, row * bins + b, weight);
      }
    }
  }

 private:
  static double Mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Dft>("DFT"),
    MakeKernel<Stft>("STFT"),
    MakeKernel<Window<Hann>>("HannWindow"),
    MakeKernel<Window<Hamming>>("HammingWindow"),
    MakeKernel<Window<Blackman>>("BlackmanWindow"),
    MakeKernel<MelWeightMatrix>("MelWeightMatrix"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::signal
