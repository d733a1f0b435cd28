#include <cstring>
#include <span>

#include "kernels/reorder/reorder.h"
#include "kernels/simd/channel_blocks.h"

namespace onda::reorder {
namespace {

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    return BitsOf(node.input(0).type()) % 8 == 0 && node.input(0).type() != DType::kString ? "" : "only whole bytes";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const size_t size = static_cast<size_t>(BitsOf(x.type()) / 8);
    const ChannelBlocks from{x.dim(1), x.count(2, x.rank), params_.from}, to{x.dim(1), from.inner, params_.to};
    for (int64_t item = 0; item < x.dim(0); ++item)
      for (int64_t channel = 0; channel < from.channels; ++channel)
        for (int64_t i = 0; i < from.inner; ++i)
          std::memcpy(y.as<char>() + static_cast<size_t>(to.At(item, channel, i)) * size,
                      x.as<char>() + static_cast<size_t>(from.At(item, channel, i)) * size, size);
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("Reorder", "onda")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::reorder
