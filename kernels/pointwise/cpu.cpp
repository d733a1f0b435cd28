// The program is interpreted a tile at a time: a step calls the same vector function that its operator's own kernel
// calls, on tiles that stay in the first-level cache. Half types are carried in fp32 and rounded after each step.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "kernels/cast/cast.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/quantized/linear.h"
#include "kernels/simd/broadcast.h"
#include "kernels/simd/half.h"

namespace onda::pointwise {
namespace {

constexpr int64_t kTile = 1024;  // elements
constexpr int kMaxTiles = 20;    // of 4 bytes an element, on the stack

// The type that elements are carried in.
DType Carried(DType type) { return IsHalf(type) ? DType::kFloat : type; }
bool IsCarried(DType type) {
  return Carried(type) == DType::kFloat || type == DType::kBool || type == DType::kInt8 || type == DType::kUint8 ||
         type == DType::kInt32;
}

enum class Kind { kUnary, kBinary, kWhere, kCast, kCopy, kNot, kQuantize, kDequantize };

// One step with its functions, and the tile that its result goes to (-1: the output itself).
struct Action {
  Kind kind;
  elementwise::UnaryFunction unary = nullptr;
  elementwise::BinaryFunction binary = nullptr;
  cast::CastFunction cast = nullptr;
  int operands[3];
  int operand_count;
  DType type, from;
  float alpha, beta;
  int32_t zero = 0;  // little-endian: also the zero point as an 8-bit integer
  int tile = -1;
};

// Why the step cannot be done, or "".
std::string Compile(const Program& program, const Step& step, std::span<const DType> inputs, Action& action) {
  auto type_of = [&](int operand) {
    return program.TypeOf(operand, [&](int i) { return inputs[static_cast<size_t>(i)]; });
  };
  const DType from = type_of(step.operands[0]);
  std::copy(step.operands, step.operands + 3, action.operands);
  action.operand_count = step.operand_count;
  action.type = step.type, action.from = from, action.alpha = step.alpha, action.beta = step.beta;
  const bool real = Carried(from) == DType::kFloat, to_real = Carried(step.type) == DType::kFloat;
  const std::string refusal = "no step " + step.op + " from " + std::string(NameOf(from)) + " to " +
                              std::string(NameOf(step.type)) + " with " + std::to_string(step.operand_count) +
                              " operands";
  if (!IsCarried(step.type)) return refusal;
  if (step.op == "Where") {
    action.kind = Kind::kWhere;
    const bool fits = step.operand_count == 3 && from == DType::kBool && to_real &&
                      type_of(step.operands[1]) == step.type && type_of(step.operands[2]) == step.type;
    return fits ? "" : refusal;
  }
  if (step.operand_count == 2) {
    action.kind = Kind::kBinary;
    if (type_of(step.operands[1]) != from) return refusal;
    action.binary = elementwise::FindBinaryFunction(step.op, from);
    const bool logic = step.op == "And" || step.op == "Or" || step.op == "Xor";
    const bool compares = step.op == "Equal" || step.op.rfind("Less", 0) == 0 || step.op.rfind("Greater", 0) == 0;
    const bool fits = logic ? from == DType::kBool && step.type == DType::kBool
                            : real && step.type == (compares ? DType::kBool : from);
    return action.binary && fits ? "" : refusal;
  }
  if (step.operand_count != 1) return refusal;
  if (step.op == "Not") {
    action.kind = Kind::kNot;
    return from == DType::kBool && step.type == DType::kBool ? "" : refusal;
  }
  if (step.op == "Cast") {
    const DType a = Carried(from), b = Carried(step.type);
    action.kind = a == b ? Kind::kCopy : Kind::kCast;
    action.cast = a == b ? nullptr : cast::FindCastFunction(a, b);
    // Through fp32 only where that rounds once.
    return a == b || (action.cast && (step.type == b || real)) ? "" : refusal;
  }
  if (step.op == "DequantizeLinear" || step.op == "QuantizeLinear") {
    const bool dequantize = step.op[0] == 'D';
    const DType integer = dequantize ? from : step.type;
    action.kind = dequantize ? Kind::kDequantize : Kind::kQuantize;
    const bool is_signed = integer == DType::kInt8;
    const bool zero_fits = step.beta >= (is_signed ? -128 : 0) && step.beta <= (is_signed ? 127 : 255);
    if (zero_fits) action.zero = static_cast<int32_t>(step.beta);
    const bool fits = zero_fits && (dequantize ? step.type : from) == DType::kFloat &&
                      (integer == DType::kInt8 || integer == DType::kUint8 ||
                       (dequantize && integer == DType::kInt32 && action.zero == 0));
    return fits ? "" : refusal;
  }
  action.kind = Kind::kUnary;
  action.unary = step.op == "GeluTanh" ? elementwise::FindUnaryFunction("Gelu", true)
                                       : elementwise::FindUnaryFunction(step.op, false);
  return action.unary && real && step.type == from ? "" : refusal;
}

struct Compiled {
  std::vector<Action> actions;
  int tiles = 0;  // of results; the inputs' follow
  // Inputs that some function reads without a step: one element that is broadcast is laid out for it.
  std::array<bool, kMaxInputs> spread{};
  std::string refusal;

