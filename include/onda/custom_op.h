// Operators of your own: what one is called, what it takes, what shapes it gives, and its kernels. A C ABI of
// size-tagged structs, and a header-only C++ layer over it. A shared library exports its operators under the name
// OndaGetCustomOps; a program may register a table of its own. (Apart from provider.h because these operators are for
// every provider.)
#ifndef ONDA_CUSTOM_OP_H_
#define ONDA_CUSTOM_OP_H_

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "onda/provider.h"

extern "C" {

typedef enum OndaParameterOption {
  kOndaSingle = 0,
  kOndaOptional = 1,  // may be omitted
  kOndaVariadic = 2,  // the last one only: any number, at least one
} OndaParameterOption;

// An input or output.
typedef struct OndaCustomParameter {
  const char* name;
  int32_t option;        // an OndaParameterOption
  int32_t on_host;       // of an input: read in host memory on every provider, as what fixes shapes must be
  uint64_t types;        // bit i: the element type whose DType is i; 0: any
  const char* variable;  // parameters with the same type variable have the same element type; NULL: none
} OndaCustomParameter;

typedef struct OndaCustomAttribute {
  const char* name;
  int32_t kind;  // an OndaAttributeKind
  int32_t required;
} OndaCustomAttribute;

// A dimension during inference: an integer, or an expression over symbols. Lives until inference returns.
typedef struct OndaDim OndaDim;

typedef enum OndaDimFunction {
  kOndaDimAdd = 0,
  kOndaDimSubtract = 1,
  kOndaDimMultiply = 2,
  kOndaDimFloorDivide = 3,
  kOndaDimCeilDivide = 4,
  kOndaDimMin = 5,
  kOndaDimMax = 6,
} OndaDimFunction;

// What inference may ask and say; called when a model is loaded, with symbols in shapes, and again when shapes are
// known.
typedef struct OndaInference {
  uint32_t size;
  uint32_t reserved;
  void* state;
  const OndaNodeView* node;  // attributes; facts of the inputs, dimensions that are expressions as -1
  // Of an input of known rank.
  const OndaDim* (*input_dim)(void* state, int32_t input, int32_t axis);
  // Elements of an integer input where they are known, as expressions. Gives their number, -1 where they are not known.
  int32_t (*content)(void* state, int32_t input, const OndaDim** elements, int32_t capacity);
  const OndaDim* (*constant)(void* state, int64_t value);
  // A dimension of which nothing is known.
  const OndaDim* (*unknown)(void* state);
  // NULL where the result leaves int64, or b is 0 in a division.
  const OndaDim* (*apply)(void* state, OndaDimFunction function, const OndaDim* a, const OndaDim* b);
  // -1 where it is not an integer.
  int64_t (*value)(void* state, const OndaDim* dim);
  // Nonzero where both are the same in every run, as far as is known.
  int32_t (*equal)(void* state, const OndaDim* a, const OndaDim* b);
  // rank -1: not known.
  void (*set_output)(void* state, int32_t output, int32_t dtype, int32_t rank, const OndaDim* const* dims);
} OndaInference;

typedef struct OndaCustomKernel {
  const char* provider;  // "cpu", or the name in a provider's table
  const OndaKernelDef* kernel;
} OndaCustomKernel;

typedef struct OndaCustomOpDef {
  uint32_t size;
  uint32_t reserved;
  const char* domain;  // none of ONNX's own
  const char* name;
  const OndaCustomParameter* inputs;
  const OndaCustomParameter* outputs;
  const OndaCustomAttribute* attributes;
  int32_t input_count;
  int32_t output_count;
  int32_t attribute_count;
  int32_t kernel_count;
  const OndaCustomKernel* kernels;  // best first
  // Sets the outputs' types and shapes; a filled status refuses the node. NULL: the outputs have the element type of
  // their type variable, and shapes that their kernel gives by allocate_output.
  void (*infer)(const OndaInference* inference, OndaStatus* status);
} OndaCustomOpDef;

enum { kOndaCustomOpAbi = 1 };

typedef struct OndaCustomOpLibrary {
  uint32_t size;
  uint32_t abi;  // kOndaCustomOpAbi
  const OndaCustomOpDef* const* ops;
  int32_t op_count;
  int32_t reserved;
} OndaCustomOpLibrary;

// What a library of operators exports under the name "OndaGetCustomOps". NULL where it cannot serve that ABI.
typedef const OndaCustomOpLibrary* (*OndaGetCustomOpsFunction)(uint32_t abi);

}  // extern "C"

