// CenterCropPad: each axis is cut, or padded with zeros, on both sides; the odd one of an odd difference at its end.
#include <algorithm>
#include <cstring>

#include "kernels/simd/carver.h"
#include "onda/provider.h"

namespace onda::center_crop_pad {
namespace {

class Reference {
 public:
  explicit Reference(const NodeView&) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (x.rank != y.rank) throw Error(ErrorCode::kInvalidArgument, "the ranks of input and output differ");
    if (y.count() == 0) return;
    if (x.type() == DType::kString) {
      Move(args, x, y, [&](int64_t to, int64_t from, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          y.as<std::string>()[to + i] = from < 0 ? std::string() : x.as<std::string>()[from + i];
        }
      });
      return;
    }
    const int64_t size = BitsOf(x.type()) / 8;
    if (size == 0) throw Error(ErrorCode::kNotImplemented, "CenterCropPad of " + std::string(NameOf(x.type())));
    Move(args, x, y, [&](int64_t to, int64_t from, int64_t count) {
      char* target = y.as<char>() + to * size;
      if (from < 0) {
        std::memset(target, 0, static_cast<size_t>(count * size));
      } else {
        std::memcpy(target, x.as<char>() + from * size, static_cast<size_t>(count * size));
      }
    });
  }

 private:
  // Position in the input of an output's first position; negative where that is padding.
  static int64_t ShiftOf(int64_t in, int64_t out) { return in >= out ? (in - out) / 2 : -((out - in) / 2); }

  // Calls copy(to, from, count) for runs that cover the output, from = -1 for zeros.
  template <class Copy>
  static void Move(const LaunchArgs& args, const TensorView& x, const TensorView& y, Copy&& copy) {
    if (x.rank == 0) return copy(0, 0, 1);
    const int last = x.rank - 1;
    const int64_t width = y.dim(last), in_width = x.dim(last), shift = ShiftOf(in_width, width);
    // The output's positions [begin, end) along the last axis lie in the input.
    const int64_t begin = std::min(width, std::max<int64_t>(0, -shift)),
                  end = std::max(begin, std::min(width, in_width - shift));
    args.ParallelFor(y.count() / width, 1 + 16384 / width, [&](int64_t first, int64_t stop) {
      for (int64_t row = first; row < stop; ++row) {
        int64_t rest = row, from = 0, stride = 1;
        bool inside = true;
        for (int axis = last - 1; axis >= 0; --axis) {
          const int64_t at = rest % y.dim(axis) + ShiftOf(x.dim(axis), y.dim(axis));
          inside = inside && at >= 0 && at < x.dim(axis);
          from += at * stride;
          rest /= y.dim(axis);
          stride *= x.dim(axis);
        }
        const int64_t to = row * width;
        if (!inside) {
          copy(to, -1, width);
          continue;
        }
        if (begin > 0) copy(to, -1, begin);
        if (end > begin) copy(to + begin, from * in_width + begin + shift, end - begin);
        if (width > end) copy(to + end, -1, width - end);
      }
    });
  }
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("CenterCropPad")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::center_crop_pad
