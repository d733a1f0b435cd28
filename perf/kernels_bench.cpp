// Times the matrix product and convolution engines against a loop of independent FMAs, measured beside each of them.
//   kernels_bench [threads]
// Prints: what, best milliseconds, GFLOP/s, per cent of threads x FMA loop.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kernels/conv/engine.h"
#include "kernels/matmul/sgemm.h"
#include "perf/fma_peak.h"

namespace onda {
namespace {

using Clock = std::chrono::steady_clock;

// Threads made per call cost more than small products take; times with several threads are for large ones.
Parallel Threads(int threads) {
  Parallel parallel;
  parallel.threads = threads;
  parallel.run = [](void*, int64_t n, void (*body)(void*, int64_t, int64_t), void* arg) {
    std::vector<std::thread> others;
    for (int64_t i = 1; i < n; ++i) others.emplace_back(body, arg, i, i + 1);
    body(arg, 0, 1);
    for (std::thread& t : others) t.join();
  };
  return parallel;
}

std::vector<float> Random(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  uint32_t state = 1;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return v;
}

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Memory = std::unique_ptr<void, Free>;

Memory Aligned(size_t bytes) { return Memory(std::aligned_alloc(64, (bytes + 64) / 64 * 64)); }

template <class Fn>
void Time(const std::string& what, double flops, int threads, Fn&& run) {
  run();
  const double peak = FmaPeak(0.05) * threads;
  double best = 1e30;
  const auto start = Clock::now();
  for (int i = 0; i < 2000; ++i) {
    const auto t = Clock::now();
    run();
    const auto end = Clock::now();
    best = std::min(best, std::chrono::duration<double>(end - t).count());
    if (i >= 5 && std::chrono::duration<double>(end - start).count() > 0.4) break;
  }
  const double gflops = flops / best / 1e9;
  std::printf("%-36s %9.4f ms %8.1f GFLOP/s %6.1f %% of %.0f\n", what.c_str(), best * 1e3, gflops, 100 * gflops / peak,
              peak);
}

void BenchGemm(int64_t m, int64_t k, int64_t n, bool constant_b, bool trans_b, int threads) {
  const Parallel parallel = Threads(threads);
  const auto a = Random(m * k), b = Random(k * n);
  std::vector<float> c(static_cast<size_t>(m * n)), packed;
  matmul::Gemm g;
  g.m = m, g.n = n, g.k = k;
  g.a = {a.data(), k, 1};
  g.b = trans_b ? matmul::MatrixView{b.data(), 1, k} : matmul::MatrixView{b.data(), n, 1};
  g.c = c.data();
  g.ldc = n;
  if (constant_b) {
    packed.resize(static_cast<size_t>(matmul::PackedBSize(k, n)));
    matmul::PackB(k, n, g.b, packed.data());
    g.packed_b = packed.data();
  }
  const Memory workspace = Aligned(matmul::WorkspaceBytes(g, threads));
  Time("gemm " + std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n) +
           (constant_b ? " constant B"
            : trans_b  ? " B transposed"
                       : ""),
       2.0 * static_cast<double>(m * n * k), threads, [&] { matmul::Run(g, parallel, workspace.get()); });
}

// Square images with padding that keeps them centred.
void BenchConv(int64_t groups, int64_t in_channels, int64_t out_channels, int64_t size, int64_t kernel, int64_t stride,
               int threads) {
  const Parallel parallel = Threads(threads);
  conv::Problem p;
  p.groups = groups;
  p.in_channels = in_channels / groups;
  p.out_channels = out_channels / groups;
  const int64_t out = (size + 2 * (kernel / 2) - kernel) / stride + 1;
  p.in = {1, size, size};
  p.out = {1, out, out};
  p.kernel = {1, kernel, kernel};
  p.stride = {1, stride, stride};
  p.pad = {0, kernel / 2, kernel / 2};
  const int64_t multiplications = out_channels * p.in_channels * kernel * kernel * out * out;
  const auto x = Random(in_channels * size * size), w = Random(out_channels * p.in_channels * kernel * kernel);
  std::vector<float> y(static_cast<size_t>(out_channels * out * out)),
      packed(static_cast<size_t>(conv::PackedWeightSize(p)));
  conv::PackWeights(p, w.data(), packed.data());
  conv::Operands o;
  o.x = x.data();
  o.weights = packed.data();
  o.y = y.data();
  const Memory workspace = Aligned(conv::WorkspaceBytes(p, threads));
  Time("conv " + std::to_string(kernel) + "x" + std::to_string(kernel) + " /" + std::to_string(stride) + " " +
           std::to_string(in_channels) + "->" + std::to_string(out_channels) + " @" + std::to_string(size) +
           (groups > 1 ? " groups " + std::to_string(groups) : ""),
       2.0 * static_cast<double>(multiplications), threads, [&] { conv::Run(p, o, parallel, workspace.get()); });
}

}  // namespace
}  // namespace onda

int main(int argc, char** argv) {
  using namespace onda;
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  for (bool constant : {true, false}) {
    BenchGemm(1024, 1024, 1024, constant, false, threads);
    BenchGemm(128, 768, 768, constant, false, threads);
    BenchGemm(128, 768, 3072, constant, false, threads);
    BenchGemm(16, 768, 768, constant, false, threads);
    BenchGemm(64, 768, 2304, constant, false, threads);
    BenchGemm(1, 4096, 4096, constant, false, threads);
    BenchGemm(1, 768, 3072, constant, false, threads);
    BenchGemm(1, 256, 256, constant, false, threads);
    BenchGemm(4, 768, 768, constant, false, threads);
  }
  BenchGemm(1024, 1024, 1024, false, true, threads);
  BenchGemm(128, 64, 128, false, true, threads);
  BenchGemm(128, 128, 64, false, false, threads);
  BenchGemm(1, 4096, 4096, false, true, threads);
  BenchGemm(4096, 4096, 1, false, false, threads);
  BenchGemm(3136, 576, 64, true, false, threads);
  BenchConv(1, 64, 64, 56, 3, 1, threads);
  BenchConv(1, 128, 128, 28, 3, 1, threads);
  BenchConv(1, 256, 256, 14, 3, 1, threads);
  BenchConv(1, 512, 512, 7, 3, 1, threads);
  BenchConv(1, 128, 128, 56, 3, 2, threads);
  BenchConv(1, 3, 64, 224, 7, 2, threads);
  BenchConv(1, 3, 32, 224, 3, 2, threads);
  BenchConv(1, 256, 64, 56, 1, 1, threads);
  BenchConv(1, 64, 256, 56, 1, 1, threads);
  BenchConv(1, 1024, 256, 14, 1, 1, threads);
  BenchConv(1, 256, 512, 56, 1, 2, threads);
  BenchConv(1, 16, 96, 112, 1, 1, threads);
  BenchConv(32, 32, 32, 112, 3, 1, threads);
  BenchConv(96, 96, 96, 112, 3, 2, threads);
  BenchConv(384, 384, 384, 14, 3, 1, threads);
  BenchConv(960, 960, 960, 7, 3, 1, threads);
  BenchConv(32, 128, 128, 56, 3, 1, threads);
  return 0;
}
