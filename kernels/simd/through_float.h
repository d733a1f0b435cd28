// Kernels written for fp32, for float16 and bfloat16: tensors are widened into the workspace, the kernel runs on them,
// and what it gives is rounded.
#ifndef ONDA_KERNELS_SIMD_THROUGH_FLOAT_H_
#define ONDA_KERNELS_SIMD_THROUGH_FLOAT_H_

#include <array>
#include <cstdio>
#include <new>
#include <vector>

#include "kernels/simd/carver.h"
#include "kernels/simd/half.h"
#include "kernels/simd/launch.h"
#include "onda/provider.h"

namespace onda {

namespace through_float {

inline constexpr int kMaxTensors = 8;

inline bool IsHalfType(int32_t dtype) { return IsHalf(static_cast<DType>(dtype)); }

// A node as the fp32 kernel sees it. Keeps what it has widened of constant inputs, which launches read too.
class Node {
 public:
  explicit Node(const OndaNodeView& node, bool with_constants)
      : inputs_(node.inputs, node.inputs + node.input_count),
        outputs_(node.outputs, node.outputs + node.output_count),
        view_(node) {
    for (OndaFactView& fact : inputs_) constants_.push_back(Widen(fact, with_constants));
    for (OndaFactView& fact : outputs_) Widen(fact, false);
    view_.inputs = inputs_.data();
    view_.outputs = outputs_.data();
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  const OndaNodeView& view() const { return view_; }
  // Of input i, where it is a constant of 16-bit floats, else null.
  float* constant(int i) const {
    return static_cast<size_t>(i) < constants_.size() ? constants_[static_cast<size_t>(i)].get() : nullptr;
  }

 private:
  AlignedFloats Widen(OndaFactView& fact, bool with_constant) {
    if (!IsHalfType(fact.dtype)) return {};
    const DType type = static_cast<DType>(fact.dtype);
    fact.dtype = static_cast<int32_t>(DType::kFloat);
    if (!fact.constant) return {};
    int64_t count = 1;
    for (int i = 0; i < fact.rank; ++i) count *= fact.dims[i];
    const void* from = fact.constant;
    fact.constant = nullptr;
    if (!with_constant || count == 0) return {};
    AlignedFloats floats(count);
    WidenToFloat(type, static_cast<const uint16_t*>(from), floats.get(), count);
    fact.constant = floats.get();
    return floats;
  }

  std::vector<OndaFactView> inputs_, outputs_;
  std::vector<AlignedFloats> constants_;  // by input
  OndaNodeView view_;
};

// Tensors as the fp32 kernel sees them, those of 16 bits in pieces of `carver`, inputs that are constants of `node`
// (null: outputs) where it keeps them.
class Tensors {
 public:
  Tensors(const OndaTensorView* tensors, int32_t count, const Node* node, Carver& carver) : count_(count) {
    if (count > kMaxTensors) throw Error(ErrorCode::kInternal, "too many tensors");
    for (int i = 0; i < count; ++i) {
      views_[i] = tensors[i];
      if (!IsHalfType(tensors[i].dtype)) continue;
      const auto& view = static_cast<const TensorView&>(tensors[i]);
      float* const constant = node ? node->constant(i) : nullptr;
      float* const piece =
          constant ? constant : carver.Take<float>(view.present() && view.rank >= 0 ? view.count() : 0);
      views_[i].dtype = static_cast<int32_t>(DType::kFloat);
      views_[i].data = view.data ? piece : nullptr;
    }
  }
  OndaTensorView* data() { return views_.data(); }
  int32_t count() const { return count_; }

