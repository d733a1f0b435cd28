// fp32 through the convolution engine; float16 and bfloat16 are converted on the way in and rounded once on the way
// out. Constant weights are prepared when the kernel is made.
#include <algorithm>

#include "kernels/conv/conv.h"
#include "kernels/conv/engine.h"
#include "kernels/conv/transposed.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/half.h"
#include "kernels/simd/launch.h"

namespace onda::conv {
namespace {

constexpr int kMaxEngineRank = 5;  // batch, channels and three spatial dimensions

std::string RejectsConv(const NodeView& node) {
  const DType t = node.input(0).type();
  if (!IsFloatOrHalf(t)) return "only float, float16 and bfloat16";
  const int rank = std::max(node.input(0).rank, node.input(1).rank);
  return rank >= 3 && rank <= kMaxEngineRank ? "" : "only 1 to 3 spatial dimensions, known before running";
}

void SetAxes(const window::Window& window, Problem& p) {
  for (int i = 0; i < window.rank; ++i) {
    const window::Axis& a = window[i];
    const int at = 3 - window.rank + i;
    p.in[at] = a.in, p.out[at] = a.out, p.kernel[at] = a.kernel;
    p.stride[at] = a.stride, p.dilation[at] = a.dilation, p.pad[at] = a.pad_begin;
  }
}

// Tensors as fp32: themselves, or copies in the workspace.
class Floats {
 public:
  Floats(Carver& carver, const TensorView& t) : tensor_(t) {
    if (t.present()) data_ = IsHalf(t.type()) ? carver.Take<float>(t.count()) : t.as<float>();
  }
  float* get() const { return data_; }
  void Fill(const LaunchArgs& args) const {
    if (!data_ || !IsHalf(tensor_.type())) return;
    args.ParallelFor(tensor_.count(), 16384, [&](int64_t begin, int64_t end) {
      WidenToFloat(tensor_.type(), tensor_.as<uint16_t>() + begin, data_ + begin, end - begin);
    });
  }
  void Finish(const LaunchArgs& args) const {
    if (!IsHalf(tensor_.type())) return;
    args.ParallelFor(tensor_.count(), 16384, [&](int64_t begin, int64_t end) {
      NarrowFromFloat(tensor_.type(), data_ + begin, tensor_.as<uint16_t>() + begin, end - begin);
    });
  }

 private:
  const TensorView& tensor_;
  float* data_ = nullptr;
};

// A constant tensor as fp32, owned.
AlignedFloats Constant(const FactView& fact) {
  int64_t count = 1;
  for (int64_t d : fact.shape()) count *= d;
  AlignedFloats floats(count);
  if (IsHalf(fact.type())) {
    WidenToFloat(fact.type(), fact.constant_as<uint16_t>(), floats.get(), count);
  } else {
    std::copy_n(fact.constant_as<float>(), count, floats.get());
  }
  return floats;
}

class ConvFloat {
 public:
  explicit ConvFloat(const NodeView& node) : params_(node.attributes()) {
    const FactView& w = node.input(1);
    if (!w.constant || !w.static_shape()) return;
    const Problem p = Channels(w.shape());
    packed_ = AlignedFloats(PackedWeightSize(p));
    if (!packed_) return;
    if (IsHalf(w.type())) {
      PackWeights(p, Constant(w).get(), packed_.get());
    } else {
      PackWeights(p, w.constant_as<float>(), packed_.get());
    }
  }
  static std::string Rejects(const NodeView& node) { return RejectsConv(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    const Pieces m(*this, carver, inputs, outputs[0]);
    return carver.bytes() + conv::WorkspaceBytes(m.problem, MaxThreads());
  }

  void Launch(const LaunchArgs& args) const {
    if (args.output(0).count() == 0) return;
    Carver carver(args.workspace());
    const Pieces m(*this, carver, args.inputs(), args.output(0));
    for (const Floats* f : {&m.x, &m.w, &m.bias, &m.addend}) f->Fill(args);
    if (m.packed) PackWeights(m.problem, m.w.get(), m.packed);
    Operands o{};
    o.x = m.x.get();
    o.weights = m.packed ? m.packed : packed_.get();
    o.bias = m.bias.get();
    o.addend = m.addend.get();
    o.activation = params_.activation;
    o.y = m.y.get();
    Run(m.problem, o, ParallelOf(args), carver.Take<char>(0));
    m.y.Finish(args);
  }

 private:
  Problem Channels(std::span<const int64_t> w) const {
    Problem p;
    p.groups = params_.groups;
    p.in_channels = w[1];
    p.out_channels = w[0] / p.groups;
    for (size_t i = 2; i < w.size(); ++i) p.kernel[3 - (w.size() - 2) + i - 2] = w[i];
    return p;
  }

  // What a launch needs, and where it lies in the workspace.
  struct Pieces {
    Problem problem;
    Floats x, w, bias, addend, y;
    float* packed = nullptr;  // weights that are packed at every launch

    Pieces(const ConvFloat& conv, Carver& carver, TensorViews in, const TensorView& out)
        : problem(conv.Channels(in[1].shape())),
          x(carver, in[0]),
          w(carver, conv.packed_ ? TensorViews(nullptr, 0)[0] : in[1]),
          bias(carver, in[2]),
          addend(carver, in[3]),
          y(carver, out) {
      problem.batch = in[0].dim(0);
      SetAxes(window::Resolve(conv.params_, in[0].shape().subspan(2), out.shape().subspan(2), in[1].shape().subspan(2)),
              problem);
      if (!conv.packed_) packed = carver.Take<float>(PackedWeightSize(problem));
    }
  };

  ConvParams params_;
  AlignedFloats packed_;
};

class ConvTransposeFloat {
 public:
  explicit ConvTransposeFloat(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsConv(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    const Pieces m(*this, carver, inputs, outputs[0]);
    return carver.bytes() + TransposedWorkspaceBytes(m.problem, MaxThreads());
  }

  void Launch(const LaunchArgs& args) const {
    if (args.output(0).count() == 0) return;
    Carver carver(args.workspace());
    const Pieces m(*this, carver, args.inputs(), args.output(0));
    for (const Floats* f : {&m.x, &m.w, &m.bias}) f->Fill(args);
    Operands o{};
    o.x = m.x.get();
    o.weights = m.w.get();
    o.bias = m.bias.get();
    o.y = m.y.get();
    RunTransposed(m.problem, o, ParallelOf(args), carver.Take<char>(0));
    m.y.Finish(args);
  }

 private:
  struct Pieces {
    Problem problem;
    Floats x, w, bias, y;

    Pieces(const ConvTransposeFloat& conv, Carver& carver, TensorViews in, const TensorView& out)
        : x(carver, in[0]), w(carver, in[1]), bias(carver, in[2]), y(carver, out) {
      problem.batch = in[0].dim(0);
      problem.groups = conv.params_.groups;
      problem.in_channels = in[0].dim(1) / problem.groups;
      problem.out_channels = in[1].dim(1);
      SetAxes(
          ResolveTranspose(conv.params_, in[0].shape().subspan(2), out.shape().subspan(2), in[1].shape().subspan(2)),
          problem);
    }
  };

  ConvTransposeParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<ConvFloat>("Conv"),
    MakeKernel<ConvFloat>("FusedConv", "com.microsoft"),
    MakeKernel<ConvTransposeFloat>("ConvTranspose"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::conv
