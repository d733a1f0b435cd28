// Einsum that no product of matrices does: a thread per element of the result walks the labels that are summed.
#include <algorithm>

#include "kernels/device/number.h"
#include "kernels/device/target.h"
#include "kernels/einsum/einsum.h"
#include "providers/cuda/device.h"

namespace onda::einsum {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kMaxLabels = 12, kMaxOperands = 6;

// Labels: those of the result, `outer`, then those that are summed.
struct Labels {
  int32_t labels, outer, operands;
  int64_t dims[kMaxLabels];
  int64_t strides[kMaxLabels][kMaxOperands];
  int64_t terms;  // of each sum
};

template <class Term>
__device__ void Walk(const Labels& l, int64_t at, const Term& term) {
  int64_t offsets[kMaxOperands] = {}, index[kMaxLabels] = {};
  for (int k = l.outer; k-- > 0; at /= l.dims[k])
    for (int i = 0; i < l.operands; ++i) offsets[i] += at % l.dims[k] * l.strides[k][i];
  for (int64_t t = 0; t < l.terms; ++t) {
    term(offsets);
    for (int k = l.labels; k-- > l.outer;) {
      const int64_t steps = ++index[k] < l.dims[k] ? 1 : 1 - l.dims[k];
      for (int i = 0; i < l.operands; ++i) offsets[i] += steps * l.strides[k][i];
      if (index[k] < l.dims[k]) break;
      index[k] = 0;
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) Reals(InList<T> x, Out<T> y, int64_t n, Labels l) {
  using C = Compute<T>;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  C sum = 0;
  Walk(l, i, [&](const int64_t* offsets) {
    C product = 1;
    for (int k = 0; k < l.operands; ++k) product *= Widen(x.data[k][offsets[k]]);
    sum += product;
  });
  y[i] = Narrow<T>(sum);
}

__global__ void __launch_bounds__(kThreads)
    Integers(InList<uint8_t> x, Out<uint8_t> y, int64_t n, Labels l, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  uint64_t sum = 0;
  Walk(l, i, [&](const int64_t* offsets) {
    uint64_t product = 1;
    for (int k = 0; k < l.operands; ++k) product *= static_cast<uint64_t>(LoadInteger(type, x.data[k], offsets[k]));
    sum += product;
  });
  StoreInteger(type, y.data, i, static_cast<int64_t>(sum));
}

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : equation_(node.attributes().String("equation", "")) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloating(type) && !(IsByteInteger(type) && type != DType::kBool))
      return "not for " + std::string(NameOf(type));
    if (node.input_count() > kMaxOperands) return "only up to " + std::to_string(kMaxOperands) + " operands";
    for (int i = 0; i < node.input_count(); ++i)
      if (node.input(i).rank < 0) return "only where the ranks are known";
    std::vector<int> ranks;
    for (int i = 0; i < node.input_count(); ++i) ranks.push_back(node.input(i).rank);
    if (AllLabels(ParseEquation(node.attributes().String("equation", ""), ranks)).size() > kMaxLabels)
      return "only up to " + std::to_string(kMaxLabels) + " labels";
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    const int operands = args.input_count();
    std::vector<int> ranks;
    std::vector<TensorView> inputs;
    for (int i = 0; i < operands; ++i) ranks.push_back(args.input(i).rank), inputs.push_back(args.input(i));
    const Equation e = ParseEquation(equation_, ranks);
    const std::string labels = AllLabels(e);
    Labels l{};
    l.labels = static_cast<int32_t>(labels.size());
    l.outer = static_cast<int32_t>(e.output.size());
    l.operands = operands;
    std::fill_n(l.dims, kMaxLabels, 1);
    for (int i = 0; i < operands; ++i) {
      const TensorView& x = args.input(i);
      int64_t stride = 1;
      for (int k = x.rank; k-- > 0; stride *= x.dim(k)) {
        const size_t at = labels.find(e.terms[static_cast<size_t>(i)][static_cast<size_t>(k)]);
        if (x.dim(k) == 1) continue;
        if (l.dims[at] != 0) l.dims[at] = x.dim(k);  // an empty dimension stays empty
        l.strides[at][i] += stride;
      }
    }
    l.terms = 1;
    for (int k = l.outer; k < l.labels; ++k) l.terms *= l.dims[k];
    const LaunchConfig config{.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}};
    if (!IsFloating(y.type())) return cuda::Launch(args, config, Integers, inputs, y, n, l, y.type());
    WithReal(y.type(),
             [&](auto tag) { cuda::Launch(args, config, Reals<typename decltype(tag)::Type>, inputs, y, n, l); });
  }

 private:
  static std::string AllLabels(const Equation& e) {
    std::string labels = e.output;
    for (const std::string& term : e.terms)
      for (char ch : term)
        if (labels.find(ch) == std::string::npos) labels += ch;
    return labels;
  }

  std::string equation_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("Einsum")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::einsum
