// A provider that does real work in one file: a "device" with memory of its own (plain heap memory here) on which
// everything runs at once, two kernels, and chains of pointwise float operators that it compiles into one loop. A
// device that works later than it is asked to has classes Stream and Event too; the README of this folder goes through
// it all.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "onda/make_provider.h"

namespace {

using onda::DType;

// The operators that a chain may have. All of them are rounded exactly, so results are those of any other provider.
enum class Op { kAdd, kSub, kMul, kDiv, kMax, kMin, kNeg, kAbs, kSqrt, kRelu, kNone };

Op OpOf(const onda::RegionNode& node) {
  if (!node.domain().empty()) return Op::kNone;
  static constexpr const char* kNames[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Neg", "Abs", "Sqrt", "Relu"};
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (node.op() == kNames[i]) return static_cast<Op>(i);
  return Op::kNone;
}

// NaN stays NaN, as ONNX has it.
float Apply(Op op, float a, float b) {
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    case Op::kDiv:
      return a / b;
    case Op::kMax:
      return a != a || a > b ? a : b;
    case Op::kMin:
      return a != a || a < b ? a : b;
    case Op::kNeg:
      return -a;
    case Op::kAbs:
      return std::fabs(a);
    case Op::kSqrt:
      return std::sqrt(a);
    default:
      return a != a || a > 0 ? a : 0;
  }
}

// A chain as instructions over registers, each a block of elements that stays in the cache.
class Fused {
 public:
  static constexpr int64_t kBlock = 512;

  explicit Fused(const onda::RegionView& region) : register_of_(static_cast<size_t>(region.value_count()), -1) {
    for (int32_t v : region.inputs()) register_of_[v] = registers_++;
    inputs_ = registers_;
    for (int v = 0; v < region.value_count(); ++v) {
      if (!region.value(v).is_constant()) continue;
      register_of_[v] = registers_++;
      constants_.push_back(*region.value(v).fact().constant_as<float>());
    }
    for (int n = 0; n < region.node_count(); ++n) {
      const onda::RegionNode node = region.node(n);
      const int32_t a = register_of_[node.inputs()[0]], b = register_of_[node.inputs().back()];
      register_of_[node.outputs()[0]] = registers_;
      code_.push_back({OpOf(node), a, b, registers_++});
    }
    for (int32_t v : region.outputs()) outputs_.push_back(register_of_[v]);
  }
  // Registers live in the workspace: a launch allocates nothing.
  size_t WorkspaceBytes(onda::TensorViews, onda::TensorViews) const {
    return static_cast<size_t>(registers_ * kBlock) * sizeof(float);
  }
  void Launch(const onda::LaunchArgs& args) const {
    float* const registers = static_cast<float*>(args.workspace());
    for (size_t c = 0; c < constants_.size(); ++c)
      std::fill_n(registers + (inputs_ + static_cast<int64_t>(c)) * kBlock, kBlock, constants_[c]);
    int64_t count = 0;
    for (int o = 0; o < args.output_count(); ++o)
      if (args.wants_output(o)) count = args.output(o).count();
    for (int64_t begin = 0; begin < count; begin += kBlock) {
      const int64_t n = std::min(kBlock, count - begin);
      for (int i = 0; i < inputs_; ++i) std::copy_n(args.input(i).as<float>() + begin, n, registers + i * kBlock);
      for (const Instruction& i : code_)
        for (int64_t k = 0; k < n; ++k)
          registers[i.result * kBlock + k] = Apply(i.op, registers[i.a * kBlock + k], registers[i.b * kBlock + k]);
      for (int o = 0; o < args.output_count(); ++o)
        if (args.wants_output(o)) std::copy_n(registers + outputs_[o] * kBlock, n, args.output(o).as<float>() + begin);
    }
  }

