// Adagrad, Adam and Momentum: a thread per element, a launch per tensor. The learning rate and the update count are
// read on the device, where a block works out once what they decide.
#include "kernels/device/number.h"
#include "kernels/device/target.h"
#include "kernels/training/training.h"
#include "providers/cuda/device.h"

namespace onda::training {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

enum class Method { kAdagrad, kAdam, kMomentum };

struct Settings {
  double alpha = 0, beta = 0, decay = 0, norm = 0, norm_post = 0, epsilon = 0;
  bool nesterov = false;
};

// first and second: the accumulators; only Adam has a second.
template <class T, Method kMethod>
__global__ void __launch_bounds__(kThreads)
    Update(In<uint8_t> rate_in, In<int64_t> count, In<T> x, In<T> gradient, In<T> first_in, In<T> second_in, Out<T> y,
           Out<T> first_out, Out<T> second_out, int64_t n, DType rate_type, Settings s) {
  using C = Compute<T>;
  __shared__ double shared_rate;
  if (threadIdx.x == 0) {
    const double r = LoadNumber<double>(rate_type, rate_in.data, 0), t = static_cast<double>(count[0]);
    if (kMethod == Method::kAdagrad)
      shared_rate = r / (1 + t * s.decay);
    else if (kMethod == Method::kAdam)
      shared_rate = t > 0 ? r * sqrt(1 - pow(s.beta, t)) / (1 - pow(s.alpha, t)) : r;
    else
      shared_rate = r;
  }
  __syncthreads();
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const C rate = static_cast<C>(shared_rate), alpha = static_cast<C>(s.alpha), epsilon = static_cast<C>(s.epsilon);
  C value = Widen(x[i]), first = Widen(first_in[i]);
  const C g = static_cast<C>(s.norm) * value + Widen(gradient[i]);
  if constexpr (kMethod == Method::kAdagrad) {
    first += g * g;
    value -= rate * g / (sqrt(first) + epsilon);
  } else if constexpr (kMethod == Method::kAdam) {
    const C beta = static_cast<C>(s.beta), second = beta * Widen(second_in[i]) + (1 - beta) * g * g;
    first = alpha * first + (1 - alpha) * g;
    value = (1 - static_cast<C>(s.norm_post)) * (value - rate * first / (sqrt(second) + epsilon));
    if (second_out) second_out[i] = Narrow<T>(second);
  } else {
    const C beta = count[0] > 0 ? static_cast<C>(s.beta) : C(1);
    first = alpha * first + beta * g;
    value -= rate * (s.nesterov ? g + alpha * first : first);
  }
  if (y) y[i] = Narrow<T>(value);
  if (first_out) first_out[i] = Narrow<T>(first);
}

template <Method kMethod>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : accumulators_(AccumulatorsOf(node.op())) {
    const Attributes a = node.attributes();
    s_.alpha = a.Float("alpha", kMethod == Method::kAdam ? 0.9f : 0);
    s_.beta = a.Float("beta", kMethod == Method::kAdam ? 0.999f : 0);
    s_.decay = a.Float("decay_factor", 0);
    s_.norm = a.Float("norm_coefficient", 0);
    s_.norm_post = a.Float("norm_coefficient_post", 0);
    s_.epsilon = a.Float("epsilon", 1e-6f);
    s_.nesterov = a.String("mode", "standard") == "nesterov";
  }

  static std::string Rejects(const NodeView& node) {
    if (!IsFloating(node.input(0).type()) || node.input(1).type() != DType::kInt64)
      return "no such learning rate or update count";
    for (int i = 2; i < node.input_count(); ++i)
      if (!IsFloating(node.input(i).type())) return "not for " + std::string(NameOf(node.input(i).type()));
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const int n = (args.input_count() - 2) / (accumulators_ + 2);
    const TensorView absent{};
    for (int k = 0; k < n; ++k) {
      const TensorView& x = args.input(2 + k);
      const bool two = accumulators_ > 1;
      WithReal(x.type(), [&](auto tag) {
        cuda::Launch(args, {.grid = {BlocksFor(x.count(), kThreads)}, .block = {kThreads}},
                     Update<typename decltype(tag)::Type, kMethod>, args.input(0), args.input(1), x,
                     args.input(2 + n + k), args.input(2 + 2 * n + k), two ? args.input(2 + 3 * n + k) : absent,
                     args.output(k), args.output(n + k), two ? args.output(2 * n + k) : absent, x.count(),
                     args.input(0).type(), s_);
      });
    }
  }

 private:
  int accumulators_;
  Settings s_;
};

constexpr const char* kDomain = "ai.onnx.preview.training";
constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<Method::kAdagrad>>("Adagrad", kDomain),
    MakeKernel<Cuda<Method::kAdam>>("Adam", kDomain),
    MakeKernel<Cuda<Method::kMomentum>>("Momentum", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::training
