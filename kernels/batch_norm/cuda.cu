// Statistics are in fp32 (fp64 for double).
//   Scale      BatchNormalization with given statistics: 16 bytes at a time
//   Statistics BatchNormalization in training: a block per channel, then Scale with what it found
//   Moments    a chunk of a group's elements, kept in registers: its mean and its sum of squared differences
//   Groups     joins the chunks' moments and normalises; a group of one chunk is done by this kernel alone
//   Across     LRN: a thread per element
#include <algorithm>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/device/block.h"
#include "kernels/device/index.h"
#include "kernels/device/number.h"
#include "kernels/device/vector.h"
#include "providers/cuda/device.h"

namespace onda::batch_norm {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kPerThread = 16, kChunk = kThreads * kPerThread;

// A vector of per-channel parameters, of a type of its own.
struct Channels {
  DType scale, bias, mean, variance;
};

// planes: batch * channels, `inner` elements each. width: elements of a thread, all of one plane.
template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    Scale(In<T> x, In<uint8_t> scale, In<uint8_t> bias, In<uint8_t> mean, In<uint8_t> variance, Out<T> y, int64_t n,
          Divider plane_vectors, Divider channels, Channels types, Compute<T> epsilon) {
  using C = Compute<T>;
  const int64_t thread = GlobalThread(), first = thread * kWidth;
  if (first >= n) return;
  const uint32_t plane = plane_vectors.Quotient(static_cast<uint32_t>(thread));
  const uint32_t channel = plane - channels.Quotient(plane) * channels.divisor;
  const C factor = LoadNumber<C>(types.scale, scale.data, channel) /
                   sqrt(LoadNumber<C>(types.variance, variance.data, channel) + epsilon);
  const C middle = LoadNumber<C>(types.mean, mean.data, channel), shift = LoadNumber<C>(types.bias, bias.data, channel);
  Vector<T, kWidth> v = LoadVector<kWidth>(x.data + first);
#pragma unroll
  for (int k = 0; k < kWidth; ++k) v.v[k] = Narrow<T>((Widen(v.v[k]) - middle) * factor + shift);
  StoreVector(y.data + first, v);
}

// Rows of `channels` elements; a thread has kWidth channels of one row.
template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    ScaleRows(In<T> x, In<uint8_t> scale, In<uint8_t> bias, In<uint8_t> mean, In<uint8_t> variance, Out<T> y, int64_t n,
              Divider row_vectors, Channels types, Compute<T> epsilon) {
  using C = Compute<T>;
  const int64_t thread = GlobalThread(), first = thread * kWidth;
  if (first >= n) return;
  const uint32_t at = static_cast<uint32_t>(thread);
  const uint32_t channel = (at - row_vectors.Quotient(at) * row_vectors.divisor) * kWidth;
  Vector<T, kWidth> v = LoadVector<kWidth>(x.data + first);
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    const C factor = LoadNumber<C>(types.scale, scale.data, channel + k) /
                     sqrt(LoadNumber<C>(types.variance, variance.data, channel + k) + epsilon);
    v.v[k] = Narrow<T>((Widen(v.v[k]) - LoadNumber<C>(types.mean, mean.data, channel + k)) * factor +
                       LoadNumber<C>(types.bias, bias.data, channel + k));
  }
  StoreVector(y.data + first, v);
}

