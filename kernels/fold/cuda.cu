// Col2Im: a thread per element of the image, which sums the elements of the blocks that lie on it, in fp32 (fp64 for
// double) or modulo 2^64. Images of up to three dimensions.
#include "kernels/device/number.h"
#include "kernels/device/target.h"
#include "kernels/fold/fold.h"
#include "onda/float_formats.h"
#include "providers/cuda/device.h"

namespace onda::fold {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kAxes = 3;

// x (planes, elements of a block, blocks); axes in front that there are not have 1 of everything.
struct Geometry {
  int64_t extent[kAxes], block[kAxes], columns[kAxes], stride[kAxes], dilation[kAxes], pad[kAxes];
};

// The block along an axis whose element e lies at position `at`, or -1.
__device__ int64_t BlockAt(const Geometry& g, int axis, int64_t at, int64_t e) {
  const int64_t start = at + g.pad[axis] - e * g.dilation[axis];
  if (start < 0 || start % g.stride[axis] != 0 || start / g.stride[axis] >= g.columns[axis]) return -1;
  return start / g.stride[axis];
}

template <class C>
__global__ void __launch_bounds__(kThreads, 4)
    AddBlocks(In<uint8_t> x, Out<uint8_t> y, int64_t n, Geometry g, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t column = i % g.extent[2], row = i / g.extent[2] % g.extent[1],
                depth = i / g.extent[2] / g.extent[1] % g.extent[0],
                plane = i / g.extent[2] / g.extent[1] / g.extent[0];
  C sum = 0;
  for (int64_t a = 0; a < g.block[0]; ++a) {
    const int64_t from_a = BlockAt(g, 0, depth, a);
    if (from_a < 0) continue;
    for (int64_t b = 0; b < g.block[1]; ++b) {
      const int64_t from_b = BlockAt(g, 1, row, b);
      if (from_b < 0) continue;
      for (int64_t c = 0; c < g.block[2]; ++c) {
        const int64_t from_c = BlockAt(g, 2, column, c);
        if (from_c < 0) continue;
        const int64_t element = (a * g.block[1] + b) * g.block[2] + c;
        const int64_t block = (from_a * g.columns[1] + from_b) * g.columns[2] + from_c;
        const int64_t at =
            (plane * g.block[0] * g.block[1] * g.block[2] + element) * g.columns[0] * g.columns[1] * g.columns[2] +
            block;
        if constexpr (std::is_same_v<C, uint64_t>)
          sum += static_cast<uint64_t>(LoadInteger(type, x.data, at));
        else
          sum += LoadNumber<C>(type, x.data, at);
      }
    }
  }
  if constexpr (std::is_same_v<C, uint64_t>)
    StoreInteger(type, y.data, i, static_cast<int64_t>(sum));
  else
    StoreReal(type, y.data, i, sum);
}

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    if (!IsNumber(node.input(0).type())) return "not for " + std::string(NameOf(node.input(0).type()));
    const int rank = node.output(0).rank;
    return rank < 0 || rank > kAxes + 2 ? "only images of up to 3 dimensions" : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &block = args.input(2), &y = args.output(0);
    const int rank = y.rank - 2;
    params_.Check(static_cast<size_t>(rank));
    const int64_t n = y.count();
    if (n == 0) return;
    Geometry g;
    for (int i = 0; i < kAxes; ++i)
      g.extent[i] = g.block[i] = g.columns[i] = g.stride[i] = g.dilation[i] = 1, g.pad[i] = 0;
    int64_t elements = 1, count = 1;
    for (int i = 0; i < rank; ++i) {
      const int to = kAxes - rank + i;
      const size_t axis = static_cast<size_t>(i);
      g.extent[to] = y.dim(i + 2);
      g.block[to] = LoadInt64(block.type(), block.data, i);
      g.stride[to] = params_.stride(axis);
      g.dilation[to] = params_.dilation(axis);
      g.pad[to] = params_.pad_begin(axis);
      if (g.block[to] < 1 || g.block[to] >= int64_t{1} << 20)
        throw Error(ErrorCode::kInvalidArgument, "a block does not fit the image");
      const int64_t room = g.extent[to] + g.pad[to] + params_.pad_end(axis, static_cast<size_t>(rank)) -
                           ((g.block[to] - 1) * g.dilation[to] + 1);
      if (room < 0) throw Error(ErrorCode::kInvalidArgument, "a block does not fit the image");
      g.columns[to] = room / g.stride[to] + 1;
      elements *= g.block[to];
      count *= g.columns[to];
      if (elements >= int64_t{1} << 40 || count >= int64_t{1} << 40)
        throw Error(ErrorCode::kInvalidArgument, "the blocks do not fit the image");
    }
    if (x.dim(1) != y.dim(1) * elements || x.dim(2) != count)
      throw Error(ErrorCode::kInvalidArgument, "the input has other rows and columns than the image needs");
    auto run = [&](auto kernel) {
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, kernel, x, y, n, g, x.type());
    };
    if (!IsFloating(x.type()))
      run(AddBlocks<uint64_t>);
    else if (x.type() == DType::kDouble)
      run(AddBlocks<double>);
    else
      run(AddBlocks<float>);
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("Col2Im")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::fold
