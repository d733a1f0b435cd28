#include "kernels/conv/engine.h"

#include <algorithm>

#include "kernels/conv/depthwise.h"
#include "kernels/conv/direct.h"
#include "kernels/conv/patches.h"
#include "kernels/matmul/sgemm.h"

namespace onda::conv {
namespace {

// Trailing spatial dimensions of one element become leading ones, so that the innermost loop is long.
Problem Normalize(Problem p) {
  for (int turn = 0; turn < 2; ++turn) {
    if (p.in[2] != 1 || p.kernel[2] != 1 || p.out[2] != 1 || p.pad[2] != 0) break;
    for (auto* v : {&p.in, &p.out, &p.kernel, &p.stride, &p.dilation}) *v = {1, (*v)[0], (*v)[1]};
    p.pad = {0, p.pad[0], p.pad[1]};
  }
  return p;
}

// Every output reads exactly the input at its own place.
bool IsPointwise(const Problem& p) {
  constexpr std::array<int64_t, 3> kOnes{1, 1, 1};
  return p.kernel == kOnes && p.stride == kOnes && p.pad == std::array<int64_t, 3>{} && p.in == p.out;
}

// (groups * out_channels) x (in_channels * kernel) times (in_channels * kernel) x positions, per batch item and group.
matmul::Gemm AsGemm(const Problem& p, const Operands& o, const matmul::BSource* patches) {
  matmul::Gemm g;
  g.m = p.out_channels;
  g.k = p.in_channels * p.kernel_size();
  g.n = p.out_size();
  g.packed_a = o.weights;
  g.b = {o.x, p.in_size(), 1};
  g.b_source = patches;
  g.c = o.y;
  g.ldc = g.n;
  g.row_bias = o.bias;
  g.addend = o.addend;
  g.ld_addend = g.n;
  g.activation = o.activation;
  g.batch.rank = 2;
  g.batch.extent[0] = p.batch;
  g.batch.extent[1] = p.groups;
  g.batch.a_stride[1] = matmul::PackedASize(g.m, g.k);
  g.batch.b_stride[0] = p.groups * p.in_channels * p.in_size();
  g.batch.b_stride[1] = p.in_channels * p.in_size();
  g.batch.c_stride[0] = g.batch.addend_stride[0] = p.groups * g.m * g.n;
  g.batch.c_stride[1] = g.batch.addend_stride[1] = g.m * g.n;
  g.batch.row_bias_stride[1] = g.m;
  return g;
}

}  // namespace

int64_t PackedWeightSize(const Problem& p) {
  if (IsDepthwise(p)) return DepthwiseWeightSize(p);
  return p.groups * matmul::PackedASize(p.out_channels, p.in_channels * p.kernel_size());
}

void PackWeights(const Problem& p, const float* w, float* out) {
  if (IsDepthwise(p)) return PackDepthwiseWeights(p, w, out);
  const int64_t m = p.out_channels, k = p.in_channels * p.kernel_size();
  for (int64_t g = 0; g < p.groups; ++g)
    matmul::PackA(m, k, {w + g * m * k, k, 1}, out + g * matmul::PackedASize(m, k));
}

size_t WorkspaceBytes(const Problem& problem, int threads) {
  const Problem p = Normalize(problem);
  if (IsDepthwise(p)) return DepthwiseWorkspaceBytes(p, threads);
  if (IsDirect(p)) return DirectWorkspaceBytes(p, threads);
  // Which operands there are matters, their addresses do not.
  float some = 0;
  const Operands o{.x = &some, .weights = &some, .activation = {}, .y = &some};
  const matmul::BSource source{};
  return matmul::WorkspaceBytes(AsGemm(p, o, IsPointwise(p) ? nullptr : &source), threads);
}

void Run(const Problem& problem, const Operands& o, const Parallel& parallel, void* workspace) {
  const Problem p = Normalize(problem);
  if (IsDepthwise(p)) return RunDepthwise(p, o, parallel, workspace);
  if (IsDirect(p)) return RunDirect(p, o, parallel, workspace);
  if (IsPointwise(p)) return matmul::Run(AsGemm(p, o, nullptr), parallel, workspace);
  const Patches patches{&p, o.x};
  const matmul::BSource source = PatchSource(patches);
  matmul::Run(AsGemm(p, o, &source), parallel, workspace);
}

}  // namespace onda::conv