// x (batch, channels, inner); a block per channel. Writes the batch's mean and variance to found, (2, channels), and
// what the outputs want.
template <class T>
__global__ void __launch_bounds__(kThreads)
    Statistics(In<T> x, In<uint8_t> old_mean, In<uint8_t> old_variance, Out<Compute<T>> found, Out<uint8_t> new_mean,
               Out<uint8_t> new_variance, Out<uint8_t> saved_mean, Out<uint8_t> saved_variance, int64_t batch,
               int64_t channels, int64_t inner, Compute<T> momentum, Channels in, Channels out) {
  using C = Compute<T>;
  const int64_t c = blockIdx.x, n = batch * inner;
  auto load = [&](int64_t i) { return Widen(x[(i / inner * channels + c) * inner + i % inner]); };
  C sum = 0, squares = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += load(i);
  const C mean = BlockReduce(sum, Plus(), C(0)) / static_cast<C>(n);
  for (int64_t i = threadIdx.x; i < n; i += kThreads) squares += (load(i) - mean) * (load(i) - mean);
  const C variance = BlockReduce(squares, Plus(), C(0)) / static_cast<C>(n);
  if (threadIdx.x != 0) return;
  found[c] = mean;
  found[channels + c] = variance;
  if (new_mean)
    StoreReal(out.scale, new_mean.data, c, LoadNumber<C>(in.mean, old_mean.data, c) * momentum + mean * (1 - momentum));
  if (new_variance)
    StoreReal(out.bias, new_variance.data, c,
              LoadNumber<C>(in.variance, old_variance.data, c) * momentum + variance * (1 - momentum));
  if (saved_mean) StoreReal(out.mean, saved_mean.data, c, mean);
  if (saved_variance) StoreReal(out.variance, saved_variance.data, c, variance);
}

template <class T>
constexpr DType TypeOf() {
  return sizeof(Compute<T>) == 8 ? DType::kDouble : DType::kFloat;
}

class Batch {
 public:
  static constexpr bool kInPlace = true;
  explicit Batch(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    for (int i = 0; i < node.input_count(); ++i)
      if (!IsFloating(node.input(i).type())) return "not for " + std::string(NameOf(node.input(i).type()));
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return params_.training ? static_cast<size_t>(Extents(inputs[0]).channels) * 2 * sizeof(double) : 0;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t n = x.count();
    if (n == 0 && !params_.training) return;
    if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "2^31 elements or more on CUDA");
    const Extents e(x);
    WithReal(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      using C = Compute<T>;
      Channels types{args.input(1).type(), args.input(2).type(), args.input(3).type(), args.input(4).type()};
      if (!params_.training) return Apply<T>(args, e, args.input(3), args.input(4), types);
      const size_t bytes = static_cast<size_t>(e.channels) * sizeof(C);
      auto type_of = [&](int i) { return args.output(i).type(); };
      cuda::Launch(args, {.grid = {BlocksFor(e.channels, 1)}, .block = {kThreads}}, Statistics<T>, x, args.input(3),
                   args.input(4), WorkspaceOf(args, 0, 2 * bytes), args.output(1), args.output(2), args.output(3),
                   args.output(4), e.batch, e.channels, e.inner, static_cast<C>(params_.momentum), types,
                   Channels{type_of(1), type_of(2), type_of(3), type_of(4)});
      types.mean = types.variance = TypeOf<T>();
      Apply<T>(args, e, WorkspaceOf(args, 0, bytes), WorkspaceOf(args, bytes, bytes), types);
    });
  }

 private:
  template <class T, class Statistic>
  void Apply(const LaunchArgs& args, const Extents& e, const Statistic& mean, const Statistic& variance,
             const Channels& types) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = x.count();
    if (n == 0) return;
    constexpr int kWide = kVectorCount<T>;
    if (e.inner == 1 && VectorsFit<T>(x.data, e.channels) && VectorsFit<T>(y.data, 0)) {
      cuda::Launch(args, {.grid = {BlocksFor(n / kWide, kThreads)}, .block = {kThreads}}, ScaleRows<T, kWide>, x,
                   args.input(1), args.input(2), mean, variance, y, n, Divider(e.channels / kWide), types,
                   static_cast<Compute<T>>(params_.epsilon));
      return;
    }
    auto run = [&](auto kernel, int64_t width) {
      cuda::Launch(args, {.grid = {BlocksFor(n / width, kThreads)}, .block = {kThreads}}, kernel, x, args.input(1),
                   args.input(2), mean, variance, y, n, Divider(e.inner / width), Divider(e.channels), types,
                   static_cast<Compute<T>>(params_.epsilon));
    };
    if (VectorsFit<T>(x.data, e.inner) && VectorsFit<T>(y.data, 0))
      run(Scale<T, kWide>, kWide);
    else
      run(Scale<T, 1>, 1);
  }

  Params params_;
};

