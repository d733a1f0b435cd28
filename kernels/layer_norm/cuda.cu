// Normalisation of rows, statistics in fp32 (fp64 for double): a block per row. The row, with its skip connection, is
// read once into shared memory where it fits; the variance is that of the differences from the mean.
#include <cmath>

#include "kernels/device/block.h"
#include "kernels/device/element.h"
#include "kernels/layer_norm/layer_norm.h"
#include "providers/cuda/device.h"

namespace onda::layer_norm {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
constexpr int64_t kSharedBytes = 44 * 1024;

template <class T, class S>
__global__ void __launch_bounds__(kThreads)
    Rows(In<T> x, In<T> skip, In<T> bias, In<T> gamma, In<T> beta, Out<T> y, Out<S> mean_out, Out<S> inverse_out,
         Out<T> sum_out, int64_t n, uint32_t skip_rows, uint32_t bias_rows, uint32_t gamma_rows, uint32_t beta_rows,
         Compute<T> epsilon, bool rms, bool keep /* the row in shared memory */) {
  using C = Compute<T>;
  ONDA_DYNAMIC_SHARED(C, row);
  const int64_t r = blockIdx.x, first = r * n;
  const int64_t skip_first = blockIdx.x % skip_rows * n, bias_first = blockIdx.x % bias_rows * n;
  auto load = [&](int64_t i) {
    C v = Widen(x[first + i]);
    if (skip) v += Widen(skip[skip_first + i]);
    if (bias) v += Widen(bias[bias_first + i]);
    return v;
  };
  C sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const C v = load(i);
    if (keep) row[i] = v;
    sum += v;
  }
  const C mean = rms ? C(0) : BlockReduce(sum, Plus(), C(0)) / static_cast<C>(n);
  C squares = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const C d = (keep ? row[i] : load(i)) - mean;
    squares += d * d;
  }
  const C inverse = 1 / sqrt(BlockReduce(squares, Plus(), C(0)) / static_cast<C>(n) + epsilon);
  if (threadIdx.x == 0) {
    if (mean_out) mean_out[r] = Narrow<S>(static_cast<Compute<S>>(mean));
    if (inverse_out) inverse_out[r] = Narrow<S>(static_cast<Compute<S>>(inverse));
  }
  const int64_t gamma_first = blockIdx.x % gamma_rows * n, beta_first = blockIdx.x % beta_rows * n;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const C s = keep ? row[i] : load(i);
    if (sum_out) sum_out[first + i] = Narrow<T>(s);
    C v = (s - mean) * inverse;
    if (gamma) v *= Widen(gamma[gamma_first + i]);
    if (beta) v += Widen(beta[beta_first + i]);
    y[first + i] = Narrow<T>(v);
  }
}

// Moments of rows without elements.
__global__ void __launch_bounds__(kThreads) NoMoments(Out<float> mean_out, Out<float> inverse_out, int64_t rows) {
  const int64_t r = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (r >= rows) return;
  if (mean_out) mean_out[r] = NAN;
  if (inverse_out) inverse_out[r] = NAN;
}

template <const Form& kForm>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes(), kForm) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(0);
    if (!IsFloating(x.type())) return "only real types";
    if (x.rank < 0) return "only where the rank is known";
    const Params params(node.attributes(), kForm);
    const int64_t axis = params.axis < 0 ? params.axis + x.rank : params.axis;
    for (int i = 1; i < node.input_count(); ++i) {
      const FactView& operand = node.input(i);
      if (!operand.present()) continue;
      if (operand.type() != x.type()) return "only operands of the input's type";
      // Those that are equal to the normalised dimensions, or to all.
      if (operand.rank < 0 || (operand.rank != x.rank - axis && operand.rank != x.rank)) return "only whole rows";
      if (!operand.static_shape()) return "only operands of known shapes";
      for (int64_t d = operand.rank; d-- > 0;) {
        const int64_t mine = operand.dims[d], theirs = x.dims[x.rank - operand.rank + d];
        if (mine != theirs) return "only operands of whole rows";
      }
    }
    for (int i = 0; i < node.output_count(); ++i) {
      const DType type = node.output(i).type();
      const bool statistics = i == kForm.mean || i == kForm.inverse_deviation;
      if (node.output(i).present() && type != (statistics ? DType::kFloat : x.type()))
        return "no output of " + std::string(NameOf(type));
    }
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const auto [rows, n] = params_.ExtentsOf(x);
    if (rows == 0) return;
    const TensorView absent{};
    auto input = [&](int i) -> const TensorView& { return i < 0 ? absent : args.input(i); };
    auto output = [&](int i) -> const TensorView& { return i < 0 ? absent : args.output(i); };
    if (n == 0) {
      cuda::Launch(args, {.grid = {BlocksFor(rows, kThreads)}, .block = {kThreads}}, NoMoments, output(kForm.mean),
                   output(kForm.inverse_deviation), rows);
      return;
    }
    auto rows_of = [&, n = n](int i) { return input(i).present() ? input(i).count() / n : int64_t{1}; };
    WithReal(x.type(), [&, rows = rows, n = n](auto tag) {
      using T = typename decltype(tag)::Type;
      const int64_t bytes = n * static_cast<int64_t>(sizeof(Compute<T>));
      const bool keep = bytes <= kSharedBytes;
      cuda::Launch(
          args,
          {.grid = {BlocksFor(rows, 1)}, .block = {kThreads}, .shared_bytes = keep ? static_cast<uint32_t>(bytes) : 0},
          Rows<T, float>, x, input(kForm.skip), input(kForm.bias), input(kForm.gamma), input(kForm.beta), y,
          output(kForm.mean), output(kForm.inverse_deviation), output(kForm.sum), n, rows_of(kForm.skip),
          rows_of(kForm.bias), rows_of(kForm.gamma), rows_of(kForm.beta), static_cast<Compute<T>>(params_.epsilon),
          kForm.rms, keep);
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<kLayer>>("LayerNormalization"),
    MakeKernel<Cuda<kRms>>("RMSNormalization"),
    MakeKernel<Cuda<kSimplified>>("SimplifiedLayerNormalization"),
    MakeKernel<Cuda<kSkipLayer>>("SkipLayerNormalization", "com.microsoft"),
    MakeKernel<Cuda<kSkipSimplified>>("SkipSimplifiedLayerNormalization", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::layer_norm
