#include "kernels/gather/gather.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/indices.h"
#include "kernels/simd/strided_copy.h"

namespace onda::gather {
namespace {

class Gather {
 public:
  explicit Gather(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int axis = params_.AxisOf(x);
    const int64_t outer = x.count(0, axis), inner = x.count(axis + 1, x.rank), count = indices.count();
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i) {
        const int64_t from = o * x.dim(axis) + CheckedIndex(LoadIndex(indices, i), x.dim(axis));
        for (int64_t k = 0; k < inner; ++k)
          CopyElement(y.type(), x.data, from * inner + k, y.data, (o * count + i) * inner + k);
      }
  }

 private:
  Params params_;
};

class GatherElements {
 public:
  explicit GatherElements(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int axis = params_.AxisOf(x);
    const Strides strides(x.shape());
    const int64_t count = indices.count();
    for (int64_t at = 0; at < count; ++at) {
      int64_t rest = at, from = CheckedIndex(LoadIndex(indices, at), x.dim(axis)) * strides.at[axis];
      for (int k = indices.rank; k-- > 0; rest /= indices.dim(k))
        if (k != axis) from += rest % indices.dim(k) * strides.at[k];
      CopyElement(y.type(), x.data, from, y.data, at);
    }
  }

 private:
  Params params_;
};

class GatherND {
 public:
  explicit GatherND(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int b = static_cast<int>(params_.batch_dims), depth = static_cast<int>(indices.dim(indices.rank - 1));
    const Strides strides(x.shape());
    const int64_t batches = indices.count(0, b), tuples = indices.count(b, indices.rank - 1);
    const int64_t block = x.count(b + depth, x.rank), batch_size = x.count(b, x.rank);
    auto run = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t from = TupleOffset(indices, i * depth, depth, x.dims + b, strides.at + b);
        CopyRun(y.type(), x.data, i / tuples * batch_size + from, y.data, i * block, block);
      }
    };
    const int64_t all = batches * tuples;
    BitsOf(y.type()) % 8 == 0 ? args.ParallelFor(all, 1 + 16384 / (1 + block), run) : run(0, all);
  }

 private:
  NdParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Gather>("Gather"),
    MakeKernel<GatherElements>("GatherElements"),
    MakeKernel<GatherND>("GatherND"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::gather
