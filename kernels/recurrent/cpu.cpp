// fp32. The products of all inputs of a chunk of steps with W are one matrix product; a step then multiplies the state
// with R, whose packed panels stream from cache, and applies the activations. Threads share the directions, or the
// groups of hidden units of a step where that is worth a barrier.
#include <algorithm>
#include <memory>
#include <new>

#include "kernels/recurrent/pack.h"
#include "kernels/recurrent/steps.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/through_float.h"

namespace onda::recurrent {
namespace {

// One step of multiplications below this many is not worth a barrier.
constexpr int64_t kParallelStep = int64_t{1} << 19;

// Rows of x that are multiplied with W at once.
constexpr int64_t kChunkRows = 96;

// The working memory of one direction.
struct Scratch {
  float *wx, *rh, *rn, *h[2], *c, *reset, *rounded;
  const float **x_rows, **h_rows[2], **reset_rows, **rounded_rows;
  int64_t* lengths;

  Scratch(const Params& params, const Extents& e, const Packing& p, int64_t chunk, Carver& carver) {
    const int64_t state = e.batch * p.padded();
    wx = carver.Take<float>(chunk * state * p.gates);
    rh = carver.Take<float>(state * p.recurrent_gates());
    rn = carver.Take<float>(p.split ? state : 0);
    for (float*& half : h) half = carver.Take<float>(state);
    c = carver.Take<float>(state);
    reset = carver.Take<float>(p.split ? state : 0);
    rounded = carver.Take<float>(params.quantized ? state : 0);
    x_rows = carver.Take<const float*>(chunk * e.batch);
    for (const float**& rows : h_rows) rows = carver.Take<const float*>(e.batch);
    reset_rows = carver.Take<const float*>(p.split ? e.batch : 0);
    rounded_rows = carver.Take<const float*>(params.quantized ? e.batch : 0);
    lengths = carver.Take<int64_t>(e.batch);
  }
};

// One direction of a launch.
template <Cell kCell>
class Direction {
 public:
  Direction(const Params& params, const Extents& e, const Packing& p, const Weights& weights, const LaunchArgs& args,
            int d, const float* x, const Scratch& scratch, int64_t chunk, bool parallel)
      : params_(params),
        e_(e),
        p_(p),
        weights_(weights),
        args_(args),
        d_(d),
        x_(x),
        s_(scratch),
        chunk_(chunk),
        parallel_(parallel) {}

  void Run() {
    const int64_t padded = p_.padded();
    for (int64_t b = 0; b < e_.batch; ++b) {
      s_.lengths[b] = LengthOf(args_, e_, b);
      ReadState(kInitialH, b, s_.h[0] + b * padded);
      if (kCell == Cell::kLstm) ReadState(kInitialC, b, s_.c + b * padded);
      for (int half = 0; half < 2; ++half) s_.h_rows[half][b] = s_.h[half] + b * padded;
      if (p_.split) s_.reset_rows[b] = s_.reset + b * padded;
      if (params_.quantized) s_.rounded_rows[b] = s_.rounded + b * padded;
    }
    int now = 0;
    for (int64_t first = 0; first < e_.steps && !args_.stop_requested(); first += chunk_) {
      const int64_t last = std::min(first + chunk_, e_.steps);
      MultiplyInputs(first, last);
      for (int64_t step = first; step < last; ++step, now = 1 - now)
        Step(step, s_.wx + (step - first) * e_.batch * padded * p_.gates, now);
    }
    for (int64_t b = 0; b < e_.batch; ++b) {
      // There is no last state of an empty sequence.
      const bool any = s_.lengths[b] > 0;
      Write(kYh, e_.StateRow(d_, b), any ? s_.h[now] + b * padded : nullptr);
      if (kCell == Cell::kLstm) Write(kYc, e_.StateRow(d_, b), any ? s_.c + b * padded : nullptr);
    }
  }

 private:
  int64_t TimeOf(int64_t step, int64_t b) const {
    return step < s_.lengths[b] && params_.is_reverse(d_) ? s_.lengths[b] - 1 - step : step;
  }

  void ReadState(int input, int64_t b, float* to) const {
    const TensorView& v = args_.input(input);
    std::fill(to, to + p_.padded(), 0.0f);
    if (v.present()) std::copy_n(v.as<float>() + e_.StateRow(d_, b), e_.hidden, to);
  }

  void Write(int output, int64_t at, const float* from) const {
    if (!args_.wants_output(output)) return;
    float* to = args_.output(output).as<float>() + at;
    if (from) {
      std::copy_n(from, e_.hidden, to);
    } else {
      std::fill(to, to + e_.hidden, 0.0f);
    }
  }

