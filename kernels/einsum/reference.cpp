#include <algorithm>
#include <optional>

#include "kernels/einsum/einsum.h"
#include "kernels/simd/stack_buffer.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::einsum {
namespace {

// Every output element is the sum, over all labels that the output lacks, of products. Sums are double, or wrap around
// for integers.
class Reference {
 public:
  explicit Reference(const NodeView& node) : equation_(node.attributes().String("equation", "")) {
    std::vector<int> ranks;
    for (int i = 0; i < node.input_count(); ++i) ranks.push_back(node.input(i).rank);
    if (std::all_of(ranks.begin(), ranks.end(), [](int rank) { return rank >= 0; }))
      parsed_ = ParseEquation(equation_, ranks);
  }

  void Launch(const LaunchArgs& args) const {
    const int operands = args.input_count();
    std::optional<Equation> own;
    if (!parsed_) {
      std::vector<int> ranks;
      for (int i = 0; i < operands; ++i) ranks.push_back(args.input(i).rank);
      own = ParseEquation(equation_, ranks);
    }
    const Equation& e = parsed_ ? *parsed_ : *own;
    // Labels: the output's, then the summed ones.
    std::string labels = e.output;
    for (const std::string& term : e.terms)
      for (char ch : term)
        if (labels.find(ch) == std::string::npos) labels += ch;
    const size_t n = labels.size(), outer = e.output.size();
    StackBuffer<int64_t, 64> dims(n), strides(n * operands);
    std::fill(dims.begin(), dims.end(), 1);
    for (int i = 0; i < operands; ++i) {
      const TensorView& x = args.input(i);
      int64_t stride = 1;
      for (int k = x.rank; k-- > 0; stride *= x.dim(k)) {
        const size_t at = labels.find(e.terms[i][k]);
        if (x.dim(k) == 1) continue;
        dims[at] = x.dim(k);
        strides[at * operands + i] += stride;
      }
    }
    for (int i = 0; i < operands; ++i)  // an empty dimension is no dimension of 1
      for (int k = 0; k < args.input(i).rank; ++k)
        if (args.input(i).dim(k) == 0) dims[labels.find(e.terms[i][k])] = 0;
    int64_t terms = 1;
    for (size_t k = outer; k < n; ++k) terms *= dims[k];
    const TensorView& y = args.output(0);
    args.ParallelFor(y.count(), 1 + 4096 / (terms + 1), [&](int64_t begin, int64_t end) {
      StackBuffer<int64_t, 64> offsets(operands), index(n);
      StopPoll poll(args);
      for (int64_t at = begin; at < end; ++at) {
        poll.Work(8);
        std::fill(offsets.begin(), offsets.end(), 0);
        int64_t rest = at;
        for (size_t k = outer; k-- > 0; rest /= dims[k])
          for (int i = 0; i < operands; ++i) offsets[i] += rest % dims[k] * strides[k * operands + i];
        std::fill(index.begin(), index.end(), 0);
        if (IsInteger(y.type())) {
          uint64_t sum = 0;
          for (int64_t t = 0; t < terms;
               ++t, Next(n, outer, dims.data(), strides.data(), index.data(), offsets.data(), operands)) {
            poll.Work(4 * operands);
            uint64_t product = 1;
            for (int i = 0; i < operands; ++i)
              product *= static_cast<uint64_t>(LoadInt64(y.type(), args.input(i).data, offsets[i]));
            sum += product;
          }
          StoreInt64(y.type(), y.data, at, static_cast<int64_t>(sum));
        } else {
          double sum = 0;
          for (int64_t t = 0; t < terms;
               ++t, Next(n, outer, dims.data(), strides.data(), index.data(), offsets.data(), operands)) {
            poll.Work(4 * operands);
            double product = 1;
            for (int i = 0; i < operands; ++i) product *= LoadDouble(y.type(), args.input(i).data, offsets[i]);
            sum += product;
          }
          StoreDouble(y.type(), y.data, at, sum);
        }
      }
    });
  }

 private:
  // The next index of the summed labels.
  static void Next(size_t n, size_t outer, const int64_t* dims, const int64_t* strides, int64_t* index,
                   int64_t* offsets, size_t operands) {
    for (size_t k = n; k-- > outer;) {
      ++index[k];
      const int64_t steps = index[k] < dims[k] ? 1 : 1 - dims[k];
      for (size_t i = 0; i < operands; ++i) offsets[i] += steps * strides[k * operands + i];
      if (index[k] < dims[k]) return;
      index[k] = 0;
    }
  }
  std::string equation_;
  std::optional<Equation> parsed_;  // where all ranks are known
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("Einsum")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::einsum