// The part of a chunk that a thread has; `left`: elements of the group from the chunk's first on.
template <class T>
struct Chunk {
  using C = Compute<T>;
  C value[kPerThread];
  int64_t left;

  __device__ Chunk(const T* group, int64_t n, int64_t chunk) : left(n - chunk * kChunk) {
#pragma unroll
    for (int k = 0; k < kPerThread; ++k) value[k] = Has(k) ? Widen(group[chunk * kChunk + Place(k)]) : C(0);
  }
  static __device__ int64_t Place(int k) { return static_cast<int64_t>(threadIdx.x) + k * kThreads; }
  __device__ bool Has(int k) const { return Place(k) < left; }

  // The mean and the sum of squared differences from it, in all threads.
  __device__ void FindMoments(C& mean, C& squares) const {
    C sum = 0, differences = 0;
#pragma unroll
    for (int k = 0; k < kPerThread; ++k) sum += value[k];
    mean = BlockReduce(sum, Plus(), C(0)) / static_cast<C>(left < kChunk ? left : kChunk);
#pragma unroll
    for (int k = 0; k < kPerThread; ++k)
      if (Has(k)) differences += (value[k] - mean) * (value[k] - mean);
    squares = BlockReduce(differences, Plus(), C(0));
  }
};

// blockIdx.x: group * chunks + chunk. moments (groups * chunks, 2).
template <class T>
__global__ void __launch_bounds__(kThreads) Moments(In<T> x, Out<Compute<T>> moments, int64_t n, uint32_t chunks) {
  const Chunk<T> chunk(x.data + blockIdx.x / chunks * n, n, blockIdx.x % chunks);
  Compute<T> mean, squares;
  chunk.FindMoments(mean, squares);
  if (threadIdx.x != 0) return;
  moments[int64_t{blockIdx.x} * 2] = mean;
  moments[int64_t{blockIdx.x} * 2 + 1] = squares;
}

// Groups of n elements, of `each` channels. Joining moments: Chan, Golub, LeVeque, "Updating formulae and a pairwise
// algorithm for computing sample variances", 1979.
template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    Groups(In<T> x, In<Compute<T>> moments, In<uint8_t> scale, In<uint8_t> bias, Out<T> y, int64_t n, uint32_t chunks,
           uint32_t groups, int64_t each, Divider inner, DType scale_type, DType bias_type, Compute<T> epsilon) {
  using C = Compute<T>;
  const uint32_t group = blockIdx.x / chunks, number = blockIdx.x % chunks;
  const Chunk<T> chunk(x.data + group * n, n, number);
  C mean, squares;
  if (chunks == 1) {
    chunk.FindMoments(mean, squares);
  } else {
    auto weight = [&](uint32_t i) { return static_cast<C>(i + 1 == chunks ? n - int64_t{i} * kChunk : kChunk); };
    const int64_t base = int64_t{group} * chunks * 2;
    C sum = 0;
    for (uint32_t i = threadIdx.x; i < chunks; i += kThreads) sum += weight(i) * moments[base + i * 2];
    mean = BlockReduce(sum, Plus(), C(0)) / static_cast<C>(n);
    C all = 0;
    for (uint32_t i = threadIdx.x; i < chunks; i += kThreads) {
      const C d = moments[base + i * 2] - mean;
      all += moments[base + i * 2 + 1] + weight(i) * d * d;
    }
    squares = BlockReduce(all, Plus(), C(0));
  }
  const C inverse = 1 / sqrt(squares / static_cast<C>(n) + epsilon);
  const int64_t first_channel = group % groups * each;
#pragma unroll
  for (int k = 0; k < kPerThread; ++k) {
    if (!chunk.Has(k)) break;
    const int64_t i = int64_t{number} * kChunk + chunk.Place(k);
    const int64_t c = first_channel + inner.Quotient(static_cast<uint32_t>(i));
    y[group * n + i] = Narrow<T>((chunk.value[k] - mean) * inverse * LoadNumber<C>(scale_type, scale.data, c) +
                                 LoadNumber<C>(bias_type, bias.data, c));
  }
}

