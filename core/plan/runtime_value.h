// A value while a program runs.
#ifndef ONDA_CORE_PLAN_RUNTIME_VALUE_H_
#define ONDA_CORE_PLAN_RUNTIME_VALUE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/ir/fact.h"
#include "core/ir/tensor.h"

namespace onda {

// A tensor in host memory, a sequence, an optional or a map; immutable once its producer has returned, so that copies
// share memory.
struct RuntimeValue {
  ValueKind kind = ValueKind::kUnknown;  // kUnknown: no value
  DType dtype = DType::kUndefined;       // tensors; maps: of the keys
  std::vector<int64_t> dims;
  void* data = nullptr;
  std::shared_ptr<const void> owner;  // keeps data alive
  int32_t instance = 0;               // where data lies: a provider instance of the session; 0 is host memory
  bool borrowed = false;              // data is the caller's, or a constant: never handed out as a result
  // Sequences: the elements. Optionals: none or one. Maps: the keys (1-D tensor) and the values (1-D tensor or
  // sequence).
  std::shared_ptr<const std::vector<RuntimeValue>> elements;
  std::shared_ptr<const Fact>
      element_fact;  // sequences and optionals: the type of an element, also where there is none

  bool present() const { return kind != ValueKind::kUnknown; }
  bool is_tensor() const { return kind == ValueKind::kTensor; }
  OndaTensorView view() const {
    return {data, dims.data(), static_cast<int32_t>(dims.size()), static_cast<int32_t>(dtype)};
  }
  int64_t count() const { return CountOf(dims); }
  size_t bytes() const { return BytesOf(dtype, count()); }
  // What is known of the value: its type and exact shape, no content.
  Fact ToFact() const {
    if (is_tensor()) return Fact::Tensor(dtype, Dims(dims.begin(), dims.end()));
    Fact fact;
    fact.kind = kind;
    fact.dtype = dtype;
    fact.element = element_fact;
    return fact;
  }

  // No value any more. dims keeps its capacity, so that filling the value again allocates nothing.
  void Clear() {
    kind = ValueKind::kUnknown;
    dtype = DType::kUndefined;
    dims.clear();
    data = nullptr;
    owner.reset();
    instance = 0;
    borrowed = false;
    elements.reset();
    element_fact.reset();
  }
  // A tensor whose memory is still to be set.
  void SetTensor(DType type, std::span<const int64_t> shape, int32_t where = 0) {
    Clear();
    kind = ValueKind::kTensor;
    dtype = type;
    dims.assign(shape.begin(), shape.end());
    instance = where;
  }
  void SetConstant(const TensorPtr& tensor) {
    SetTensor(tensor->dtype(), tensor->dims());
    data = const_cast<void*>(tensor->data());
    owner = tensor;
    borrowed = true;
  }

  static RuntimeValue FromTensor(const TensorPtr& tensor) {
    RuntimeValue v;
    v.SetConstant(tensor);
    return v;
  }
  static RuntimeValue Sequence(std::vector<RuntimeValue> elements, std::shared_ptr<const Fact> element_fact) {
    RuntimeValue v;
    v.kind = ValueKind::kSequence;
    v.elements = std::make_shared<const std::vector<RuntimeValue>>(std::move(elements));
    v.element_fact = std::move(element_fact);
    return v;
  }
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_RUNTIME_VALUE_H_
