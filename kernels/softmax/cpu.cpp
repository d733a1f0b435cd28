// fp32 along the last axis: three passes over a row that stays in cache (maximum, exponentials with their sum, scale).
#include "kernels/softmax/softmax.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::softmax::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// y may be x. n >= 1.
void Row(const float* x, float* y, int64_t n, bool log) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = n - n % lanes;
  const auto tail = hn::FirstN(d, static_cast<size_t>(n - whole));
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  // What lies past the row's end takes no part: -infinity for the maximum, 0 for the sum.
  auto load_tail = [&](const float* p) { return hn::IfThenElse(tail, hn::MaskedLoad(tail, d, p), lowest); };

  V vmax = lowest;
  for (int64_t i = 0; i < whole; i += lanes) vmax = hn::Max(vmax, hn::LoadU(d, x + i));
  if (whole < n) vmax = hn::Max(vmax, load_tail(x + whole));
  const V max = hn::MaxOfLanes(d, vmax);

  V vsum = hn::Zero(d);
  for (int64_t i = 0; i < whole; i += lanes) {
    const V shifted = hn::Sub(hn::LoadU(d, x + i), max), e = hn::Exp(d, shifted);
    vsum = hn::Add(vsum, e);
    hn::StoreU(log ? shifted : e, d, y + i);
  }
  if (whole < n) {
    const V shifted = hn::Sub(load_tail(x + whole), max), e = hn::Exp(d, shifted);
    vsum = hn::Add(vsum, hn::IfThenElseZero(tail, e));
    hn::BlendedStore(log ? shifted : e, tail, d, y + whole);
  }
  const float sum = hn::GetLane(hn::SumOfLanes(d, vsum));

  const V scale = hn::Set(d, log ? std::log(sum) : 1.0f / sum);
  auto finish = [&](V v) { return log ? hn::Sub(v, scale) : hn::Mul(v, scale); };
  for (int64_t i = 0; i < whole; i += lanes) hn::StoreU(finish(hn::LoadU(d, y + i)), d, y + i);
  if (whole < n) hn::BlendedStore(finish(hn::MaskedLoad(tail, d, y + whole)), tail, d, y + whole);
}

}  // namespace onda::softmax::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::softmax {
namespace {

HWY_EXPORT(Row);

template <bool kLog>
class Cpu {
 public:
  static constexpr bool kInPlace = true;
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(0);
    if (x.type() != DType::kFloat) return "only float";
    const int64_t axis = Params(node.attributes()).axis;
    return axis == -1 || axis == x.rank - 1 ? "" : "only the last axis";
  }

  void Launch(const LaunchArgs& args) const {
    const float* x = args.input(0).as<float>();
    float* y = args.output(0).as<float>();
    const auto [rows, length, inner] = params_.ExtentsOf(args.input(0));
    if (length == 0) return;
    const auto row = HWY_DYNAMIC_DISPATCH(Row);
    args.ParallelFor(rows, 1 + 16384 / length, [&, n = length](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) row(x + r * n, y + r * n, n, kLog);
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<false>>("Softmax"),
    MakeKernel<Cpu<true>>("LogSoftmax"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::softmax
#endif
