// LSTM, GRU, RNN and DynamicQuantizeLSTM. The products with the input, of all steps and directions, are one call of
// cuBLASLt. Then a kernel a step (two for a GRU that resets before its product): a warp takes one hidden unit and a few
// sequences, its lanes share the products with the state; states are kept in fp32 (fp64 for double), alternating
// between two buffers. Dynamic quantization takes the state's range in a kernel of its own before each step.
#include "kernels/device/block.h"
#include "kernels/device/element.h"
#include "kernels/device/library_plans.h"
#include "kernels/device/status.h"
#include "kernels/recurrent/recurrent.h"

namespace onda::recurrent {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kStepThreads = 128, kTogether = 4;

template <Cell kCell>
inline constexpr int kGatesOf = GatesOf(kCell);

// Not inlined: it is called for every gate.
template <class C>
__device__ __attribute__((noinline)) C Activate(const recurrent::Activation& f, C x) {
  const C a = static_cast<C>(f.alpha), b = static_cast<C>(f.beta);
  switch (f.kind) {
    case ActivationKind::kRelu:
      return x < 0 ? C(0) : x;
    case ActivationKind::kTanh:
      return tanh(x);
    case ActivationKind::kSigmoid:
      return 1 / (1 + exp(-x));
    case ActivationKind::kAffine:
      return a * x + b;
    case ActivationKind::kLeakyRelu:
      return x < 0 ? a * x : x;
    case ActivationKind::kThresholdedRelu:
      return x > a ? x : C(0);
    case ActivationKind::kScaledTanh:
      return a * tanh(b * x);
    case ActivationKind::kHardSigmoid: {
      const C v = a * x + b;
      return v < 0 ? C(0) : v > 1 ? C(1) : v;
    }
    case ActivationKind::kElu:
      return x < 0 ? a * expm1(x) : x;
    case ActivationKind::kSoftsign:
      return x / (1 + fabs(x));
    case ActivationKind::kSoftplus:
      return (x > 0 ? x : C(0)) + log1p(exp(-fabs(x)));
  }
  return x;
}

// What a launch needs of Params and Extents.
struct Geometry {
  int64_t steps, batch, hidden;
  int32_t directions, node;
  bool batch_first, first_is_reverse, input_forget, linear_before_reset;
  float clip;
  recurrent::Activation activations[2][3];

