// The numbers of Generator, on the device: one block carries the twister's state, whose 624 words it renews together,
// so that a seed gives the numbers that it gives on the host. The state is seeded there and passed with the launch;
// without a seed every launch gets another one, and must not be captured.
#include <cmath>
#include <random>

#include "kernels/device/block.h"
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "kernels/random/random.h"
#include "providers/cuda/device.h"

namespace onda::random {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
constexpr int kWords = 624, kShift = 397;
constexpr int kUniforms = kWords / 2, kPairs = kUniforms / 2;  // of one state

struct Twister {
  uint32_t words[kWords];
};

Twister SeededTwister(uint32_t seed) {
  Twister t;
  t.words[0] = seed;
  for (uint32_t i = 1; i < kWords; ++i) t.words[i] = 1812433253u * (t.words[i - 1] ^ (t.words[i - 1] >> 30)) + i;
  return t;
}

// The next state in place. Word i needs words i, i + 1 and i + 397 of the old state or, past the end, of the new one:
// three parts of at most 227 words depend on the one before alone, the last word on the first new one.
__device__ void Renew(uint32_t* words) {
  constexpr int kPart = kWords - kShift;
  for (int begin = 0; begin < kWords; begin += kPart) {
    const int i = begin + static_cast<int>(threadIdx.x);
    const bool mine = threadIdx.x < kPart && i < kWords;
    uint32_t value = 0;
    if (mine) {
      const uint32_t mixed = (words[i] & 0x80000000u) | (words[(i + 1) % kWords] & 0x7fffffffu);
      value = words[(i + kShift) % kWords] ^ (mixed >> 1) ^ (mixed & 1 ? 0x9908b0dfu : 0);
    }
    __syncthreads();
    if (mine) words[i] = value;
    __syncthreads();
  }
}
__device__ uint32_t Tempered(uint32_t y) {
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}
// The k-th number in [0, 1) of a state.
__device__ double UniformAt(const uint32_t* words, int k) {
  const uint32_t high = Tempered(words[2 * k]) >> 5, low = Tempered(words[2 * k + 1]) >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}
__device__ void Load(const Twister& from, uint32_t* words) {
  for (int i = static_cast<int>(threadIdx.x); i < kWords; i += kThreads) words[i] = from.words[i];
  __syncthreads();
}

// One block. Pairs that the polar method takes give two numbers each, in order.
__global__ void __launch_bounds__(kThreads)
    Normals(Out<uint8_t> y, int64_t n, DType type, double mean, double scale, const __grid_constant__ Twister start) {
  __shared__ uint32_t words[kWords];
  Load(start, words);
  for (int64_t done = 0; done < n;) {
    Renew(words);
    const int k = static_cast<int>(threadIdx.x);
    double a = 0, b = 0, square = 0;
    if (k < kPairs) {
      a = 2 * UniformAt(words, 2 * k) - 1;
      b = 2 * UniformAt(words, 2 * k + 1) - 1;
      square = a * a + b * b;
    }
    const bool taken = k < kPairs && square < 1 && square != 0;
    int total;
    const int before = BlockExclusiveScan(static_cast<int>(taken), Plus(), 0, &total);
    if (taken) {
      const double factor = sqrt(-2 * log(square) / square);
      const int64_t at = done + 2 * before;
      if (at < n) StoreNumber(type, y.data, at, mean + scale * (factor * b));
      if (at + 1 < n) StoreNumber(type, y.data, at + 1, mean + scale * (factor * a));
    }
    done += 2 * total;
  }
}

enum class Draw { kUniform, kBernoulli, kMultinomial, kDropout };

struct DrawParams {
  DType x_type, y_type;
  double low, high;          // of kUniform
  int64_t classes, samples;  // of kMultinomial
  DType ratio_type;          // of kDropout
  int32_t node;
};

// One block. x: probabilities, or what is dropped out. sums (rows, classes): cumulated weights.
template <Draw kDraw>
__global__ void __launch_bounds__(kThreads)
    Uniforms(In<uint8_t> x, In<double> sums, In<uint8_t> ratio_in, In<uint8_t> training, Out<uint8_t> y,
             Out<uint8_t> mask, InOut<int32_t> status, int64_t n, DrawParams p, const __grid_constant__ Twister start) {
  __shared__ uint32_t words[kWords];
  Load(start, words);
  double ratio = 0;
  if constexpr (kDraw == Draw::kDropout) {
    ratio = ratio_in ? LoadNumber<double>(p.ratio_type, ratio_in.data, 0) : 0.5;
    if (!(ratio >= 0 && ratio < 1)) {
      if (threadIdx.x == 0) ReportError(status.data, p.node, kOndaBadContent);
      ratio = 0;
    }
    if (!training || !training[0]) ratio = 0;
  }
  for (int64_t first = 0; first < n; first += kUniforms) {
    Renew(words);
    for (int k = static_cast<int>(threadIdx.x); k < kUniforms && first + k < n; k += kThreads) {
      const int64_t i = first + k;
      const double u = UniformAt(words, k);
      if constexpr (kDraw == Draw::kUniform) {
        StoreNumber(p.y_type, y.data, i, p.low + (p.high - p.low) * u);
      } else if constexpr (kDraw == Draw::kBernoulli) {
        const double probability = LoadNumber<double>(p.x_type, x.data, i);
        StoreNumber(p.y_type, y.data, i, (probability <= 0.5 ? u > 1 - probability : u <= probability) ? 1 : 0);
      } else if constexpr (kDraw == Draw::kMultinomial) {
        const double* const row = sums.data + i / p.samples * p.classes;
        const double at = u * row[p.classes - 1];
        int64_t low = 0, high = p.classes - 1;  // the first sum above, or the last class
        while (low < high) {
          const int64_t middle = (low + high) / 2;
          row[middle] > at ? high = middle : low = middle + 1;
        }
        StoreInteger(p.y_type, y.data, i, low);
      } else {
        const bool keep = u >= ratio;
        // Rounded once, from double.
        if (y)
          StoreReal(p.x_type, y.data, i,
                    (keep ? 1.0 : 0.0) * LoadNumber<double>(p.x_type, x.data, i) * (1 / (1 - ratio)));
        if (mask) mask[i] = keep;
      }
    }
    __syncthreads();
  }
}

// A block per row: sums[c] = sum over k <= c of exp(x[k] - max).
__global__ void __launch_bounds__(kThreads)
    Cumulate(In<uint8_t> x, Out<double> sums, InOut<int32_t> status, int64_t classes, DType type, int32_t node) {
  const int64_t row = int64_t{blockIdx.x} * classes;
  double top = -INFINITY;
  for (int64_t c = threadIdx.x; c < classes; c += kThreads) top = fmax(top, LoadNumber<double>(type, x.data, row + c));
  top = BlockReduce(top, Maximum(), -static_cast<double>(INFINITY));
  double before = 0;
  for (int64_t first = 0; first < classes; first += kThreads) {
    const int64_t c = first + threadIdx.x;
    const double weight = c < classes ? exp(LoadNumber<double>(type, x.data, row + c) - top) : 0;
    double total;
    const double sum = before + BlockExclusiveScan(weight, Plus(), 0.0, &total) + weight;
    if (c < classes) sums[row + c] = sum;
    before += total;
  }
  if (threadIdx.x == 0 && !isfinite(before)) ReportError(status.data, node, kOndaBadContent);
}

template <class T>
__global__ void __launch_bounds__(kThreads) CopyWithMask(In<T> x, Out<T> y, Out<uint8_t> mask, int64_t n) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  if (y) y[i] = x[i];
  if (mask) mask[i] = 1;
}

