// fp32: four rows of the weight at a time are unpacked into scratch memory that stays in cache, then multiplied with
// every row of A.
#include "kernels/matmul_nbits/matmul_nbits.h"
#include "kernels/simd/stop_poll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul_nbits/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::matmul_nbits::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// out[i] = (q[i] - zero) * scale for 2 * bytes values of four bits.
void Unpack4(const uint8_t* q, int64_t bytes, float zero, float scale, float* out) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 8> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> du;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto z = hn::Set(d, -zero * scale), s = hn::Set(d, scale);
  for (; i + lanes <= bytes; i += lanes) {
    const auto v = hn::PromoteTo(di, hn::LoadU(du, q + i));
    const auto low = hn::MulAdd(hn::ConvertTo(d, hn::And(v, hn::Set(di, 15))), s, z);
    const auto high = hn::MulAdd(hn::ConvertTo(d, hn::ShiftRight<4>(v)), s, z);
    hn::StoreInterleaved2(low, high, d, out + 2 * i);
  }
#endif
  for (; i < bytes; ++i) {
    out[2 * i] = (static_cast<float>(q[i] & 15) - zero) * scale;
    out[2 * i + 1] = (static_cast<float>(q[i] >> 4) - zero) * scale;
  }
}

// y[j] = sum over k of a[k] * w[j * step + k], for four rows w.
void Dot4(const float* a, const float* w, int64_t step, int64_t n, float* y) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  int64_t k = 0;
  for (; k + lanes <= n; k += lanes) {
    const auto v = hn::LoadU(d, a + k);
    s0 = hn::MulAdd(v, hn::LoadU(d, w + k), s0);
    s1 = hn::MulAdd(v, hn::LoadU(d, w + step + k), s1);
    s2 = hn::MulAdd(v, hn::LoadU(d, w + 2 * step + k), s2);
    s3 = hn::MulAdd(v, hn::LoadU(d, w + 3 * step + k), s3);
  }
  y[0] = hn::GetLane(hn::SumOfLanes(d, s0));
  y[1] = hn::GetLane(hn::SumOfLanes(d, s1));
  y[2] = hn::GetLane(hn::SumOfLanes(d, s2));
  y[3] = hn::GetLane(hn::SumOfLanes(d, s3));
  for (; k < n; ++k)
    for (int64_t j = 0; j < 4; ++j) y[j] += a[k] * w[j * step + k];
}

}  // namespace onda::matmul_nbits::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

namespace onda::matmul_nbits {
namespace {

HWY_EXPORT(Unpack4);
HWY_EXPORT(Dot4);

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : p_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    if (node.input(0).type() != DType::kFloat) return "only float";
    return node.input(3).present() && node.input(3).type() != DType::kUint8 ? "only packed zero points" : "";
  }

  size_t WorkspaceBytes(TensorViews, TensorViews) const {
    return static_cast<size_t>(Parts() * 4 * p_.blocks() * p_.block) * sizeof(float);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &bias = args.input(5);
    const int64_t rows = a.count() / p_.k, step = p_.blocks() * p_.block, groups = (p_.n + 3) / 4, parts = Parts();
    float* y = args.output(0).as<float>();
    const auto dot = HWY_DYNAMIC_DISPATCH(Dot4);
    args.ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t part = begin; part < end; ++part) {
        float* w = static_cast<float*>(args.workspace()) + part * 4 * step;
        for (int64_t group = groups * part / parts; group < groups * (part + 1) / parts; ++group) {
          const int64_t first = group * 4, count = std::min<int64_t>(4, p_.n - first);
          for (int64_t j = 0; j < 4; ++j) Unpack(args, std::min(first + j, p_.n - 1), w + j * step);
          for (int64_t m = 0; m < rows; ++m) {
            poll.Work(p_.k);
            float sums[4];
            dot(a.as<float>() + m * p_.k, w, step, p_.k, sums);
            for (int64_t j = 0; j < count; ++j)
              y[m * p_.n + first + j] = sums[j] + (bias.present() ? bias.as<float>()[first + j] : 0);
          }
        }
      }
    });
  }

 private:
  // The work is shared out in so many parts, each with scratch memory of its own.
  int64_t Parts() const { return std::min<int64_t>(64, (p_.n + 3) / 4); }

  // Row n of the weight, as floats.
  void Unpack(const LaunchArgs& args, int64_t n, float* out) const {
    const TensorView &b = args.input(1), &scales = args.input(2), &zeros = args.input(3);
    const int64_t blocks = p_.blocks();
    for (int64_t i = 0; i < blocks; ++i) {
      const float scale = scales.as<float>()[n * blocks + i];
      const float zero = static_cast<float>(
          zeros.present() ? BitsAt(zeros.as<uint8_t>() + n * p_.zero_bytes(), p_.bits, i) : 1u << (p_.bits - 1));
      const uint8_t* q = b.as<uint8_t>() + (n * blocks + i) * p_.block_bytes();
      if (p_.bits == 4) {
        HWY_DYNAMIC_DISPATCH(Unpack4)(q, p_.block_bytes(), zero, scale, out + i * p_.block);
      } else {
        for (int64_t k = 0; k < p_.block; ++k)
          out[i * p_.block + k] = (static_cast<float>(BitsAt(q, p_.bits, k)) - zero) * scale;
      }
    }
  }
  Params p_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cpu>("MatMulNBits", "com.microsoft")};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::matmul_nbits
#endif