// InstanceNormalization is GroupNormalization with a group per channel.
template <bool kPerChannel>
class Group {
 public:
  static constexpr bool kInPlace = true;
  explicit Group(const NodeView& node)
      : epsilon_(Params(node.attributes()).epsilon), groups_(node.attributes().Int("num_groups", 0)) {}

  static std::string Rejects(const NodeView& node) { return Batch::Rejects(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Shape s = ShapeOf(inputs[0]);
    return s.chunks > 1 ? static_cast<size_t>(s.rows * s.chunks) * 2 * sizeof(double) : 0;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0), &scale = args.input(1), &bias = args.input(2);
    const Shape s = ShapeOf(x);
    if (x.count() == 0 || s.groups == 0) return;
    if (x.count() >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "2^31 elements or more on CUDA");
    const LaunchConfig config{.grid = {BlocksFor(s.rows * s.chunks, 1)}, .block = {kThreads}};
    WithReal(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      using C = Compute<T>;
      const Buffer moments =
          s.chunks > 1 ? WorkspaceOf(args, 0, static_cast<size_t>(s.rows * s.chunks) * 2 * sizeof(C)) : Buffer{};
      if (s.chunks > 1) cuda::Launch(args, config, Moments<T>, x, moments, s.n, s.chunks);
      cuda::Launch(args, config, Groups<T>, x, moments, scale, bias, y, s.n, s.chunks, s.groups, s.each,
                   Divider(s.inner), scale.type(), bias.type(), static_cast<C>(epsilon_));
    });
  }

 private:
  struct Shape {
    int64_t rows, groups, each, inner, n, chunks;
  };
  Shape ShapeOf(const TensorView& x) const {
    const Extents e(x);
    Shape s{0, kPerChannel ? e.channels : groups_, 0, e.inner, 0, 1};
    if (s.groups == 0) return s;
    s.each = e.channels / s.groups;
    s.rows = e.batch * s.groups;
    s.n = s.each * e.inner;
    s.chunks = std::max<int64_t>(1, (s.n + kChunk - 1) / kChunk);
    return s;
  }

  double epsilon_;
  int64_t groups_;
};

// x (batch, channels, inner).
template <class T>
__global__ void __launch_bounds__(kThreads)
    Across(In<T> x, Out<T> y, int64_t n, int64_t channels, int64_t inner, int64_t before, int64_t after,
           Compute<T> alpha /* divided by size */, Compute<T> beta, Compute<T> bias) {
  using C = Compute<T>;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t c = i / inner % channels;
  const int64_t first = c < before ? -c : -before, last = channels - 1 - c < after ? channels - 1 - c : after;
  C squares = 0;
  for (int64_t k = first; k <= last; ++k) {
    const C v = Widen(x[i + k * inner]);
    squares += v * v;
  }
  y[i] = Narrow<T>(Widen(x[i]) / pow(bias + alpha * squares, beta));
}

class Lrn {
 public:
  explicit Lrn(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return Batch::Rejects(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Extents e(x);
    WithReal(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      using C = Compute<T>;
      const int64_t size = params_.size;
      cuda::Launch(args, {.grid = {BlocksFor(x.count(), kThreads)}, .block = {kThreads}}, Across<T>, x, y, x.count(),
                   e.channels, e.inner, (size - 1) / 2, size / 2,
                   static_cast<C>(params_.alpha / static_cast<double>(size)), static_cast<C>(params_.beta),
                   static_cast<C>(params_.bias));
    });
  }

 private:
  LrnParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Batch>("BatchNormalization"),
    MakeKernel<Group<true>>("InstanceNormalization"),
    MakeKernel<Group<false>>("GroupNormalization"),
    MakeKernel<Lrn>("LRN"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::batch_norm
