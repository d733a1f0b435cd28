// The fp32 engine for Attention; float16 and bfloat16 are widened into the workspace and rounded once at the end.
#include "kernels/attention/attention.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/half.h"
#include "kernels/simd/launch.h"

namespace onda::attention {
namespace {

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloatOrHalf(type)) return "only float, float16 and bfloat16";
    for (int i : {1, 2, 4, 5})
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for Q, K and V";
    const FactView& mask = node.input(3);
    if (mask.present() && mask.type() != type && mask.type() != DType::kBool) return "only masks of Q's type or bool";
    if (node.output(3).present()) return "only without qk_matmul_output";
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    Problem a = ProblemOf(params_, inputs, outputs);
    Widen(carver, inputs, outputs[0], a, nullptr);
    return carver.bytes() + EngineBytes(a);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    Problem a = ProblemOf(params_, args.inputs(), {&args.output(0), args.output_count()});
    CheckValid(a);
    WritePresent(a, args.output(1), args.output(2));
    if (y.count() == 0) return;
    Carver carver(args.workspace());
    Widen(carver, args.inputs(), y, a, &args);
    RunEngine(args, a, carver.Take<char>(0));
    if (IsHalf(y.type()))
      args.ParallelFor(y.count(), 16384, [&](int64_t begin, int64_t end) {
        NarrowFromFloat(y.type(), static_cast<const float*>(a.y.data) + begin, y.as<uint16_t>() + begin, end - begin);
      });
  }

 private:
  // Replaces half operands by float copies; args is null where only the size is wanted.
  static void Widen(Carver& carver, TensorViews inputs, const TensorView& y, Problem& a, const LaunchArgs* args) {
    if (!IsHalf(y.type())) return;
    auto widen = [&](const TensorView& t, void* data) -> void* {
      float* to = carver.Take<float>(t.count());
      if (args)
        args->ParallelFor(t.count(), 16384, [&](int64_t begin, int64_t end) {
          WidenToFloat(t.type(), static_cast<const uint16_t*>(data) + begin, to + begin, end - begin);
        });
      return to;
    };
    Heads* const heads[] = {&a.q, &a.k, &a.v, nullptr, &a.past_k, &a.past_v};
    for (int i = 0; i < 6; ++i)
      if (heads[i] && inputs[i].present()) heads[i]->data = widen(inputs[i], heads[i]->data);
    if (inputs[3].present() && IsHalf(inputs[3].type()) && inputs[3].count()) {
      a.mask = widen(inputs[3], inputs[3].data);
      a.mask_type = DType::kFloat;
    }
    a.y.data = carver.Take<float>(y.count());
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("Attention"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::attention