namespace onda {

class Inference;

// A dimension as an expression. Operators throw kResourceLimit where a result leaves int64.
class SymbolicDim {
 public:
  SymbolicDim(int64_t value) : value_(value) {}  // NOLINT: integers are dimensions
  SymbolicDim(const OndaInference& inference, const OndaDim* dim) : inference_(&inference), dim_(dim) {
    if (!dim) throw Error(ErrorCode::kResourceLimit, "a dimension leaves the range of int64");
  }
  // -1 where it is not an integer.
  int64_t value() const { return dim_ ? inference_->value(inference_->state, dim_) : value_; }
  bool known() const { return value() >= 0; }

  friend SymbolicDim operator+(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimAdd, a, b); }
  friend SymbolicDim operator-(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimSubtract, a, b); }
  friend SymbolicDim operator*(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimMultiply, a, b); }
  friend SymbolicDim FloorDiv(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimFloorDivide, a, b); }
  friend SymbolicDim CeilDiv(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimCeilDivide, a, b); }
  friend SymbolicDim Min(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimMin, a, b); }
  friend SymbolicDim Max(const SymbolicDim& a, const SymbolicDim& b) { return Apply(kOndaDimMax, a, b); }
  // The same in every run, as far as is known.
  friend bool operator==(const SymbolicDim& a, const SymbolicDim& b) {
    const OndaInference* inference = a.dim_ ? a.inference_ : b.inference_;
    if (!inference) return a.value_ == b.value_;
    return inference->equal(inference->state, a.In(*inference), b.In(*inference)) != 0;
  }
  // The handle of that inference.
  const OndaDim* In(const OndaInference& inference) const {
    return dim_ ? dim_ : inference.constant(inference.state, value_);
  }

 private:
  static SymbolicDim Apply(OndaDimFunction function, const SymbolicDim& a, const SymbolicDim& b) {
    const OndaInference* inference = a.dim_ ? a.inference_ : b.inference_;
    if (inference)
      return {*inference, inference->apply(inference->state, function, a.In(*inference), b.In(*inference))};
    const int64_t x = a.value_, y = b.value_;
    int64_t z = 0;
    bool bad = false;
    switch (function) {
      case kOndaDimAdd:
        bad = __builtin_add_overflow(x, y, &z);
        break;
      case kOndaDimSubtract:
        bad = __builtin_sub_overflow(x, y, &z);
        break;
      case kOndaDimMultiply:
        bad = __builtin_mul_overflow(x, y, &z);
        break;
      case kOndaDimFloorDivide:
      case kOndaDimCeilDivide:
        bad = y == 0 || (x == INT64_MIN && y == -1);
        if (bad) break;
        z = x / y;
        if (x % y != 0 && function == kOndaDimFloorDivide && (x < 0) != (y < 0)) --z;
        if (x % y != 0 && function == kOndaDimCeilDivide && (x < 0) == (y < 0)) ++z;
        break;
      case kOndaDimMin:
        z = x < y ? x : y;
        break;
      case kOndaDimMax:
        z = x > y ? x : y;
        break;
    }
    if (bad) throw Error(ErrorCode::kResourceLimit, "a dimension leaves the range of int64");
    return z;
  }

  int64_t value_ = 0;
  const OndaInference* inference_ = nullptr;
  const OndaDim* dim_ = nullptr;  // null: value_
};

