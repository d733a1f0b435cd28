// Matrix products: MatMul (numpy's rules), Gemm (one 2-D product with scaled addend), and com.microsoft's forms of both
// with transposes and an activation.
#ifndef ONDA_KERNELS_MATMUL_MATMUL_H_
#define ONDA_KERNELS_MATMUL_MATMUL_H_

#include <array>
#include <string>
#include <vector>

#include "kernels/simd/activation.h"
#include "onda/provider.h"

namespace onda::matmul {

// MatMul and FusedMatMul.
struct MatMulParams {
  float alpha;
  bool trans_a, trans_b;              // swap the last two dimensions
  bool trans_batch_a, trans_batch_b;  // the first dimension moves behind the batch ones before that

  explicit MatMulParams(const Attributes& a)
      : alpha(a.Float("alpha", 1)),
        trans_a(a.Int("transA", 0) != 0),
        trans_b(a.Int("transB", 0) != 0),
        trans_batch_a(a.Int("transBatchA", 0) != 0),
        trans_batch_b(a.Int("transBatchB", 0) != 0) {}
};

// The activation of a FusedGemm, or no activation. Throws for a name that is none.
inline Activation GemmActivation(const Attributes& a) {
  const std::string name = a.String("activation", "");
  if (name.empty()) return {};
  const std::optional<Activation> found = ActivationOf(
      name, a.Has("activation_alpha") ? std::optional<float>(a.Float("activation_alpha", 0)) : std::nullopt,
      a.Has("activation_beta") ? std::optional<float>(a.Float("activation_beta", 0)) : std::nullopt);
  if (!found)
    throw Error(ErrorCode::kNotImplemented, "activation '" + name + "' is not one of those that can be fused");
  return *found;
}

// Gemm and FusedGemm: activation(alpha * A' B' + beta * C).
struct GemmParams {
  float alpha, beta;
  bool trans_a, trans_b;
  Activation activation;

  explicit GemmParams(const Attributes& a)
      : alpha(a.Float("alpha", 1)),
        beta(a.Float("beta", 1)),
        trans_a(a.Int("transA", 0) != 0),
        trans_b(a.Int("transB", 0) != 0),
        activation(GemmActivation(a)) {}
};

// A batched product with everything known. Strides in elements; batch item i of C starts at i * m * n.
struct Product {
  static constexpr int kMaxRank = 8;  // of the batch, after neighbouring dimensions were merged
  int64_t m = 1, n = 1, k = 1;
  int64_t a_row = 0, a_col = 0, b_row = 0, b_col = 0;
  int rank = 0;
  std::array<int64_t, kMaxRank> extent{}, a_stride{}, b_stride{};

  int64_t batch() const {
    int64_t items = 1;
    for (int i = 0; i < rank; ++i) items *= extent[i];
    return items;
  }
  // Where batch item `item` of A and B starts.
  struct Offsets {
    int64_t a = 0, b = 0;
  };
  Offsets At(int64_t item) const {
    Offsets at;
    for (int i = rank - 1; i >= 0; --i) {
      at.a += item % extent[i] * a_stride[i];
      at.b += item % extent[i] * b_stride[i];
      item /= extent[i];
    }
    return at;
  }
};

// From shapes that inference has checked. A batch that only A has becomes part of m where A's rows allow it.
Product MakeProduct(const MatMulParams& params, std::span<const int64_t> a, std::span<const int64_t> b);
Product MakeProduct(const GemmParams& params, std::span<const int64_t> a, std::span<const int64_t> b);

}  // namespace onda::matmul

#endif  // ONDA_KERNELS_MATMUL_MATMUL_H_