 private:
  struct Instruction {
    Op op;
    int32_t a, b, result;
  };
  std::vector<int32_t> register_of_;  // by value of the region
  std::vector<float> constants_;
  std::vector<Instruction> code_;
  std::vector<int32_t> outputs_;
  int32_t inputs_ = 0, registers_ = 0;
};

class Relu {
 public:
  explicit Relu(const onda::NodeView&) {}
  static std::string Rejects(const onda::NodeView& node) {
    return node.input(0).type() == DType::kFloat ? "" : "only float";
  }
  void Launch(const onda::LaunchArgs& args) const {
    const float* x = args.input(0).as<float>();
    float* y = args.output(0).as<float>();
    for (int64_t i = 0; i < args.input(0).count(); ++i) y[i] = Apply(Op::kRelu, x[i], 0);
  }
};

class Add {
 public:
  explicit Add(const onda::NodeView&) {}
  static std::string Rejects(const onda::NodeView& node) {
    const onda::FactView &a = node.input(0), &b = node.input(1);
    if (a.type() != DType::kFloat) return "only float";
    if (!a.static_shape() || !b.static_shape()) return "only shapes that are known";
    return std::equal(a.shape().begin(), a.shape().end(), b.shape().begin(), b.shape().end()) ? "" : "no broadcasting";
  }
  void Launch(const onda::LaunchArgs& args) const {
    const float *a = args.input(0).as<float>(), *b = args.input(1).as<float>();
    float* y = args.output(0).as<float>();
    for (int64_t i = 0; i < args.output(0).count(); ++i) y[i] = a[i] + b[i];
  }
};

constexpr OndaKernelDef kRelu = onda::MakeKernel<Relu>("Relu");
constexpr OndaKernelDef kAdd = onda::MakeKernel<Add>("Add");
constexpr const OndaKernelDef* kKernels[] = {&kRelu, &kAdd};
constexpr OndaKernelDef kFused = onda::MakeKernel<Fused>("Region", "onda");

class Example {
 public:
  static constexpr OndaOptionDef kOptions[] = {{"min_chain", "nodes that a chain must have to be taken as one", "2"}};

  explicit Example(onda::ProviderOptions& options) : min_chain_(options.Int("min_chain", 2)) {
    if (min_chain_ < 1) throw onda::Error(onda::ErrorCode::kInvalidArgument, "min_chain must be at least 1");
  }
  static std::span<const OndaKernelDef* const> kernels() { return kKernels; }

  static void* Allocate(size_t bytes) { return std::aligned_alloc(256, (bytes + 255) / 256 * 256); }
  static void Free(void* memory) { std::free(memory); }
  static void Copy(void* to, const void* from, size_t bytes, OndaCopyKind, onda::NoStream) {
    std::memcpy(to, from, bytes);
  }
  static void FillZero(void* memory, size_t bytes, onda::NoStream) { std::memset(memory, 0, bytes); }

  static void Describe(Example*, const auto& write) { write("device", "heap memory of this process, on one thread"); }

  // Chains in which each value is read by the next node alone are convex: a path that leaves one begins at its end.
  void Claim(const onda::RegionView& region, onda::Claims& claims) const {
    if (region.stage() != kOndaStageCanonical) return;
    std::vector<bool> taken(static_cast<size_t>(region.node_count()));
    for (int first = 0; first < region.node_count(); ++first) {
      if (taken[first] || !Fits(region, first)) continue;
      std::vector<int32_t> chain{first};
      for (int next = Next(region, first); next >= 0 && !taken[next] && Fits(region, next); next = Next(region, next))
        chain.push_back(next);
      if (static_cast<int64_t>(chain.size()) < min_chain_) continue;
      for (int32_t n : chain) taken[n] = true;
      claims.Add(chain, 0, "one loop");
    }
  }
  static onda::CompiledRegion Compile(const onda::RegionView& region) { return {&kFused, new Fused(region)}; }

 private:
  // Floats, all of the shape of the result or constants of one element.
  static bool Fits(const onda::RegionView& region, int n) {
    const onda::RegionNode node = region.node(n);
    if (OpOf(node) == Op::kNone || node.inputs().empty() || node.inputs().size() > 2) return false;
    const onda::RegionValue result = region.value(node.outputs()[0]);
    for (int32_t v : node.inputs()) {
      const onda::RegionValue value = region.value(v);
      if (value.fact().type() != DType::kFloat) return false;
      const bool scalar = value.is_constant() && value.fact().rank == 0;
      if (!scalar && (value.is_constant() || !value.SameShape(result))) return false;
    }
    return true;
  }
  // The one reader of the node's result; -1 where there are others, or none.
  static int Next(const onda::RegionView& region, int n) {
    const int32_t v = region.node(n).outputs()[0];
    const std::vector<int> readers = region.Readers(v);
    return readers.size() == 1 && !region.value(v).is_output() ? readers[0] : -1;
  }

  int64_t min_chain_;
};

// Without cost hints whatever is accepted is placed here.
constexpr OndaProviderDef kProvider = onda::MakeProvider<Example>("example");

}  // namespace

extern "C" __attribute__((visibility("default"))) const OndaProviderDef* OndaGetProvider(uint32_t abi) {
  return abi == kOndaProviderAbi ? &kProvider : nullptr;
}
