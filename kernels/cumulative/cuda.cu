// CumSum and CumProd, in fp64 and modulo 2^64. A block per line where the axis is the last, tile after tile; several
// where there are few lines, each behind the totals of those before; otherwise a thread per line, neighbours side by
// side. Types are known at run time only.
#include <algorithm>

#include "kernels/cumulative/cumulative.h"
#include "kernels/device/block.h"
#include "kernels/device/number.h"
#include "onda/float_formats.h"
#include "providers/cuda/device.h"

namespace onda::cumulative {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
// Blocks that a device should have, and the least that one of several of a line takes.
constexpr int64_t kBlocks = 256, kLeastPart = 8 * kThreads;

// Accumulates in double or uint64_t.
template <class C>
struct Access {
  DType type;
  bool product;

  __device__ C Load(const uint8_t* data, int64_t i) const {
    if constexpr (sizeof(C) == 8 && C(0.5) != C(0))
      return LoadNumber<C>(type, data, i);
    else
      return static_cast<C>(LoadInteger(type, data, i));
  }
  __device__ void Store(uint8_t* data, int64_t i, C v) const {
    if constexpr (sizeof(C) == 8 && C(0.5) != C(0))
      StoreReal(type, data, i, v);
    else
      StoreInteger(type, data, i, static_cast<int64_t>(v));
  }
  __device__ C Neutral() const { return product ? C(1) : C(0); }
  __device__ C operator()(C a, C b) const { return product ? a * b : a + b; }
};

// totals (lines, parts): of each part of a line, which has part_length elements or, the last one, less.
template <class C>
__global__ void __launch_bounds__(kThreads) Totals(In<uint8_t> x, Out<C> totals, int64_t length, int64_t parts,
                                                   int64_t part_length, bool reverse, Access<C> access) {
  const int64_t line = blockIdx.x / parts, begin = blockIdx.x % parts * part_length;
  const int64_t end = min(begin + part_length, length);
  C sum = access.Neutral();
  for (int64_t t = begin + threadIdx.x; t < end; t += kThreads)
    sum = access(sum, access.Load(x.data, line * length + (reverse ? length - 1 - t : t)));
  sum = BlockReduce(sum, access, access.Neutral());
  if (threadIdx.x == 0) totals[blockIdx.x] = sum;
}

// Lines of `length` elements that are `inner` apart. blocks: a block for each of the line's parts, which needs inner =
// 1; totals: of the parts, where there are several.
template <class C>
__global__ void __launch_bounds__(kThreads)
    Lines(In<uint8_t> x, In<C> totals, Out<uint8_t> y, int64_t lines, int64_t length, int64_t inner, bool blocks,
          int64_t parts, int64_t part_length, bool exclusive, bool reverse, Access<C> access) {
  const int64_t line = blocks ? static_cast<int64_t>(blockIdx.x) / parts : GlobalThread();
  if (line >= lines) return;  // whole blocks, or no barrier follows
  const int64_t first = line / inner * length * inner + line % inner;
  auto place = [&](int64_t t) { return first + (reverse ? length - 1 - t : t) * inner; };
  C sum = access.Neutral();  // of all before
  if (!blocks) {
    for (int64_t t = 0; t < length; ++t) {
      const C next = access(sum, access.Load(x.data, place(t)));
      access.Store(y.data, place(t), exclusive ? sum : next);
      sum = next;
    }
    return;
  }
  const int64_t part = static_cast<int64_t>(blockIdx.x) % parts, begin = part * part_length;
  const int64_t end = min(begin + part_length, length);
  if (part > 0) {
    for (int64_t i = threadIdx.x; i < part; i += kThreads) sum = access(sum, totals[line * parts + i]);
    sum = BlockReduce(sum, access, access.Neutral());
  }
  for (int64_t tile = begin; tile < end; tile += kThreads) {
    const int64_t t = tile + threadIdx.x;
    const C value = t < end ? access.Load(x.data, place(t)) : access.Neutral();
    C total;
    const C before = access(sum, BlockExclusiveScan(value, access, access.Neutral(), &total));
    if (t < end) access.Store(y.data, place(t), exclusive ? before : access(before, value));
    sum = access(sum, total);
  }
}

template <bool kProduct>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return IsFloating(type) || IsByteInteger(type) ? "" : "not for " + std::string(NameOf(type));
  }

  // The most that an axis may need: the axis itself may not be known yet.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const TensorView& x = inputs[0];
    if (x.count() == 0) return 0;
    const int64_t length = x.dim(x.rank - 1), lines = x.count() / length, parts = PartsOf(lines, length);
    return parts > 1 ? static_cast<size_t>(lines * parts) * sizeof(double) : 0;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0), &at = args.input(1);
    if (x.count() == 0) return;
    const int64_t given = LoadInt64(at.type(), at.data, 0);
    const int axis = static_cast<int>(given < 0 ? given + x.rank : given);
    if (axis < 0 || axis >= x.rank)
      throw Error(ErrorCode::kRuntime, "axis " + std::to_string(given) + " is out of range");
    const int64_t length = x.dim(axis), inner = x.count(axis + 1, x.rank), lines = x.count(0, axis) * inner;
    const bool blocks = inner == 1 && length >= 32;
    // Where axes of extent 1 follow, the workspace was not asked for.
    const int64_t parts = blocks && axis == x.rank - 1 ? PartsOf(lines, length) : 1;
    const int64_t part_length = (length + parts - 1) / parts;
    auto run = [&]<class C>(TypeTag<C>) {
      const Access<C> access{x.type(), kProduct};
      const Buffer totals = parts > 1 ? WorkspaceOf(args, 0, static_cast<size_t>(lines * parts) * sizeof(C)) : Buffer{};
      if (parts > 1)
        cuda::Launch(args, {.grid = {BlocksFor(lines * parts, 1)}, .block = {kThreads}}, Totals<C>, x, totals, length,
                     parts, part_length, params_.reverse, access);
      cuda::Launch(args,
                   {.grid = {blocks ? BlocksFor(lines * parts, 1) : BlocksFor(lines, kThreads)}, .block = {kThreads}},
                   Lines<C>, x, totals, y, lines, length, inner, blocks, parts, part_length, params_.exclusive,
                   params_.reverse, access);
    };
    IsFloating(x.type()) ? run(TypeTag<double>()) : run(TypeTag<uint64_t>());
  }

 private:
  // Blocks of a line.
  static int64_t PartsOf(int64_t lines, int64_t length) {
    return std::max<int64_t>(1, std::min(kBlocks / lines, length / kLeastPart));
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("CumSum"),
    MakeKernel<Cuda<true>>("CumProd"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::cumulative
