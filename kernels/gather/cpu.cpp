// Gather by runs, or by elements of a fixed size where the runs are single elements; GatherElements by rows.
#include "kernels/gather/gather.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/indices.h"
#include "kernels/simd/strided_copy.h"

namespace onda::gather {
namespace {

std::string RejectsPacked(const NodeView& node) {
  return node.input(0).type() == DType::kString || BitsOf(node.input(0).type()) < 8 ? "only elements of whole bytes"
                                                                                    : "";
}

// Calls fn(T{}) with an integer type of the element's size.
template <class Fn>
void WithElement(DType dtype, Fn&& fn) {
  switch (BitsOf(dtype)) {
    case 8:
      return fn(uint8_t{});
    case 16:
      return fn(uint16_t{});
    case 32:
      return fn(uint32_t{});
    case 64:
      return fn(uint64_t{});
    default:
      return fn(Bytes16{});
  }
}

class Gather {
 public:
  explicit Gather(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsPacked(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int axis = params_.AxisOf(x);
    const int64_t outer = x.count(0, axis), inner = x.count(axis + 1, x.rank), count = indices.count();
    const int64_t size = x.dim(axis);
    if (inner == 1) {
      WithElement(x.type(), [&]<class T>(T) {
        args.ParallelFor(outer * count, 16384, [&](int64_t begin, int64_t end) {
          int64_t row = begin / count, i = begin % count;
          for (int64_t at = begin; at < end; ++at) {
            y.as<T>()[at] = x.as<T>()[row * size + CheckedIndex(LoadIndex(indices, i), size)];
            if (++i == count) i = 0, ++row;
          }
        });
      });
      return;
    }
    const size_t bytes = static_cast<size_t>(inner) * (BitsOf(x.type()) / 8);
    args.ParallelFor(outer * count, 1 + 65536 / (1 + static_cast<int64_t>(bytes)), [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; ++at) {
        const int64_t from = at / count * size + CheckedIndex(LoadIndex(indices, at % count), size);
        std::memcpy(y.as<char>() + at * bytes, x.as<char>() + from * bytes, bytes);
      }
    });
  }

 private:
  Params params_;
};

class GatherElements {
 public:
  explicit GatherElements(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return RejectsPacked(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int axis = params_.AxisOf(x), last = x.rank - 1;
    const Strides strides(x.shape());
    const int64_t width = indices.dim(last), size = x.dim(axis), stride = strides.at[axis];
    if (indices.count() == 0) return;
    WithElement(x.type(), [&]<class T>(T) {
      args.ParallelFor(indices.count() / width, 1 + 16384 / width, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          int64_t rest = row, from = 0;
          for (int k = last; k-- > 0; rest /= indices.dim(k))
            if (k != axis) from += rest % indices.dim(k) * strides.at[k];
          const T* base = x.as<T>() + from;
          T* out = y.as<T>() + row * width;
          const int64_t step = axis == last ? 0 : 1;
          for (int64_t i = 0; i < width; ++i)
            out[i] = base[i * step + CheckedIndex(LoadIndex(indices, row * width + i), size) * stride];
        }
      });
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Gather>("Gather"),
    MakeKernel<GatherElements>("GatherElements"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::gather