  __device__ int64_t Row(int64_t t, int64_t b) const { return batch_first ? b * steps + t : t * batch + b; }
  __device__ int64_t YRow(int64_t t, int64_t d, int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  __device__ int64_t StateRow(int64_t d, int64_t b) const {
    return (batch_first ? b * directions + d : d * batch + b) * hidden;
  }
};

__device__ int64_t Length(const Geometry& g, const int32_t* lengths, int64_t b) {
  if (!lengths) return g.steps;
  const int64_t n = lengths[b];
  return n < 0 ? 0 : n > g.steps ? g.steps : n;
}

// Scale and zero point of values that are rounded to bytes.
struct DeviceRange {
  float scale, zero;
  __device__ float Round(float x) const { return (fminf(255.0f, fmaxf(0.0f, rintf(x / scale) + zero)) - zero) * scale; }
};

// h and c (directions, batch, hidden) from the initial states; zeros where those are absent.
template <class T>
__global__ void __launch_bounds__(kThreads) Begin(In<T> h0, In<T> c0, In<int32_t> lengths, Out<Compute<T>> h,
                                                  Out<Compute<T>> c, InOut<int32_t> status, int64_t n, Geometry g) {
  const int64_t i = GlobalThread();
  if (lengths && i < g.batch && (lengths[i] < 0 || lengths[i] > g.steps))
    ReportError(status.data, g.node, kOndaBadContent);
  if (i >= n) return;
  const int64_t at = g.StateRow(i / g.hidden / g.batch, i / g.hidden % g.batch) + i % g.hidden;
  h[i] = h0 ? Widen(h0[at]) : Compute<T>(0);
  c[i] = c0 ? Widen(c0[at]) : Compute<T>(0);
}

// The last states; there are none of an empty sequence.
template <class T>
__global__ void __launch_bounds__(kThreads)
    End(In<Compute<T>> h, In<Compute<T>> c, In<int32_t> lengths, Out<T> y_h, Out<T> y_c, int64_t n, Geometry g) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t b = i / g.hidden % g.batch, at = g.StateRow(i / g.hidden / g.batch, b) + i % g.hidden;
  const bool any = Length(g, lengths.data, b) > 0;
  if (y_h) y_h[at] = Narrow<T>(any ? h[i] : Compute<T>(0));
  if (y_c) y_c[at] = Narrow<T>(any ? c[i] : Compute<T>(0));
}

enum class Phase { kWhole, kReset, kResult };  // the last two of a GRU that resets before its product

// gates (directions, rows of the input, gates * hidden); r (directions, gates * hidden, hidden); inner (2, directions,
// batch, hidden): z and r * h of a GRU. ranges, where present: of each direction's state.
template <class T, Cell kCell>
__global__ void __launch_bounds__(kStepThreads)
    Step(In<Compute<T>> gates, In<T> r, In<T> bias, In<T> peepholes, In<int32_t> lengths, In<Compute<T>> before,
         Out<Compute<T>> after, InOut<Compute<T>> c, InOut<Compute<T>> inner, InOut<T> y, In<float> ranges,
         int64_t step, Phase phase, Geometry g) {
  using C = Compute<T>;
  constexpr int kGates = kGatesOf<kCell>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t j = GlobalThread() / kWarp, first = int64_t{blockIdx.y} * kTogether, d = blockIdx.z;
  if (j >= g.hidden) return;  // whole warps
  const int64_t states = g.directions * g.batch * g.hidden;
  const C* const source = phase == Phase::kResult ? inner.data + states : before.data;
  const DeviceRange range = ranges ? DeviceRange{ranges[2 * d], ranges[2 * d + 1]} : DeviceRange{};
  const int first_gate = phase == Phase::kResult ? 2 : 0, last_gate = phase == Phase::kReset ? 2 : kGates;
  C sum[kGates][kTogether] = {};
  for (int64_t k = lane; k < g.hidden; k += kWarp) {
    C state[kTogether];
#pragma unroll
    for (int e = 0; e < kTogether; ++e) {
      state[e] = first + e < g.batch ? source[(d * g.batch + first + e) * g.hidden + k] : C(0);
      if (ranges) state[e] = range.Round(static_cast<float>(state[e]));
    }
#pragma unroll
    for (int gate = 0; gate < kGates; ++gate) {
      if (gate < first_gate || gate >= last_gate) continue;
      const C weight = Widen(r[((d * kGates + gate) * g.hidden + j) * g.hidden + k]);
#pragma unroll
      for (int e = 0; e < kTogether; ++e) sum[gate][e] += weight * state[e];
    }
  }
  // Lane e finishes sequence first + e.
  C recurrent[kGates] = {}, input[kGates] = {};
#pragma unroll
  for (int gate = 0; gate < kGates; ++gate)
#pragma unroll
    for (int e = 0; e < kTogether; ++e) {
      const C total = WarpReduce(sum[gate][e], Plus());
      if (lane == e) recurrent[gate] = total;
    }
  const int64_t b = first + lane;
  if (lane >= kTogether || b >= g.batch) return;
  const int64_t length = Length(g, lengths.data, b), i = (d * g.batch + b) * g.hidden + j;
  const bool valid = step < length, reverse = d == 1 || g.first_is_reverse;
  const int64_t t = valid && reverse ? length - 1 - step : step;
  if (!valid) {
    if (phase == Phase::kReset) {
      inner[i] = inner[states + i] = C(0);  // read by the products of the next launch
      return;
    }
    after[i] = before[i];
    if (y) y[g.YRow(t, d, b) + j] = Narrow<T>(C(0));
    return;
  }
#pragma unroll
  for (int gate = 0; gate < kGates; ++gate) {
    const int64_t at = gate * g.hidden + j;
    input[gate] = gates[(d * g.steps * g.batch + g.Row(t, b)) * kGates * g.hidden + at];
    if (!bias) continue;
    input[gate] += Widen(bias[d * 2 * kGates * g.hidden + at]);
    recurrent[gate] += Widen(bias[(d * 2 + 1) * kGates * g.hidden + at]);
  }
  auto clip = [&](C v) {
    const C most = static_cast<C>(g.clip);
    return v > most ? most : v < -most ? -most : v;
  };
  const auto& f = g.activations[d];
  C result;
  if constexpr (kCell == Cell::kRnn) {
    result = Activate(f[0], clip(input[0] + recurrent[0]));
  } else if constexpr (kCell == Cell::kGru) {
    const C state = before[i];
    C z;
    if (phase == Phase::kResult) {
      z = inner[i];
    } else {
      z = Activate(f[0], clip(input[0] + recurrent[0]));
      const C reset = Activate(f[0], clip(input[1] + recurrent[1]));
      if (phase == Phase::kReset) {
        inner[i] = z;
        inner[states + i] = reset * state;
        return;
      }
      recurrent[2] *= reset;
    }
    result = (1 - z) * Activate(f[1], clip(input[2] + recurrent[2])) + z * state;
  } else {
    auto peephole = [&](int k) { return peepholes ? Widen(peepholes[(d * 3 + k) * g.hidden + j]) : C(0); };
    auto gate = [&](int k) { return input[k] + recurrent[k]; };
    const C cell = c[i];
    const C in = Activate(f[0], clip(gate(0) + peephole(0) * cell));
    const C forget = g.input_forget ? 1 - in : Activate(f[0], clip(gate(2) + peephole(2) * cell));
    const C next = forget * cell + in * Activate(f[1], clip(gate(3)));
    c[i] = next;
    result = Activate(f[0], clip(gate(1) + peephole(1) * next)) * Activate(f[2], next);
  }
  after[i] = result;
  if (y) y[g.YRow(t, d, b) + j] = Narrow<T>(result);
}

// One block for each of gridDim.x lists of n floats: the scale and zero point that cover it and 0.
__global__ void __launch_bounds__(kThreads) FindRange(In<float> x, Out<float> ranges, int64_t n) {
  float low = 0, high = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const float v = x[blockIdx.x * n + i];
    low = fminf(low, v);
    high = fmaxf(high, v);
  }
  low = BlockReduce(low, Minimum(), 0.0f);
  high = BlockReduce(high, Maximum(), 0.0f);
  if (threadIdx.x != 0) return;
  const float scale = high > low ? (high - low) / 255 : 1;
  ranges[2 * blockIdx.x] = scale;
  ranges[2 * blockIdx.x + 1] = rintf(fminf(255.0f, fmaxf(0.0f, 0 - low / scale)));
}