  // fn(first group, last group) over all groups, `work` multiplications in all.
  template <class Fn>
  void OverGroups(int64_t work, Fn&& fn) const {
    if (!parallel_ || work < kParallelStep) return fn(int64_t{0}, p_.groups);
    args_.ParallelFor(p_.groups, 1 + p_.groups / (2 * args_.thread_count()), fn);
  }

  void MultiplyInputs(int64_t first, int64_t last) const {
    const int64_t rows = (last - first) * e_.batch;
    for (int64_t step = first; step < last; ++step) {
      for (int64_t b = 0; b < e_.batch; ++b) {
        s_.x_rows[(step - first) * e_.batch + b] = x_ + e_.XRow(TimeOf(step, b), b);
      }
    }
    OverGroups(rows * e_.input * p_.padded() * p_.gates, [&](int64_t begin, int64_t end) {
      Multiply(p_.gates,
               {s_.x_rows, rows, e_.input, weights_.w, weights_.wb, s_.wx, p_.padded() * p_.gates, begin, end});
    });
  }

  // wx: of this step, [batch][groups][gates][width]. The states are read from half `now` and written to the other.
  void Step(int64_t step, const float* wx, int now) const {
    const int64_t padded = p_.padded(), gates = p_.recurrent_gates();
    auto multiply = [&](const float** rows, int64_t count, const float* weights, const float* bias, float* out,
                        int64_t begin, int64_t end) {
      Multiply(count, {rows, e_.batch, e_.hidden, weights, bias, out, padded * count, begin, end});
    };
    auto each_row = [&](int64_t begin, int64_t end, auto step_row, bool reset) {
      for (int64_t b = 0; b < e_.batch; ++b) {
        if (step >= s_.lengths[b]) continue;
        const StepRow row{wx + b * padded * p_.gates,
                          s_.rh + b * padded * gates,
                          p_.split ? s_.rn + b * padded : nullptr,
                          s_.h[now] + b * padded,
                          (reset ? s_.reset : s_.h[1 - now]) + b * padded,
                          s_.c + b * padded,
                          args_.has_input(kPeepholes) && kCell == Cell::kLstm ? weights_.peepholes : nullptr,
                          p_.groups,
                          begin,
                          end};
        step_row(params_, d_, row);
      }
    };
    auto whole_step = [](const Params& params, int direction, const StepRow& row) {
      recurrent::Step(kCell, params, direction, row);
    };
    const float** h_rows = s_.h_rows[now];
    if (params_.quantized) {
      const int64_t count = e_.batch * padded;
      const auto [low, high] = std::minmax_element(s_.h[now], s_.h[now] + count);
      RoundToBytes(ByteRange::Of(*low, *high), s_.h[now], count, s_.rounded);
      h_rows = s_.rounded_rows;
    }
    const int64_t work = e_.batch * e_.hidden * padded * gates;
    if (p_.split) {
      OverGroups(work, [&](int64_t begin, int64_t end) {
        multiply(h_rows, 2, weights_.r, weights_.rb, s_.rh, begin, end);
        each_row(begin, end, StepReset, true);
      });
      OverGroups(work / 2, [&](int64_t begin, int64_t end) {
        multiply(s_.reset_rows, 1, weights_.rn, weights_.rbn, s_.rn, begin, end);
        each_row(begin, end, whole_step, false);
      });
    } else {
      OverGroups(work, [&](int64_t begin, int64_t end) {
        multiply(h_rows, gates, weights_.r, weights_.rb, s_.rh, begin, end);
        each_row(begin, end, whole_step, false);
      });
    }
    for (int64_t b = 0; b < e_.batch; ++b) {
      const bool valid = step < s_.lengths[b];
      if (!valid) std::copy_n(s_.h[now] + b * padded, padded, s_.h[1 - now] + b * padded);
      Write(kY, e_.YRow(TimeOf(step, b), d_, b), valid ? s_.h[1 - now] + b * padded : nullptr);
    }
  }