bool CanStore(DType type) { return IsFloating(type) || IsByteInteger(type); }
// Whether a Dropout draws nothing, as far as is known before running.
bool IsIdentity(const NodeView& node) {
  const FactView& training = node.input(2);
  return !training.present() || (training.constant && !*training.constant_as<bool>());
}

enum class Op { kNormal, kUniform, kBernoulli, kMultinomial, kDropout };

// kFixed: of launches that all draw the same numbers, or none.
template <Op kOp, bool kFixed>
class Cuda {
 public:
  static constexpr bool kNotCaptured = !kFixed;

  explicit Cuda(const NodeView& node) : seed_(node.attributes()), identity_(kOp == Op::kDropout && IsIdentity(node)) {
    const Attributes a = node.attributes();
    mean_ = a.Float("mean", 0), scale_ = a.Float("scale", 1);
    params_.low = a.Float("low", 0), params_.high = a.Float("high", 1);
  }

  static std::string Rejects(const NodeView& node) {
    const bool fixed = Seed(node.attributes()).value.has_value() || (kOp == Op::kDropout && IsIdentity(node));
    if (fixed != kFixed) return fixed ? "it draws the same numbers always" : "without a seed each launch draws others";
    if (!CanStore(node.output(0).type())) return "no results of " + std::string(NameOf(node.output(0).type()));
    const DType x = node.input(0).type();
    if (kOp >= Op::kBernoulli && !IsFloating(x)) return "not for " + std::string(NameOf(x));
    if (kOp == Op::kMultinomial && !IsByteInteger(node.output(0).type())) return "only classes as integers";
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return kOp == Op::kMultinomial ? static_cast<size_t>(inputs[0].count()) * sizeof(double) : 0;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (kOp == Op::kDropout && identity_) return Copy(args);
    const int64_t n = kOp == Op::kDropout ? x.count() : y.count();
    if (n == 0) return;
    const Twister start = SeededTwister(seed_.value ? *seed_.value : std::random_device{}());
    const LaunchConfig one{.grid = {1}, .block = {kThreads}};
    if constexpr (kOp == Op::kNormal) {
      cuda::Launch(args, one, Normals, y, n, y.type(), mean_, scale_, start);
    } else {
      DrawParams p = params_;
      p.x_type = x.type(), p.y_type = y.type(), p.node = args.node();
      cuda::Buffer sums;
      if constexpr (kOp == Op::kMultinomial) {
        p.classes = x.dim(1), p.samples = y.dim(1);
        if (p.classes == 0) throw Error(ErrorCode::kInvalidArgument, "there are no outcomes to draw");
        sums = WorkspaceOf(args, 0, static_cast<size_t>(x.count()) * sizeof(double));
        cuda::Launch(args, {.grid = {BlocksFor(x.dim(0), 1)}, .block = {kThreads}}, Cumulate, x, sums, StatusOf(args),
                     p.classes, x.type(), args.node());
      }
      constexpr Draw kDraw = kOp == Op::kUniform       ? Draw::kUniform
                             : kOp == Op::kBernoulli   ? Draw::kBernoulli
                             : kOp == Op::kMultinomial ? Draw::kMultinomial
                                                       : Draw::kDropout;
      const TensorView absent{};
      const bool drops = kOp == Op::kDropout;
      const TensorView &ratio = drops ? args.input(1) : absent, &training = drops ? args.input(2) : absent;
      p.ratio_type = ratio.type();
      cuda::Launch(args, one, Uniforms<kDraw>, kOp == Op::kUniform ? absent : x, sums, ratio, training, y,
                   drops ? args.output(1) : absent, StatusOf(args), n, p, start);
    }
  }