__global__ void __launch_bounds__(kThreads) RoundToRange(In<float> x, In<float> range, Out<float> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = DeviceRange{range[0], range[1]}.Round(x[i]);
}

// to (directions, rows, depth) from bytes (directions, depth, rows).
__global__ void __launch_bounds__(kThreads)
    DequantizeMatrix(In<uint8_t> matrix, In<float> scale, In<uint8_t> zero, Out<float> to, int64_t n, int64_t rows,
                     int64_t depth, bool is_signed, bool scale_per_row, bool zero_per_row) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t k = i % depth, row = i / depth % rows, d = i / depth / rows;
  auto value = [&](uint8_t byte) { return is_signed ? static_cast<int8_t>(byte) : static_cast<int32_t>(byte); };
  const int32_t difference =
      value(matrix[(d * depth + k) * rows + row]) - value(zero[zero_per_row ? d * rows + row : d]);
  to[i] = static_cast<float>(difference) * scale[scale_per_row ? d * rows + row : d];
}

template <Cell kCell, bool kQuantized = false>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes(), kCell, kQuantized) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(kX).type();
    if (!IsFloating(type)) return "not for " + std::string(NameOf(type));
    for (int i : {static_cast<int>(kBias), static_cast<int>(kInitialH), static_cast<int>(kInitialC),
                  static_cast<int>(kPeepholes)})
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for all reals";
    if (node.input(kSequenceLens).present() && node.input(kSequenceLens).type() != DType::kInt32)
      return "only sequence_lens of int32";
    if (!kQuantized) return "";
    if (type != DType::kFloat) return "only float";
    if (node.input(kWScale).type() != DType::kFloat || node.input(kRScale).type() != DType::kFloat)
      return "only scales of float";
    return "";
  }

  void Prepare(const LaunchArgs& args) const {
    const Layout l(params_, args.inputs());
    if (!HasProducts(l)) return;
    const size_t x = kQuantized ? l.x.bytes : args.input(kX).bytes(),
                 w = kQuantized ? l.w.bytes : args.input(kW).bytes();
    plans_.Prepare(args, ProductsOf(args.inputs(), l),
                   std::array{AtNoPlace(0, x), AtNoPlace(1, w), AtNoPlace(2, l.gates.bytes)});
  }
  // Our own parts, then the library's.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Layout l(params_, inputs);
    return l.bytes + (HasProducts(l) ? plans_.WorkspaceBytes(ProductsOf(inputs, l)) : 0);
  }

  void Launch(const LaunchArgs& args) const {
    const Layout layout(params_, args.inputs());
    if (layout.e.batch * layout.e.hidden == 0) return;
    WithReal(args.input(kX).type(), [&](auto tag) { Run<typename decltype(tag)::Type>(args, layout); });
  }

 private:
  static constexpr int kGates = GatesOf(kCell);

  // Where things lie in the workspace.
  struct Layout {
    struct Part {
      size_t offset = 0, bytes = 0;
    };
    Extents e;
    int64_t rows;  // of the input
    Part gates, h[2], c, inner, w, r, x, ranges;
    size_t bytes = 0;

    Layout(const Params& params, TensorViews inputs) : e(params, inputs), rows(e.steps * e.batch) {
      const int64_t element = inputs[kX].type() == DType::kDouble ? 8 : 4;
      auto take = [&](int64_t count) {
        const Part part{bytes, static_cast<size_t>(count * element)};
        bytes += WorkspacePart(part.bytes);
        return part;
      };
      const int64_t states = e.directions * e.batch * e.hidden, width = kGates * e.hidden;
      gates = take(e.directions * rows * width);
      h[0] = take(states), h[1] = take(states), c = take(states);
      if (kCell == Cell::kGru) inner = take(2 * states);
      if (!kQuantized) return;
      w = take(e.directions * width * e.input), r = take(e.directions * width * e.hidden);
      x = take(rows * e.input);
      ranges = take(2 * (1 + e.directions));
    }
  };
  static LaunchConfig Over(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

  template <class T>
  void Run(const LaunchArgs& args, const Layout& l) const {
    const Extents& e = l.e;
    auto part = [&](const typename Layout::Part& p) { return WorkspaceOf(args, p.offset, p.bytes); };
    auto buffer = [](const TensorView& t) { return t.present() ? cuda::Buffer{t.data, t.bytes()} : cuda::Buffer{}; };
    const cuda::Buffer absent{};
    Geometry g{};
    g.steps = e.steps, g.batch = e.batch, g.hidden = e.hidden;
    g.directions = e.directions, g.node = args.node();
    g.batch_first = e.batch_first, g.first_is_reverse = params_.first_is_reverse;
    g.input_forget = params_.input_forget, g.linear_before_reset = params_.linear_before_reset;
    g.clip = params_.clip;
    for (int d = 0; d < 2; ++d)
      for (int i = 0; i < 3; ++i) g.activations[d][i] = params_.activations[d][i];

    cuda::Buffer x = buffer(args.input(kX)), w = buffer(args.input(kW)), r = buffer(args.input(kR));
    cuda::Buffer state_range;
    if constexpr (kQuantized) {
      const cuda::Buffer ranges = part(l.ranges), input_range{ranges.data, 2 * sizeof(float)};
      state_range = {static_cast<float*>(ranges.data) + 2, 2 * sizeof(float) * static_cast<size_t>(e.directions)};
      const int64_t n = l.rows * e.input;
      if (n > 0) {
        cuda::Launch(args, {.grid = {1}, .block = {kThreads}}, FindRange, x, input_range, n);
        cuda::Launch(args, Over(n), RoundToRange, x, input_range, part(l.x), n);
      }
      x = part(l.x), w = part(l.w), r = part(l.r);
      Dequantize(args, kW, kWScale, kWZero, w, e.input, e);
      Dequantize(args, kR, kRScale, kRZero, r, e.hidden, e);
    }
    InputProducts(args, l, x, w, part(l.gates));

    const TensorView& lengths = args.input(kSequenceLens);
    const TensorView none{};
    const bool lstm = kCell == Cell::kLstm;
    const int64_t states = e.directions * e.batch * e.hidden;
    cuda::Launch(args, Over(std::max(states, e.batch)), Begin<T>, args.input(kInitialH),
                 lstm ? args.input(kInitialC) : none, lengths, part(l.h[0]), part(l.c), StatusOf(args), states, g);
    const LaunchConfig config{.grid = {BlocksFor(e.hidden, kStepThreads / kWarp), BlocksFor(e.batch, kTogether),
                                       static_cast<uint32_t>(e.directions)},
                              .block = {kStepThreads}};
    const bool two = kCell == Cell::kGru && !params_.linear_before_reset;
    for (int64_t s = 0; s < e.steps; ++s) {
      const cuda::Buffer before = part(l.h[s % 2]), after = part(l.h[(s + 1) % 2]);
      if (kQuantized)
        cuda::Launch(args, {.grid = {static_cast<uint32_t>(e.directions)}, .block = {kThreads}}, FindRange, before,
                     state_range, e.batch * e.hidden);
      auto run = [&](Phase phase) {
        const bool reset = phase == Phase::kReset;  // which gives no state yet
        cuda::Launch(args, config, Step<T, kCell>, part(l.gates), r, args.input(kBias),
                     lstm ? args.input(kPeepholes) : none, lengths, before, reset ? absent : after, part(l.c),
                     part(l.inner), reset ? absent : buffer(args.output(kY)), state_range, s, phase, g);
      };
      if (two) run(Phase::kReset);
      run(two ? Phase::kResult : Phase::kWhole);
    }
    if (args.wants_output(kYh) || (lstm && args.wants_output(kYc)))
      cuda::Launch(args, Over(states), End<T>, part(l.h[e.steps % 2]), part(l.c), lengths, args.output(kYh),
                   lstm ? args.output(kYc) : none, states, g);
  }

  void Dequantize(const LaunchArgs& args, int matrix, int scale, int zero, const cuda::Buffer& to, int64_t depth,
                  const Extents& e) const {
    const int64_t rows = kGates * e.hidden, n = e.directions * rows * depth;
    cuda::Launch(args, Over(n), DequantizeMatrix, args.input(matrix), args.input(scale), args.input(zero), to, n, rows,
                 depth, args.input(matrix).type() == DType::kInt8, args.input(scale).count() != e.directions,
                 args.input(zero).count() != e.directions);
  }

  // gates (directions, rows, gates * hidden) = x w^T.
  void InputProducts(const LaunchArgs& args, const Layout& l, const cuda::Buffer& x, const cuda::Buffer& w,
                     const cuda::Buffer& gates) const {
    if (l.rows == 0) return;
    if (l.e.input == 0) return StreamOf(args).device().Fill(gates.data, 0, gates.bytes, StreamOf(args));
    plans_.Execute(args, ProductsOf(args.inputs(), l), std::array<cuda::Buffer, 3>{x, w, gates}, l.bytes);
  }
  static bool HasProducts(const Layout& l) { return l.rows > 0 && l.e.input > 0 && l.e.hidden > 0; }
  static GemmDescription ProductsOf(TensorViews inputs, const Layout& l) {
    const DType type = inputs[kX].type();
    const int64_t width = kGates * l.e.hidden;
    GemmDescription op{.m = l.rows, .n = width, .k = l.e.input, .batch = l.e.directions};
    op.a_row = op.b_row = l.e.input, op.y_row = width;
    op.b_batch = width * l.e.input, op.y_batch = l.rows * width;
    op.type = type;
    op.out = type == DType::kDouble ? type : DType::kFloat;
    op.transpose_b = true;
    return op;
  }

  Params params_;
  mutable LibraryPlans plans_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<Cell::kRnn>>("RNN"),
    MakeKernel<Cuda<Cell::kGru>>("GRU"),
    MakeKernel<Cuda<Cell::kLstm>>("LSTM"),
    MakeKernel<Cuda<Cell::kLstm, true>>("DynamicQuantizeLSTM", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::recurrent
