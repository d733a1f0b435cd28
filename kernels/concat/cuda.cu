// Each part is a strided copy of its own: as many runs as there are outer indices, each of the part's extent.
#include "kernels/concat/concat.h"
#include "kernels/device/strided_copy.h"

namespace onda::concat {
namespace {

// A part as (outer, extent x inner).
struct Part {
  int64_t dims[2], strides[2];
  Part(const TensorView& x, int axis)
      : dims{x.count(0, axis), x.count(axis, x.rank)}, strides{x.count(axis, x.rank), 1} {}
};

class Concat {
 public:
  explicit Concat(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int axis = params_.AxisOf(y);
    const int64_t whole[2] = {y.count(axis, y.rank), 1};
    int64_t start = 0;
    for (int k = 0; k < args.input_count(); ++k) {
      const TensorView& x = args.input(k);
      const Part part(x, axis);
      const StridedCopy copy{y.type(), part.dims, x.data, 0, part.strides, y.data, start, whole};
      cuda::MoveStrided(args, copy, x, y, args.input_count() > 1);
      start += part.dims[1];
    }
  }

 private:
  Params params_;
};

class Split {
 public:
  explicit Split(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int axis = params_.AxisOf(x);
    const int64_t whole[2] = {x.count(axis, x.rank), 1}, inner = x.count(axis + 1, x.rank);
    int64_t start = 0;
    for (int k = 0; k < args.output_count(); ++k) {
      const TensorView& y = args.output(k);
      if (y.data != nullptr) {
        const Part part(y, axis);
        cuda::MoveStrided(args, {x.type(), part.dims, x.data, start, whole, y.data, 0, part.strides}, x, y);
      }
      start += y.dim(axis) * inner;
    }
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Concat>("Concat"), MakeKernel<Split>("Split")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::concat