  const Params& params_;
  const Extents& e_;
  const Packing& p_;
  const Weights& weights_;
  const LaunchArgs& args_;
  const int d_;
  const float* x_;
  const Scratch s_;
  const int64_t chunk_;
  const bool parallel_;
};

struct AlignedDelete {
  void operator()(char* memory) const { ::operator delete[](memory, std::align_val_t(64)); }
};

template <Cell kCell, bool kQuantized = false>
class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes(), kCell, kQuantized) {
    for (int i :
         {int{kW}, int{kR}, int{kBias}, int{kPeepholes}, int{kWScale}, int{kWZero}, int{kRScale}, int{kRZero}}) {
      if (node.input(i).present() && !node.input(i).constant) return;
    }
    const FactView &w = node.input(kW), &r = node.input(kR);
    if (w.rank != 3 || r.rank != 3) return;
    const Packing packing = PackingOf(r.dims[kQuantized ? 1 : 2], w.dims[kQuantized ? 1 : 2]);
    Carver counter;
    for (int d = 0; d < params_.directions; ++d) Weights(packing, counter);
    prepared_.reset(new (std::align_val_t(64)) char[counter.bytes()]);
    Carver carver(prepared_.get());
    const Packer packer(params_, packing, [&](int i) -> Elements {
      const FactView& fact = node.input(i);
      if (!fact.present()) return {};
      int64_t count = 1;
      for (int k = 0; k < fact.rank; ++k) count *= fact.dims[k];
      return {fact.constant, fact.type(), count};
    });
    for (int d = 0; d < params_.directions; ++d) packer.Run(d, Weights(packing, carver));
  }

  static std::string Rejects(const NodeView& node) {
    return node.input(kX).type() == DType::kFloat ? "" : "only float";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Extents e(params_, inputs);
    Carver counter;
    Memory(*this, e, counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const Extents e(params_, args);
    Carver carver(args.workspace());
    const Memory memory(*this, e, carver);
    const float* x = args.input(kX).as<float>();
    if (kQuantized && args.input(kX).count() > 0) {
      const int64_t count = args.input(kX).count();
      const auto [low, high] = std::minmax_element(x, x + count);
      RoundToBytes(ByteRange::Of(*low, *high), x, count, memory.rounded);
      x = memory.rounded;
    }
    const Packing packing = PackingOf(e.hidden, e.input);
    const int64_t step_work = e.batch * e.hidden * packing.padded() * packing.gates;
    const bool by_direction = e.directions == 2 && (args.thread_count() <= 2 || step_work < kParallelStep);
    auto run = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int d = static_cast<int>(i);
        const Weights& weights = memory.weights[d];
        if (!prepared_) {
          const Packer packer(params_, packing, [&](int input) -> Elements {
            const TensorView& v = args.input(input);
            return {v.data, v.type(), v.present() ? v.count() : 0};
          });
          packer.Run(d, weights);
        }
        Direction<kCell>(params_, e, packing, weights, args, d, x, memory.scratch[d], ChunkOf(e), !by_direction).Run();
      }
    };
    if (by_direction) {
      args.ParallelFor(2, 1, run);
    } else {
      run(0, e.directions);
    }
  }

 private:
  // Weights and working memory of the directions; where there is one, the second is a copy of it that nobody uses.
  struct Memory {
    Memory(const Cpu& cpu, const Extents& e, Carver& carver)
        : packing(cpu.PackingOf(e.hidden, e.input)),
          prepared(cpu.prepared_.get()),
          weights{NextWeights(cpu, carver), e.directions == 2 ? NextWeights(cpu, carver) : weights[0]},
          scratch{NextScratch(cpu, e, carver), e.directions == 2 ? NextScratch(cpu, e, carver) : scratch[0]},
          rounded(carver.Take<float>(kQuantized ? e.steps * e.batch * e.input : 0)) {}

    Weights NextWeights(const Cpu& cpu, Carver& carver) { return Weights(packing, cpu.prepared_ ? prepared : carver); }
    Scratch NextScratch(const Cpu& cpu, const Extents& e, Carver& carver) {
      return Scratch(cpu.params_, e, packing, ChunkOf(e), carver);
    }

    Packing packing;
    Carver prepared;
    Weights weights[2];
    Scratch scratch[2];
    float* rounded;  // x
  };

  Packing PackingOf(int64_t hidden, int64_t input) const {
    const int64_t width = Width();
    const bool split = kCell == Cell::kGru && !params_.linear_before_reset;
    return {width, (hidden + width - 1) / width, hidden, input, GatesOf(kCell), split};
  }

  static int64_t ChunkOf(const Extents& e) {
    return std::max<int64_t>(1, std::min(e.steps, kChunkRows / std::max<int64_t>(1, e.batch)));
  }

  Params params_;
  std::unique_ptr<char[], AlignedDelete> prepared_;  // Weights of each direction
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<Cell::kRnn>>("RNN"),
    MakeKernel<Cpu<Cell::kGru>>("GRU"),
    MakeKernel<Cpu<Cell::kLstm>>("LSTM"),
    MakeKernel<Cpu<Cell::kLstm, true>>("DynamicQuantizeLSTM", "com.microsoft"),
    MakeThroughFloat<Cpu<Cell::kRnn>>("RNN"),
    MakeThroughFloat<Cpu<Cell::kGru>>("GRU"),
    MakeThroughFloat<Cpu<Cell::kLstm>>("LSTM"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::recurrent
