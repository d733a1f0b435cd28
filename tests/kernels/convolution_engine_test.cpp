// The convolution engines against plain loops in double, on random problems and thread counts, on every instruction set
// that this machine runs.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/conv/engine.h"
#include "kernels/conv/transposed.h"
#include "tests/kernels/targets.h"

namespace onda::conv {
namespace {

using Generator = std::mt19937;

int64_t Below(Generator& g, int64_t n) { return static_cast<int64_t>(g() % static_cast<uint64_t>(n)); }

std::vector<float> Reals(Generator& g, int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = static_cast<float>(Below(g, 2001) - 1000) / 1000.0f;
  return v;
}

// Depthwise, grouped or dense, of 1 to 3 dimensions; its output extents are left to the caller.
Problem RandomProblem(Generator& g) {
  Problem p;
  p.batch = 1 + Below(g, 2);
  switch (Below(g, 4)) {
    case 0:
      p.groups = 1 + Below(g, 20), p.out_channels = 1 + Below(g, 2);
      break;
    case 1:
      p.groups = 1 + Below(g, 4), p.in_channels = 1 + Below(g, 5), p.out_channels = 1 + Below(g, 9);
      break;
    default:
      p.in_channels = 1 + Below(g, 30), p.out_channels = 1 + Below(g, 30);
  }
  const size_t dimensions = 1 + static_cast<size_t>(Below(g, 3));
  const bool pointwise = Below(g, 5) == 0, narrow = Below(g, 6) == 0 && dimensions > 1;
  for (size_t i = 3 - dimensions; i < 3; ++i) {
    if (narrow && i == 2) continue;
    p.in[i] = 1 + Below(g, dimensions == 1 ? 150 : dimensions == 2 ? 25 : 8);
    if (pointwise) continue;
    p.kernel[i] = 1 + Below(g, 5), p.stride[i] = 1 + Below(g, 3), p.dilation[i] = 1 + Below(g, 2),
    p.pad[i] = Below(g, 3);
  }
  return p;
}

// Calls fn(input, kernel position, output) with offsets within a channel wherever they meet.
template <class Fn>
void ForEachMeeting(const Problem& p, bool transposed, Fn&& fn) {
  const auto& a = transposed ? p.in : p.out;  // the side that steps by the stride
  const auto& b = transposed ? p.out : p.in;
  for (int64_t i = 0; i < a[0] * a[1] * a[2]; ++i)
    for (int64_t k = 0; k < p.kernel_size(); ++k) {
      const int64_t d = i / (a[1] * a[2]) * p.stride[0] - p.pad[0] + k / (p.kernel[1] * p.kernel[2]) * p.dilation[0];
      const int64_t h = i / a[2] % a[1] * p.stride[1] - p.pad[1] + k / p.kernel[2] % p.kernel[1] * p.dilation[1];
      const int64_t w = i % a[2] * p.stride[2] - p.pad[2] + k % p.kernel[2] * p.dilation[2];
      if (d < 0 || d >= b[0] || h < 0 || h >= b[1] || w < 0 || w >= b[2]) continue;
      const int64_t j = (d * b[1] + h) * b[2] + w;
      transposed ? fn(i, k, j) : fn(j, k, i);
    }
}

::testing::AssertionResult RunOne(uint32_t seed, bool transposed) {
  Generator g(seed);
  Problem p = RandomProblem(g);
  for (size_t i = 0; i < 3; ++i) {
    const int64_t after = Below(g, 2), reach = (p.kernel[i] - 1) * p.dilation[i] + 1;
    p.out[i] =
        transposed
            ? p.stride[i] * (p.in[i] - 1) + reach - p.pad[i] - after
            : (p.in[i] + p.pad[i] + after - reach < 0 ? 0 : (p.in[i] + p.pad[i] + after - reach) / p.stride[i] + 1);
    if (p.out[i] <= 0) return ::testing::AssertionSuccess();
  }
  const int64_t channels = p.groups * p.in_channels, out_channels = p.groups * p.out_channels;
  const auto x = Reals(g, p.batch * channels * p.in_size()),
             w = Reals(g, p.groups * p.in_channels * p.out_channels * p.kernel_size()), bias = Reals(g, out_channels),
             addend = Reals(g, p.batch * out_channels * p.out_size());
  std::vector<float> y(addend.size()), packed(static_cast<size_t>(PackedWeightSize(p)));
  Operands o{};
  o.x = x.data(), o.y = y.data(), o.weights = w.data();
  if (Below(g, 2)) o.bias = bias.data();
  if (!transposed) {
    PackWeights(p, w.data(), packed.data());
    o.weights = packed.data();
    if (Below(g, 3) == 0) o.addend = addend.data();
    const Activation activations[] = {{}, Activation::Relu(), {ActivationKind::kSigmoid, 0, 0}};
    o.activation = activations[Below(g, 3)];
  }
  Parallel parallel;
  const int most = 1 + static_cast<int>(Below(g, 4));
  parallel.threads = 1 + static_cast<int>(Below(g, most));
  parallel.run = [](void*, int64_t n, void (*body)(void*, int64_t, int64_t), void* arg) {
    for (int64_t i = 0; i < n; ++i) body(arg, i, i + 1);
  };
  const size_t bytes = transposed ? TransposedWorkspaceBytes(p, most) : WorkspaceBytes(p, most);
  std::vector<float> memory(bytes / sizeof(float) + 33, 77.0f);
  float* workspace = memory.data();
  while (reinterpret_cast<uintptr_t>(workspace) % 64) ++workspace;
  transposed ? RunTransposed(p, o, parallel, workspace) : Run(p, o, parallel, workspace);
  for (const float* end = workspace + (bytes + 3) / sizeof(float); end < memory.data() + memory.size(); ++end)
    if (*end != 77.0f) return ::testing::AssertionFailure() << "seed " << seed << ": wrote past the workspace";

  std::vector<double> want(y.size());
  for (int64_t item = 0; item < p.batch; ++item)
    for (int64_t m = 0; m < out_channels; ++m) {
      const int64_t group = m / p.out_channels;
      double* to = want.data() + (item * out_channels + m) * p.out_size();
      for (int64_t c = 0; c < p.in_channels; ++c) {
        const float* from = x.data() + (item * channels + group * p.in_channels + c) * p.in_size();
        const int64_t kernel =
            transposed ? (group * p.in_channels + c) * p.out_channels + m % p.out_channels : m * p.in_channels + c;
        ForEachMeeting(p, transposed, [&](int64_t input, int64_t k, int64_t output) {
          to[output] += static_cast<double>(from[input]) * w[static_cast<size_t>(kernel * p.kernel_size() + k)];
        });
      }
      for (int64_t i = 0; i < p.out_size(); ++i) {
        if (o.bias) to[i] += bias[static_cast<size_t>(m)];
        if (o.addend) to[i] += addend[static_cast<size_t>((item * out_channels + m) * p.out_size() + i)];
        to[i] = Apply(o.activation, to[i]);
      }
    }
  for (size_t i = 0; i < y.size(); ++i)
    if (!(std::fabs(want[i] - y[i]) < 2e-4))
      return ::testing::AssertionFailure()
             << "seed " << seed << ": element " << i << " is " << y[i] << ", expected " << want[i] << "; groups "
             << p.groups << ", channels " << p.in_channels << " -> " << p.out_channels;
  return ::testing::AssertionSuccess();
}

TEST(ConvolutionEngine, RandomProblems) {
  ForEachTarget([](const char* target) {
    SCOPED_TRACE(target);
    for (uint32_t seed = 1; seed <= 300; ++seed) ASSERT_TRUE(RunOne(seed, false));
  });
}

TEST(TransposedConvolutionEngine, RandomProblems) {
  ForEachTarget([](const char* target) {
    SCOPED_TRACE(target);
    for (uint32_t seed = 1; seed <= 300; ++seed) ASSERT_TRUE(RunOne(seed, true));
  });
}

}  // namespace
}  // namespace onda::conv