 private:
  void Copy(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    WithReal(x.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {BlocksFor(x.count(), kThreads)}, .block = {kThreads}},
                   CopyWithMask<typename decltype(tag)::Type>, x, args.output(0), args.output(1), x.count());
    });
  }

  Seed seed_;
  bool identity_;
  double mean_, scale_;
  DrawParams params_{};
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<Op::kNormal, true>>("RandomNormal"),
    MakeKernel<Cuda<Op::kNormal, false>>("RandomNormal"),
    MakeKernel<Cuda<Op::kNormal, true>>("RandomNormalLike"),
    MakeKernel<Cuda<Op::kNormal, false>>("RandomNormalLike"),
    MakeKernel<Cuda<Op::kUniform, true>>("RandomUniform"),
    MakeKernel<Cuda<Op::kUniform, false>>("RandomUniform"),
    MakeKernel<Cuda<Op::kUniform, true>>("RandomUniformLike"),
    MakeKernel<Cuda<Op::kUniform, false>>("RandomUniformLike"),
    MakeKernel<Cuda<Op::kBernoulli, true>>("Bernoulli"),
    MakeKernel<Cuda<Op::kBernoulli, false>>("Bernoulli"),
    MakeKernel<Cuda<Op::kMultinomial, true>>("Multinomial"),
    MakeKernel<Cuda<Op::kMultinomial, false>>("Multinomial"),
    MakeKernel<Cuda<Op::kDropout, true>>("Dropout"),
    MakeKernel<Cuda<Op::kDropout, false>>("Dropout"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::random
