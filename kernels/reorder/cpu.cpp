// Between row-major and channel blocks, plane by plane of (block, elements of a channel).
#include <algorithm>
#include <span>

#include "kernels/reorder/bytes.h"
#include "kernels/reorder/reorder.h"
#include "kernels/simd/transpose.h"

namespace onda::reorder {
namespace {

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const Params p(node.attributes());
    if (p.from != 1 && p.to != 1) return "only from or to row-major";
    const int bits = BitsOf(node.input(0).type());
    if (node.input(0).type() == DType::kString) return "no strings";
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? "" : "only elements of 1, 2, 4 or 8 bytes";
  }

  void Launch(const LaunchArgs& args) const {
    switch (BitsOf(args.input(0).type())) {
      case 8:
        return Run<uint8_t>(args);
      case 16:
        return Run<uint16_t>(args);
      case 32:
        return Run<uint32_t>(args);
      default:
        return Run<uint64_t>(args);
    }
  }

 private:
  template <class T>
  void Run(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t block = std::max(params_.from, params_.to), inner = x.count(2, x.rank), size = block * inner;
    if (x.count() == 0) return;
    args.ParallelFor(x.count() / size, std::max<int64_t>(1, (1 << 14) / size), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* from = x.as<T>() + i * size;
        T* to = y.as<T>() + i * size;
        if constexpr (sizeof(T) == 1) {
          if (block == 4) {
            params_.to == 1 ? OutOfFours(from, inner, to) : IntoFours(from, inner, to);
            continue;
          }
        }
        if (params_.to == 1) {
          TransposePlane(from, block, to, inner, block, inner);
        } else {
          TransposePlane(from, inner, to, block, inner, block);
        }
      }
    });
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cpu>("Reorder", "onda")};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::reorder
