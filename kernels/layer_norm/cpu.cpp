// fp32, float16 and bfloat16, row by row: sum with the skip connection, moments, normalisation, all while the row is in
// L1. Half types are widened to rows of the workspace.
#include <cmath>

#include "kernels/layer_norm/layer_norm.h"
#include "kernels/simd/half.h"
#include "kernels/simd/moments.h"
#include "onda/float_formats.h"

namespace onda::layer_norm {
namespace {

template <const Form& kForm>
class Cpu {
 public:
  static constexpr bool kInPlace = kForm.skip < 0;
  explicit Cpu(const NodeView& node) : params_(node.attributes(), kForm) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloatOrHalf(type)) return "only float, float16 and bfloat16";
    for (int i = 1; i < node.input_count(); ++i)
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for all inputs";
    return "";
  }

  // Half types: the widened input (its sum), then skip, gamma, beta and bias.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    if (!IsHalf(inputs[0].type())) return 0;
    int64_t floats = 0;
    for (int i = 0; i < inputs.count(); ++i)
      if (inputs[i].present()) floats += inputs[i].count();
    return sizeof(float) * static_cast<size_t>(floats);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const auto [rows, n] = params_.ExtentsOf(x);
    if (n == 0) return StoreNoMoments(args, kForm, rows);
    if (rows == 0) return;
    const bool half = IsHalf(x.type());
    float* work = static_cast<float*>(args.workspace());
    float* const wide = work;
    if (half) work += x.count();
    const Operand skip(args, kForm.skip, n, work), gamma(args, kForm.gamma, n, work);
    const Operand beta(args, kForm.beta, n, work), bias(args, kForm.bias, n, work);
    const bool plain = skip.plain() && gamma.plain() && beta.plain() && bias.plain();

    args.ParallelFor(rows, 1 + 16384 / n, [&, n = n](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* from = half ? wide + r * n : x.as<float>() + r * n;
        float* to = half ? wide + r * n : y.as<float>() + r * n;
        if (half) WidenToFloat(x.type(), x.as<uint16_t>() + r * n, to, n);
        if (skip.present()) {
          if (plain) {
            AddRows(from, skip.row(r), bias.row(r), to, n);
          } else {
            for (int64_t i = 0; i < n; ++i)
              to[i] = from[i] + skip.at(r * n + i) + (bias.present() ? bias.at(r * n + i) : 0);
          }
          from = to;
          if constexpr (kForm.sum >= 0) StoreRow(args.output(kForm.sum), r * n, from, n);
        }
        double mean = 0, variance;
        if (kForm.rms) {
          variance = SumOfSquares(from, n) / static_cast<double>(n);
        } else {
          const Moments m = MomentsOf(from, n);
          mean = m.mean;
          variance = m.variance();
        }
        const double inverse = 1 / std::sqrt(variance + params_.epsilon);
        if constexpr (kForm.mean >= 0) StoreOne(args.output(kForm.mean), r, mean);
        if constexpr (kForm.inverse_deviation >= 0) StoreOne(args.output(kForm.inverse_deviation), r, inverse);
        const float scale = static_cast<float>(inverse);
        if (plain) {
          Normalize(from, mean, scale, gamma.row(r), beta.row(r), to, n);
        } else {
          for (int64_t i = 0; i < n; ++i)
            to[i] = static_cast<float>(from[i] - mean) * scale * gamma.at(r * n + i) +
                    (beta.present() ? beta.at(r * n + i) : 0);
        }
        if (half) StoreRow(y, r * n, to, n);
      }
    });
  }

 private:
  // An optional input as floats.
  class Operand {
   public:
    Operand(const LaunchArgs& args, int index, int64_t length, float*& work)
        : Operand(index < 0 ? kAbsent : args.input(index), args.input(0), length, work) {}
    bool present() const { return places_.present(); }
    bool plain() const { return !present() || places_.plain(); }
    // Null where absent.
    const float* row(int64_t r) const { return present() ? data_ + places_.row_offset(r) : nullptr; }
    float at(int64_t k) const { return data_[places_.offset(k)]; }

   private:
    Operand(const TensorView& t, const TensorView& x, int64_t length, float*& work) : places_(t, x, length) {
      if (!t.present()) return;
      data_ = t.as<float>();
      if (!IsHalf(t.type())) return;
      WidenToFloat(t.type(), t.as<uint16_t>(), work, t.count());
      data_ = work;
      work += t.count();
    }
    static constexpr TensorView kAbsent{};
    Broadcast places_;
    const float* data_ = nullptr;
  };

  static void StoreRow(const TensorView& t, int64_t at, const float* from, int64_t n) {
    if (!t.present()) return;
    if (IsHalf(t.type())) {
      NarrowFromFloat(t.type(), from, t.as<uint16_t>() + at, n);
    } else {
      std::memcpy(t.as<float>() + at, from, sizeof(float) * static_cast<size_t>(n));
    }
  }
  static void StoreOne(const TensorView& t, int64_t at, double value) {
    if (t.present()) StoreDouble(t.type(), t.data, at, value);
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<kLayer>>("LayerNormalization"),
    MakeKernel<Cpu<kRms>>("RMSNormalization"),
    MakeKernel<Cpu<kSimplified>>("SimplifiedLayerNormalization"),
    MakeKernel<Cpu<kSkipLayer>>("SkipLayerNormalization", "com.microsoft"),
    MakeKernel<Cpu<kSkipSimplified>>("SkipSimplifiedLayerNormalization", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::layer_norm
