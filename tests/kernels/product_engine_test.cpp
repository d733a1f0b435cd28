// The packed product against plain loops in double, on random shapes, strides, epilogues and thread counts, on every
// instruction set that this machine runs.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "hwy/targets.h"
#include "kernels/matmul/sgemm.h"
#include "tests/kernels/targets.h"

namespace onda::matmul {
namespace {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int64_t Below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  bool Coin() { return Below(2) == 1; }
  float Real() { return static_cast<float>(Below(2001) - 1000) / 1000.0f; }
  std::vector<float> Reals(int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = Real();
    return v;
  }

 private:
  std::mt19937 engine_;
};

// Calls bodies one after the other, as if they were threads.
Parallel InTurn(int threads) {
  Parallel parallel;
  parallel.threads = threads;
  parallel.run = [](void*, int64_t n, void (*body)(void*, int64_t, int64_t), void* arg) {
    for (int64_t i = 0; i < n; ++i) body(arg, i, i + 1);
  };
  return parallel;
}

// One random problem; true where every element is right and nothing else was written.
::testing::AssertionResult RunOne(uint32_t seed) {
  Random random(seed);
  const bool large = random.Below(4) == 0;
  Gemm g;
  g.m = random.Below(large ? 300 : 40), g.n = random.Below(large ? 400 : 60), g.k = random.Below(large ? 600 : 70);
  if (random.Below(10) == 0) g.m = 1;
  if (random.Below(10) == 0) g.n = 1;
  if (random.Below(20) == 0) g.k = 0;
  const int64_t items = random.Below(3) == 0 ? random.Below(4) : 1;
  const bool trans_a = random.Coin(), trans_b = random.Coin();
  const int64_t lda = (trans_a ? g.m : g.k) + random.Below(3), ldb = (trans_b ? g.k : g.n) + random.Below(3);
  g.ldc = g.n + random.Below(3);
  const int64_t a_size = lda * (trans_a ? g.k : g.m), b_size = ldb * (trans_b ? g.n : g.k), c_size = g.ldc * g.m;
  const auto a = random.Reals(a_size * items + 1), b = random.Reals(b_size * items + 1),
             d = random.Reals(c_size * items + g.n + 1), row_bias = random.Reals(g.m + 1),
             col_bias = random.Reals(g.n + 1), before = random.Reals(c_size * items + 1);
  std::vector<float> c = before, packed_a, packed_b;
  g.a = {a.data(), trans_a ? 1 : lda, trans_a ? lda : 1};
  g.b = {b.data(), trans_b ? 1 : ldb, trans_b ? ldb : 1};
  if (items == 1 && random.Below(3) == 0) {
    packed_a.resize(static_cast<size_t>(PackedASize(g.m, g.k) + 1));
    PackA(g.m, g.k, g.a, packed_a.data());
    g.packed_a = packed_a.data();
  }
  if (items == 1 && random.Below(3) == 0) {
    packed_b.resize(static_cast<size_t>(PackedBSize(g.k, g.n) + 1));
    PackB(g.k, g.n, g.b, packed_b.data());
    g.packed_b = packed_b.data();
  }
  g.c = c.data();
  if (random.Coin()) g.alpha = random.Real();
  if (random.Coin()) g.row_bias = row_bias.data();
  if (random.Coin()) g.col_bias = col_bias.data();
  g.beta = random.Real();
  const int64_t addend = random.Below(4);  // none, another matrix, C itself, a row
  if (addend == 1) g.addend = d.data(), g.ld_addend = g.ldc;
  if (addend == 2) g.addend = c.data(), g.ld_addend = g.ldc;
  if (addend == 3) g.addend = d.data();
  const Activation activations[] = {{},
                                    Activation::Relu(),
                                    {ActivationKind::kClamp, -0.5f, 0.5f},
                                    {ActivationKind::kTanh, 0, 0},
                                    {ActivationKind::kHardSwish, 0, 0}};
  g.activation = activations[random.Below(5)];
  if (items != 1) {
    g.batch.rank = 1;
    g.batch.extent[0] = items;
    g.batch.a_stride[0] = a_size;
    g.batch.b_stride[0] = random.Coin() ? b_size : 0;
    g.batch.c_stride[0] = c_size;
    g.batch.addend_stride[0] = addend == 3 ? 0 : c_size;
  }
  const int most = 1 + static_cast<int>(random.Below(4)), threads = 1 + static_cast<int>(random.Below(most));
  std::vector<float> workspace(WorkspaceBytes(g, most) / sizeof(float) + 17, 77.0f);
  float* aligned = workspace.data();
  while (reinterpret_cast<uintptr_t>(aligned) % 64) ++aligned;
  Run(g, InTurn(threads), aligned);

  for (int64_t item = 0; item < items; ++item) {
    for (int64_t i = 0; i < g.m; ++i) {
      for (int64_t j = 0; j < g.ldc; ++j) {
        const size_t at = static_cast<size_t>(item * c_size + i * g.ldc + j);
        double want = before[at];
        if (j < g.n) {
          double sum = 0;
          for (int64_t k = 0; k < g.k; ++k)
            sum +=
                static_cast<double>(a[static_cast<size_t>(item * a_size + i * g.a.row_stride + k * g.a.col_stride)]) *
                b[static_cast<size_t>(item * g.batch.b_stride[0] + k * g.b.row_stride + j * g.b.col_stride)];
          sum *= g.alpha;
          if (g.row_bias) sum += row_bias[static_cast<size_t>(i)];
          if (g.col_bias) sum += col_bias[static_cast<size_t>(j)];
          if (addend == 1) sum += g.beta * d[at];
          if (addend == 2) sum += g.beta * before[at];
          if (addend == 3) sum += g.beta * d[static_cast<size_t>(j)];
          want = Apply(g.activation, sum);
        }
        if (!(std::fabs(want - c[at]) < 2e-4))
          return ::testing::AssertionFailure()
                 << "seed " << seed << ": (" << g.m << " x " << g.k << ") times (" << g.k << " x " << g.n << "), item "
                 << item << ", element (" << i << ", " << j << ") is " << c[at] << ", expected " << want;
      }
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(ProductEngine, RandomProblems) {
  ForEachTarget([](const char* target) {
    SCOPED_TRACE(target);
    for (uint32_t seed = 1; seed <= 300; ++seed) ASSERT_TRUE(RunOne(seed));
  });
}

// 0 * Inf is NaN, wherever it meets; a column without it is untouched by it.
TEST(ProductEngine, InfinityAndNan) {
  ForEachTarget([](const char* target) {
    SCOPED_TRACE(target);
    constexpr int64_t kN = 70;
    std::vector<float> a(9 * 5, 0.0f), b(5 * kN, 1.0f), c(9 * kN);
    b[2 * kN + 33] = INFINITY;
    a[4 * 5 + 1] = NAN;
    Gemm g;
    g.m = 9, g.n = kN, g.k = 5, g.ldc = kN;
    g.a = {a.data(), 5, 1}, g.b = {b.data(), kN, 1}, g.c = c.data();
    g.activation = Activation::Relu();
    std::vector<float> workspace(WorkspaceBytes(g, 1) / sizeof(float) + 16);
    matmul::Run(g, Parallel{}, workspace.data());
    for (int64_t i = 0; i < 9; ++i)
      for (int64_t j = 0; j < kN; ++j) {
        const float value = c[static_cast<size_t>(i * kN + j)];
        if (i == 4 || j == 33) {
          EXPECT_TRUE(std::isnan(value)) << i << ", " << j;
        } else {
          EXPECT_EQ(value, 0.0f) << i << ", " << j;
        }
      }
  });
}

}  // namespace
}  // namespace onda::matmul
