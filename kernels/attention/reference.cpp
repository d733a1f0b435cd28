#include <limits>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/attention/kernels.h"
#include "kernels/simd/stack_buffer.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::attention {

void RunReference(const LaunchArgs& args, const Problem& a) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const int64_t rows = a.batch * a.q_heads * a.queries;
  args.ParallelFor(rows, 1 + 4096 / (1 + a.keys * (a.width + a.v_width)), [&](int64_t begin, int64_t end) {
    StackBuffer<double, 256> q(static_cast<size_t>(a.width)), y(static_cast<size_t>(a.v_width));
    StackBuffer<double, 1024> s(static_cast<size_t>(a.keys));
    StopPoll poll(args);
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t % a.queries, h = t / a.queries % a.q_heads, b = t / a.queries / a.q_heads, kv = h / a.group();
      const auto [first, last] = a.Visible(b, i);
      const bool all = a.qk && a.qk_mode < 3;  // scores of keys that are not seen are wanted too
      for (int64_t c = 0; c < a.width; ++c) q[c] = LoadDouble(a.q.type, a.q.data, a.q.at(b, h, i) + c);
      auto show = [&](int64_t j, double value) { StoreDouble(a.qk_type, a.qk, t * a.keys + j, value); };
      poll.Work(4 * a.keys * (a.width + a.v_width));
      double max = -kInfinity;
      bool any = false;
      for (int64_t j = 0; j < a.keys; ++j) {
        bool seen = j >= first && j < last;
        double bias = seen ? 0 : -kInfinity;
        if (seen && a.mask) {
          bias = LoadDouble(a.mask_type, a.mask, a.mask_at(b, h, i) + j);
          if (a.mask_type == DType::kBool) bias = bias != 0 ? 0 : -kInfinity;
          seen = bias != -kInfinity;
        }
        any |= seen;
        s[j] = -kInfinity;
        if (!seen && !all) continue;
        const Heads& keys = j < a.past ? a.past_k : a.k;
        const int64_t at = keys.at(b, kv, j < a.past ? j : j - a.past);
        double dot = 0;
        for (int64_t c = 0; c < a.width; ++c) dot += q[c] * LoadDouble(keys.type, keys.data, at + c);
        dot *= a.scale;
        if (a.qk && a.qk_mode == 0) show(j, dot);
        if (a.softcap != 0) dot = a.softcap * std::tanh(dot / a.softcap);
        if (a.qk && a.qk_mode == 1) show(j, dot);
        if (seen) s[j] = dot + bias;
        if (a.qk && a.qk_mode == 2) show(j, s[j]);
        max = std::max(max, s[j]);
      }
      if (a.sink) max = std::max(max, static_cast<double>(a.sink[h]));
      double sum = a.sink ? std::exp(a.sink[h] - max) : 0;
      for (int64_t j = 0; j < a.keys; ++j) {
        s[j] = any && s[j] != -kInfinity ? std::exp(s[j] - max) : 0;
        sum += s[j];
      }
      std::fill(y.begin(), y.end(), any ? 0.0 : a.empty_row);
      for (int64_t j = 0; j < a.keys; ++j) {
        const double p = any ? s[j] / sum : 0;
        if (a.qk && a.qk_mode == 3) show(j, p);
        if (p == 0) continue;
        const Heads& values = j < a.past ? a.past_v : a.v;
        const int64_t at = values.at(b, kv, j < a.past ? j : j - a.past);
        for (int64_t c = 0; c < a.v_width; ++c) y[c] += p * LoadDouble(values.type, values.data, at + c);
      }
      for (int64_t c = 0; c < a.v_width; ++c) StoreDouble(a.y.type, a.y.data, a.y.at(b, h, i) + c, y[c]);
    }
  });
}

namespace {

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    Problem a = ProblemOf(params_, args.inputs(), {&args.output(0), args.output_count()});
    CheckValid(a);
    WritePresent(a, args.output(1), args.output(2));
    RunReference(args, a);
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference>("Attention"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all(std::begin(kKernels), std::end(kKernels));
    for (std::span<const OndaKernelDef> more : {RotaryKernels(), LinearKernels(), MicrosoftKernels()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return kernels;
}

}  // namespace onda::attention
