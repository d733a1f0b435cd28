// What is known of a value before running.
#ifndef ONDA_CORE_IR_FACT_H_
#define ONDA_CORE_IR_FACT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ir/dim.h"
#include "core/ir/tensor.h"
#include "onda/types.h"

namespace onda {

using Dims = std::vector<Dim>;

enum class ValueKind { kUnknown, kTensor, kSequence, kOptional, kMap, kSparse, kOpaque };

struct Fact {
  ValueKind kind = ValueKind::kUnknown;
  DType dtype = DType::kUndefined;      // tensors: element type; maps: key type
  std::optional<Dims> shape;            // tensors; nullopt where the rank is unknown. Opaque types: domain and name
  TensorPtr constant;                   // the value itself, where known
  std::shared_ptr<const Dims> content;  // elements of a small integer tensor whose values are known as expressions
  std::shared_ptr<const Fact> element;  // sequences and optionals: of each element; maps: of the values
  // How elements lie in memory; shapes are logical whatever it is. 1: row-major. b > 1: dimension 1, a multiple of b,
  // is cut into blocks, (N, C, ...) lying as (N, C / b, ..., b); C itself is channels-last. onda.Reorder changes it.
  int64_t channel_block = 1;

  static Fact Tensor(DType dtype, Dims dims);
  static Fact TensorOfUnknownRank(DType dtype);
  static Fact Constant(TensorPtr tensor);
  static Fact Sequence(Fact element);
  static Fact Optional(Fact element);

  bool is_tensor() const { return kind == ValueKind::kTensor; }
  bool known() const { return kind != ValueKind::kUnknown; }
  bool has_rank() const { return shape.has_value(); }
  int rank() const { return static_cast<int>(shape->size()); }  // only where has_rank()
  // Every dimension is an integer.
  bool static_shape() const;
  // Dimensions of a static shape.
  std::vector<int64_t> static_dims() const;
  // Elements, in row-major order, of an integer tensor whose values are known; nullopt elsewhere. Reads constants of at
  // most kMaxContent elements.
  std::optional<Dims> Content() const;

  // Like the text syntax: "float[batch, 3]", "int64[2] = {1, seq}", "seq(float[N])".
  std::string ToString() const;
};

// Contents are tracked up to so many elements.
inline constexpr int64_t kMaxContent = 1024;

// "[2, seq, 3]".
std::string ToString(const Dims& dims);

}  // namespace onda

#endif  // ONDA_CORE_IR_FACT_H_
