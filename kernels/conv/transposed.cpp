#include "kernels/conv/transposed.h"

#include <algorithm>

#include "kernels/matmul/sgemm.h"

namespace onda::conv {
namespace {

// Contributions held at a time per thread; at least one output channel's.
constexpr int64_t kMaxColumnFloats = int64_t{1} << 18;

struct Blocks {
  int64_t channels;  // output channels per task
  int64_t tasks_per_group;
  int64_t column_floats;

  Blocks(const Problem& p, int threads) {
    const int64_t per_channel = std::max<int64_t>(1, p.kernel_size() * p.in_size());
    const int64_t groups = std::max<int64_t>(1, p.batch * p.groups);
    // Enough tasks for all threads, and a buffer that stays in cache.
    const int64_t fair = (p.out_channels * groups + 2 * threads - 1) / (2 * threads);
    channels = std::clamp<int64_t>(kMaxColumnFloats / per_channel, 1, std::max<int64_t>(1, p.out_channels));
    channels = std::min(channels, std::max<int64_t>(1, fair));
    tasks_per_group = (p.out_channels + channels - 1) / channels;
    column_floats = (channels * per_channel + 15) / 16 * 16;
  }
};

// The product for `channels` output channels from `first` of group `group`: (channels * kernel, in_channels) times
// (in_channels, positions).
matmul::Gemm AsGemm(const Problem& p, const Operands& o, int64_t item, int64_t group, int64_t first, int64_t channels,
                    float* columns) {
  matmul::Gemm g;
  g.m = channels * p.kernel_size();
  g.k = p.in_channels;
  g.n = p.in_size();
  const int64_t row = p.out_channels * p.kernel_size();
  g.a = {o.weights + group * p.in_channels * row + first * p.kernel_size(), 1, row};
  g.b = {o.x + (item * p.groups + group) * p.in_channels * g.n, g.n, 1};
  g.c = columns;
  g.ldc = g.n;
  return g;
}

// The inputs i in [0, in) whose output i * stride + shift lies in [0, out): [first, last).
struct Span {
  int64_t first, last;
  Span(int64_t in, int64_t out, int64_t stride, int64_t shift) {
    first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    last = shift >= out ? 0 : std::min(in, (out - 1 - shift) / stride + 1);
  }
};

// y += the contributions of one output channel, columns (kernel, in).
void Scatter(const Problem& p, const float* columns, float* y) {
  for (int64_t kd = 0; kd < p.kernel[0]; ++kd) {
    for (int64_t kh = 0; kh < p.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < p.kernel[2]; ++kw, columns += p.in_size()) {
        const int64_t d = kd * p.dilation[0] - p.pad[0], h = kh * p.dilation[1] - p.pad[1],
                      w = kw * p.dilation[2] - p.pad[2];
        const Span ds(p.in[0], p.out[0], p.stride[0], d), hs(p.in[1], p.out[1], p.stride[1], h),
            ws(p.in[2], p.out[2], p.stride[2], w);
        for (int64_t id = ds.first; id < ds.last; ++id) {
          for (int64_t ih = hs.first; ih < hs.last; ++ih) {
            const float* from = columns + (id * p.in[1] + ih) * p.in[2];
            float* to = y + ((id * p.stride[0] + d) * p.out[1] + ih * p.stride[1] + h) * p.out[2] + w;
            for (int64_t iw = ws.first; iw < ws.last; ++iw) to[iw * p.stride[2]] += from[iw];
          }
        }
      }
    }
  }
}

}  // namespace

size_t TransposedWorkspaceBytes(const Problem& p, int threads) {
  // With fewer threads the blocks are larger.
  size_t most = 0;
  for (int t = 1; t <= threads; ++t) {
    const Blocks blocks(p, t);
    Operands o{};
    const size_t product = (matmul::WorkspaceBytes(AsGemm(p, o, 0, 0, 0, blocks.channels, nullptr), 1) + 63) / 64 * 64;
    most =
        std::max(most, static_cast<size_t>(t) * (static_cast<size_t>(blocks.column_floats) * sizeof(float) + product));
  }
  return most;
}

void RunTransposed(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace) {
  if (p.batch * p.groups * p.out_channels * p.out_size() == 0) return;
  const Blocks blocks(p, parallel.threads);
  const size_t product = (matmul::WorkspaceBytes(AsGemm(p, o, 0, 0, 0, blocks.channels, nullptr), 1) + 63) / 64 * 64;
  const size_t per_worker = static_cast<size_t>(blocks.column_floats) * sizeof(float) + product;
  const int64_t tasks = p.batch * p.groups * blocks.tasks_per_group;
  parallel.ForTasks(parallel.threads, tasks, [&](int worker, int64_t task) {
    const int64_t first = task % blocks.tasks_per_group * blocks.channels;
    const int64_t group = task / blocks.tasks_per_group % p.groups, item = task / blocks.tasks_per_group / p.groups;
    const int64_t channels = std::min(blocks.channels, p.out_channels - first);
    char* const scratch = static_cast<char*>(workspace) + static_cast<size_t>(worker) * per_worker;
    float* const columns = reinterpret_cast<float*>(scratch);
    matmul::Run(AsGemm(p, o, item, group, first, channels, columns), Parallel{},
                scratch + static_cast<size_t>(blocks.column_floats) * sizeof(float));
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t channel = group * p.out_channels + first + c;
      float* y = o.y + (item * p.groups * p.out_channels + channel) * p.out_size();
      std::fill_n(y, p.out_size(), o.bias ? o.bias[channel] : 0.0f);
      Scatter(p, columns + c * p.kernel_size() * p.in_size(), y);
    }
  });
}

}  // namespace onda::conv