  Compiled(const Program& program, std::span<const DType> inputs) {
    for (DType type : inputs)
      if (!IsCarried(type)) refusal = "no elements of " + std::string(NameOf(type));
    std::vector<int> last_use(static_cast<size_t>(program.input_count) + program.steps.size(), -1);
    for (size_t s = 0; s < program.steps.size(); ++s)
      for (int k = 0; k < program.steps[s].operand_count; ++k)
        last_use[static_cast<size_t>(program.steps[s].operands[k])] = static_cast<int>(s);
    std::vector<int> free;
    for (size_t s = 0; s < program.steps.size() && refusal.empty(); ++s) {
      Action action;
      refusal = Compile(program, program.steps[s], inputs, action);
      for (int k = 0; k < action.operand_count && refusal.empty(); ++k)
        if (action.operands[k] < program.input_count &&
            !(action.kind == Kind::kBinary || (action.kind == Kind::kWhere && k > 0)))
          spread[static_cast<size_t>(action.operands[k])] = true;
      std::vector<int> read_last;
      // A result may take the place of an operand of its own width that is read last here: elements move alike.
      for (int k = 0; k < action.operand_count && refusal.empty(); ++k) {
        const int operand = action.operands[k] - program.input_count;
        bool seen = false;
        for (int j = 0; j < k; ++j) seen = seen || action.operands[j] == action.operands[k];
        if (operand < 0 || seen || last_use[static_cast<size_t>(action.operands[k])] != static_cast<int>(s)) continue;
        const Action& producer = actions[static_cast<size_t>(operand)];
        if (BitsOf(Carried(producer.type)) == BitsOf(Carried(action.type)) && action.tile < 0) {
          action.tile = producer.tile;
        } else {
          read_last.push_back(producer.tile);
        }
      }
      const bool last = s + 1 == program.steps.size();
      if (action.tile < 0 && (!last || IsHalf(action.type))) {
        if (free.empty()) free.push_back(tiles++);
        action.tile = free.back();
        free.pop_back();
        if (tiles > kMaxTiles - program.input_count && refusal.empty()) refusal = "too many values at once";
      }
      free.insert(free.end(), read_last.begin(), read_last.end());
      if (last && !IsHalf(action.type)) action.tile = -1;
      actions.push_back(action);
    }
  }
};

std::vector<DType> InputTypes(const NodeView& node) {
  std::vector<DType> types;
  for (int i = 0; i < node.input_count(); ++i) types.push_back(node.input(i).type());
  return types;
}

class Cpu {
 public:
  static constexpr bool kInPlace = true;

  explicit Cpu(const NodeView& node)
      : program_(node.attributes(), node.input_count()), compiled_(program_, InputTypes(node)) {}

  static std::string Rejects(const NodeView& node) {
    const Program program(node.attributes(), node.input_count());
    return Compiled(program, InputTypes(node)).refusal;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    Operands operands;
    for (int i = 0; i < program_.input_count; ++i)
      operands.plans[static_cast<size_t>(i)].emplace(y.shape(), std::array{args.input(i).shape()});
    const int64_t grain = std::max<int64_t>(kTile, 32768 / static_cast<int64_t>(program_.steps.size()));
    args.ParallelFor(y.count(), grain, [&](int64_t begin, int64_t end) {
      alignas(64) char tiles[kMaxTiles][kTile * 4];
      for (int64_t at = begin; at < end; at += kTile) Tile(args, operands, at, std::min(kTile, end - at), tiles);
    });
  }

 private:
  struct Operands {
    std::array<std::optional<BroadcastPlan<1>>, kMaxInputs> plans;
  };
  struct Place {
    const char* data;
    int64_t step;
  };

  // Lays out the first element, of 1 or 4 bytes, n times.
  static void Repeat(char* to, int64_t width, int64_t n) {
    if (width == 1) {
      std::memset(to, *to, static_cast<size_t>(n));
    } else {
      std::fill_n(reinterpret_cast<uint32_t*>(to), n, *reinterpret_cast<const uint32_t*>(to));
    }
  }

