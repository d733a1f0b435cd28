#include <algorithm>

#include "kernels/attention/kernels.h"
#include "kernels/attention/rotary.h"
#include "onda/float_formats.h"

namespace onda::attention {
namespace {

class Rotary {
 public:
  explicit Rotary(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &cos = args.input(1), &sin = args.input(2), &ids = args.input(3);
    const TensorView& y = args.output(0);
    if (x.count() == 0) return;
    const bool flat = x.rank == 3;
    const int64_t half = cos.dim(cos.rank - 1), rows = x.dim(x.rank - 2);
    const int64_t width = !flat ? x.dim(3) : params_.heads > 0 ? x.dim(2) / params_.heads : 2 * half;
    const int64_t dim = std::min(params_.dim > 0 ? params_.dim : width, 2 * half);
    if (width < dim || width == 0) throw Error(ErrorCode::kRuntime, "the rotated part is wider than a head");
    const int64_t heads = flat ? x.dim(2) / width : x.dim(1);
    const int64_t positions = ids.present() ? std::min(cos.dim(0), sin.dim(0)) : x.dim(0) * rows;
    args.ParallelFor(x.dim(0) * rows * heads, 1 + 16384 / width, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t r = flat ? t / heads % rows : t % rows, b = t / heads / rows;
        int64_t position = b * rows + r;
        if (ids.present()) position = ids.rank == 2 ? ids.as<int64_t>()[position] : ids.as<int64_t>()[0] + r;
        if (position < 0 || position >= positions)
          throw Error(ErrorCode::kRuntime, "position " + std::to_string(position) + " is outside the caches");
        One(x, cos, sin, y, t * width, position * half, width, dim);
      }
    });
  }

 private:
  void One(const TensorView& x, const TensorView& cos, const TensorView& sin, const TensorView& y, int64_t at,
           int64_t cache, int64_t width, int64_t dim) const {
    if (x.type() == DType::kFloat) {
      return Rotate(x.as<float>() + at, cos.as<float>() + cache, sin.as<float>() + cache, width, dim,
                    params_.interleaved, y.as<float>() + at);
    }
    auto load = [](const TensorView& t, int64_t i) { return LoadDouble(t.type(), t.data, i); };
    const int64_t half = dim / 2;
    for (int64_t i = 0; i < half; ++i) {
      const int64_t first = at + (params_.interleaved ? 2 * i : i);
      const int64_t second = params_.interleaved ? first + 1 : first + half;
      const double a = load(x, first), b = load(x, second), c = load(cos, cache + i), s = load(sin, cache + i);
      StoreDouble(y.type(), y.data, first, c * a - s * b);
      StoreDouble(y.type(), y.data, second, s * a + c * b);
    }
    for (int64_t i = 2 * half; i < width; ++i) StoreDouble(y.type(), y.data, at + i, load(x, at + i));
  }

  RotaryParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Rotary>("RotaryEmbedding"),
};

}  // namespace

std::span<const OndaKernelDef> RotaryKernels() { return kKernels; }

}  // namespace onda::attention