// Inference of one node.
class Inference {
 public:
  explicit Inference(const OndaInference& inference) : inference_(inference) {}
  NodeView node() const { return NodeView(*inference_.node); }
  Attributes attributes() const { return node().attributes(); }
  DType dtype(int input) const { return node().input(input).type(); }
  bool has_input(int input) const { return node().input(input).present(); }
  bool has_rank(int input) const { return node().input(input).rank >= 0; }
  int rank(int input) const { return node().input(input).rank; }
  // Of an input of known rank.
  SymbolicDim dim(int input, int axis) const {
    return {inference_, inference_.input_dim(inference_.state, input, axis)};
  }
  std::vector<SymbolicDim> shape(int input) const {
    std::vector<SymbolicDim> dims;
    for (int i = 0; i < rank(input); ++i) dims.push_back(dim(input, i));
    return dims;
  }
  // Elements of an integer input, where known() is true of what this gives.
  struct Elements {
    bool is_known = false;
    std::vector<SymbolicDim> values;
    bool known() const { return is_known; }
  };
  Elements Content(int input) const {
    Elements result;
    const int32_t count = inference_.content(inference_.state, input, nullptr, 0);
    if (count < 0) return result;
    std::vector<const OndaDim*> dims(static_cast<size_t>(count));
    inference_.content(inference_.state, input, dims.data(), count);
    for (const OndaDim* d : dims) result.values.emplace_back(inference_, d);
    result.is_known = true;
    return result;
  }
  SymbolicDim Unknown() const { return {inference_, inference_.unknown(inference_.state)}; }
  void SetOutput(int output, DType dtype, std::span<const SymbolicDim> shape) const {
    std::vector<const OndaDim*> dims;
    for (const SymbolicDim& d : shape) dims.push_back(d.In(inference_));
    inference_.set_output(inference_.state, output, static_cast<int32_t>(dtype), static_cast<int32_t>(dims.size()),
                          dims.data());
  }
  void SetOutput(int output, DType dtype, std::initializer_list<SymbolicDim> shape) const {
    SetOutput(output, dtype, std::span<const SymbolicDim>(shape.begin(), shape.size()));
  }
  void SetOutputOfUnknownRank(int output, DType dtype) const {
    inference_.set_output(inference_.state, output, static_cast<int32_t>(dtype), -1, nullptr);
  }
  // Ends inference: the node is wrong.
  [[noreturn]] void Reject(const std::string& cause) const { throw Error(ErrorCode::kInvalidModel, cause); }

 private:
  const OndaInference& inference_;
};

// For OndaCustomParameter::types.
template <class... T>
constexpr uint64_t TypeBits(T... types) {
  return ((uint64_t{1} << static_cast<int>(types)) | ... | uint64_t{0});
}

// Makes the C table of an operator class O, which has
//   static constexpr const char *kDomain, *kName
//   static constexpr OndaCustomParameter kInputs[], kOutputs[]
//   static void Infer(const Inference&)                    sets the outputs; may throw onda::Error
// and may have
//   static constexpr OndaCustomAttribute kAttributes[]
//   static constexpr OndaCustomKernel kKernels[]           see MakeKernel
template <class O>
constexpr OndaCustomOpDef MakeCustomOp() {
  OndaCustomOpDef def{};
  def.size = sizeof(OndaCustomOpDef);
  def.domain = O::kDomain;
  def.name = O::kName;
  def.inputs = std::data(O::kInputs);
  def.input_count = static_cast<int32_t>(std::size(O::kInputs));
  def.outputs = std::data(O::kOutputs);
  def.output_count = static_cast<int32_t>(std::size(O::kOutputs));
  if constexpr (requires { O::kAttributes; }) {
    def.attributes = std::data(O::kAttributes);
    def.attribute_count = static_cast<int32_t>(std::size(O::kAttributes));
  }
  if constexpr (requires { O::kKernels; }) {
    def.kernels = std::data(O::kKernels);
    def.kernel_count = static_cast<int32_t>(std::size(O::kKernels));
  }
  if constexpr (requires(const Inference& i) { O::Infer(i); })
    def.infer = [](const OndaInference* inference, OndaStatus* status) {
      GuardStatus(status, [&] { O::Infer(Inference(*inference)); });
    };
  return def;
}

}  // namespace onda

#endif  // ONDA_CUSTOM_OP_H_