  // Elements [at, at + n) of an input as they are carried: where they lie, or laid out in `tile`.
  static Place Load(const TensorView& x, const BroadcastPlan<1>& plan, int64_t at, int64_t n, bool spread, char* tile) {
    const int64_t size = BitsOf(x.type()) / 8;
    const char* data = x.as<char>();
    const bool half = IsHalf(x.type());
    const int64_t step = plan.rank() == 1 ? plan.step(0) : 1;
    if (plan.rank() == 1 && !(spread && step == 0)) {
      const char* from = data + step * at * size;
      if (!half) return {from, step};
      WidenToFloat(x.type(), reinterpret_cast<const uint16_t*>(from), reinterpret_cast<float*>(tile), step ? n : 1);
      return {tile, step};
    }
    const int64_t width = half ? 4 : size;
    plan.ForEachRun(at, at + n, [&](int64_t begin, const auto& from, int64_t length) {
      char* to = tile + (begin - at) * width;
      const char* source = data + from[0] * size;
      const int64_t moving = plan.step(0) ? length : 1;
      if (half) {
        WidenToFloat(x.type(), reinterpret_cast<const uint16_t*>(source), reinterpret_cast<float*>(to), moving);
      } else {
        std::memcpy(to, source, static_cast<size_t>(moving * size));
      }
      if (moving != length) Repeat(to, width, length);
    });
    return {tile, 1};
  }

  void Tile(const LaunchArgs& args, const Operands& operands, int64_t at, int64_t n, char (*tiles)[kTile * 4]) const {
    const TensorView& y = args.output(0);
    char* out = y.as<char>() + at * BitsOf(y.type()) / 8;
    Place values[kMaxInputs + kMaxSteps];
    for (int i = 0; i < program_.input_count; ++i)
      values[i] = Load(args.input(i), *operands.plans[static_cast<size_t>(i)], at, n,
                       compiled_.spread[static_cast<size_t>(i)] || args.input(i).type() == DType::kBool,
                       tiles[compiled_.tiles + i]);
    int result = program_.input_count;
    for (const Action& action : compiled_.actions) {
      char* to = action.tile < 0 ? out : tiles[action.tile];
      Run(action, values, to, n);
      if (IsHalf(action.type)) {
        float* carried = reinterpret_cast<float*>(to);
        uint16_t rounded[kTile];
        NarrowFromFloat(action.type, carried, rounded, n);
        WidenToFloat(action.type, rounded, carried, n);
      }
      values[result++] = {to, 1};
    }
    if (IsHalf(y.type()))
      NarrowFromFloat(y.type(), reinterpret_cast<const float*>(values[result - 1].data),
                      reinterpret_cast<uint16_t*>(out), n);
  }

  static void Run(const Action& action, const Place* values, char* to, int64_t n) {
    static const elementwise::SelectFunction select = elementwise::FindSelectFunction(32);
    const Place &a = values[action.operands[0]], &b = values[action.operands[1]], &c = values[action.operands[2]];
    switch (action.kind) {
      case Kind::kUnary:
        return action.unary(reinterpret_cast<const float*>(a.data), reinterpret_cast<float*>(to), n, action.alpha,
                            action.beta);
      case Kind::kBinary:
        if (a.step != 0 || b.step != 0 || n <= 1)
          return action.binary(a.data, a.step, b.data, b.step, to, n, action.alpha);
        action.binary(a.data, 1, b.data, 1, to, 1, action.alpha);  // one element of each: one result for all
        return Repeat(to, BitsOf(Carried(action.type)) / 8, n);
      case Kind::kWhere:
        return select(reinterpret_cast<const uint8_t*>(a.data), b.data, b.step, c.data, c.step, to, n);
      case Kind::kCast:
        return action.cast(a.data, to, n);
      case Kind::kCopy:
        std::memmove(to, a.data, static_cast<size_t>(n * BitsOf(Carried(action.type)) / 8));
        return;
      case Kind::kNot:
        for (int64_t i = 0; i < n; ++i) to[i] = static_cast<char>(a.data[i] ^ 1);
        return;
      case Kind::kQuantize:
        return quantized::QuantizeRun(action.type, {n, &action.alpha, &action.zero, false},
                                      reinterpret_cast<const float*>(a.data), to);
      case Kind::kDequantize:
        return quantized::DequantizeRun(action.from, {n, &action.alpha, &action.zero, false}, a.data,
                                        reinterpret_cast<float*>(to));
    }
  }

  Program program_;
  Compiled compiled_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cpu>("Pointwise", "onda")};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::pointwise
