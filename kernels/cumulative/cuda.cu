// CumSum and CumProd, in fp64 and modulo 2^64. A block per line where the axis is the last, tile after tile; otherwise
// a thread per line, neighbours side by side. Types are known at run time only.
#include "kernels/cumulative/cumulative.h"
#include "kernels/device/block.h"
#include "kernels/device/number.h"
#include "onda/float_formats.h"
#include "providers/cuda/device.h"

namespace onda::cumulative {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

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

// Lines of `length` elements that are `inner` apart. blocks: a block per line, which needs inner = 1.
template <class C>
__global__ void __launch_bounds__(kThreads)
    Lines(In<uint8_t> x, Out<uint8_t> y, int64_t lines, int64_t length, int64_t inner, bool blocks, bool exclusive,
          bool reverse, Access<C> access) {
  const int64_t line = blocks ? static_cast<int64_t>(blockIdx.x) : GlobalThread();
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
  for (int64_t tile = 0; tile < length; tile += kThreads) {
    const int64_t t = tile + threadIdx.x;
    const C value = t < length ? access.Load(x.data, place(t)) : access.Neutral();
    C total;
    const C before = access(sum, BlockExclusiveScan(value, access, access.Neutral(), &total));
    if (t < length) access.Store(y.data, place(t), exclusive ? before : access(before, value));
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

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0), &at = args.input(1);
    if (x.count() == 0) return;
    const int64_t given = LoadInt64(at.type(), at.data, 0);
    const int axis = static_cast<int>(given < 0 ? given + x.rank : given);
    if (axis < 0 || axis >= x.rank)
      throw Error(ErrorCode::kRuntime, "axis " + std::to_string(given) + " is out of range");
    const int64_t length = x.dim(axis), inner = x.count(axis + 1, x.rank), lines = x.count(0, axis) * inner;
    const bool blocks = inner == 1 && length >= 32;
    auto run = [&]<class C>(TypeTag<C>) {
      cuda::Launch(args, {.grid = {BlocksFor(lines, blocks ? 1 : kThreads)}, .block = {kThreads}}, Lines<C>, x, y,
                   lines, length, inner, blocks, params_.exclusive, params_.reverse, Access<C>{x.type(), kProduct});
    };
    IsFloating(x.type()) ? run(TypeTag<double>()) : run(TypeTag<uint64_t>());
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("CumSum"),
    MakeKernel<Cuda<true>>("CumProd"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::cumulative