 private:
  std::array<OndaTensorView, kMaxTensors> views_;
  int32_t count_;
};

template <class K>
size_t WorkspaceOf(const K& kernel, Tensors& in, Tensors& out) {
  if constexpr (requires(TensorViews v) { kernel.WorkspaceBytes(v, v); })
    return kernel.WorkspaceBytes(TensorViews(in.data(), in.count()), TensorViews(out.data(), out.count()));
  (void)kernel, (void)in, (void)out;
  return 0;
}

}  // namespace through_float

// The table of kernel class K for 16-bit floats. Bit i of kInputs: input i may be one; the others must not be, as those
// whose contents K reads when it sizes its workspace. K gives its outputs no shapes.
template <class K, uint32_t kInputs = ~0u>
constexpr OndaKernelDef MakeThroughFloat(const char* op, const char* domain = "") {
  using through_float::IsHalfType;
  struct Kernel {
    explicit Kernel(const OndaNodeView& view) : node(view, true), kernel(NodeView(node.view())) {}
    through_float::Node node;
    K kernel;
  };
  OndaKernelDef def = MakeKernel<K>(op, domain);
  def.rejects = [](const OndaNodeView* node, char* reason, size_t reason_size) -> int32_t {
    const char* why = "no 16-bit floats";
    for (int i = 0; i < node->input_count; ++i) {
      if (!IsHalfType(node->inputs[i].dtype)) continue;
      why = "";
      if (i >= 32 || !(kInputs >> i & 1)) {
        why = "a 16-bit float where its contents are read before running";
        break;
      }
    }
    if (node->input_count > through_float::kMaxTensors || node->output_count > through_float::kMaxTensors)
      why = "too many tensors";
    if (*why) {
      std::snprintf(reason, reason_size, "%s", why);
      return 1;
    }
    try {
      return MakeKernel<K>("").rejects(&through_float::Node(*node, false).view(), reason, reason_size);
    } catch (const std::bad_alloc&) {
      std::snprintf(reason, reason_size, "out of memory");
      return 1;
    }
  };
  def.create = [](const OndaNodeView* node, OndaStatus* status) -> void* {
    Kernel* kernel = nullptr;
    GuardStatus(status, [&] { kernel = new Kernel(*node); });
    return kernel;
  };
  def.destroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  def.workspace = [](const void* kernel, const OndaTensorView* inputs, int32_t input_count,
                     const OndaTensorView* outputs, int32_t output_count) -> uint64_t {
    Carver carver;
    const Kernel& k = *static_cast<const Kernel*>(kernel);
    through_float::Tensors in(inputs, input_count, &k.node, carver), out(outputs, output_count, nullptr, carver);
    return carver.bytes() + through_float::WorkspaceOf(k.kernel, in, out);
  };
  def.launch = [](const void* kernel, const OndaLaunch* launch, OndaStatus* status) {
    GuardStatus(status, [&] {
      const Kernel& k = *static_cast<const Kernel*>(kernel);
      const LaunchArgs args(*launch);
      Carver carver(launch->workspace);
      through_float::Tensors in(launch->inputs, launch->input_count, &k.node, carver);
      through_float::Tensors out(launch->outputs, launch->output_count, nullptr, carver);
      for (int i = 0; i < launch->input_count; ++i) {
        const TensorView& x = args.input(i);
        if (!x.present() || !IsHalf(x.type()) || k.node.constant(i)) continue;
        float* const to = static_cast<float*>(in.data()[i].data);
        args.ParallelFor(x.count(), 16384, [&](int64_t begin, int64_t end) {
          WidenToFloat(x.type(), x.as<uint16_t>() + begin, to + begin, end - begin);
        });
      }
      OndaLaunch inner = *launch;
      inner.inputs = in.data();
      inner.outputs = out.data();
      inner.workspace = carver.Take<char>(0);
      k.kernel.Launch(LaunchArgs(inner));
      for (int i = 0; i < launch->output_count; ++i) {
        const TensorView& y = args.output(i);
        if (!y.present() || !y.data || !IsHalf(y.type())) continue;
        const float* const from = static_cast<const float*>(out.data()[i].data);
        args.ParallelFor(y.count(), 16384, [&](int64_t begin, int64_t end) {
          NarrowFromFloat(y.type(), from + begin, y.as<uint16_t>() + begin, end - begin);
        });
      }
    });
  };
  return def;
}

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_THROUGH_FLOAT_H_
