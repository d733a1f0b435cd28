// A dimension: an integer or a polynomial over symbols and irreducible terms (floor divisions, minima, maxima).
#ifndef ONDA_CORE_IR_DIM_H_
#define ONDA_CORE_IR_DIM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onda {

// Kept in a canonical form, so that equality is structural. Arithmetic that leaves int64 throws kResourceLimit.
class Dim {
 public:
  Dim() = default;
  Dim(int64_t value) : value_(value) {}  // NOLINT: integers are dimensions
  static Dim Symbol(std::string name);

  bool known() const { return !expression_; }
  // Only where known().
  int64_t value() const { return value_; }
  // The value, or -1 where it is not known.
  int64_t value_or_unknown() const { return known() ? value_ : -1; }
  // The symbol's name where the dimension is a lone symbol, else "".
  std::string_view symbol() const;
  // As ONNX's text syntax can hold it: "3", "batch", "2*seq + 1", "floordiv(h + 1, 2)".
  std::string ToString() const;

  friend bool operator==(const Dim& a, const Dim& b);
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  // Rounds towards minus infinity. b must not be 0 where known.
  friend Dim FloorDiv(const Dim& a, const Dim& b);
  friend Dim CeilDiv(const Dim& a, const Dim& b);
  friend Dim Min(const Dim& a, const Dim& b);
  friend Dim Max(const Dim& a, const Dim& b);

  struct Expression;

 private:
  explicit Dim(std::shared_ptr<const Expression> expression);
  static Dim Atom(std::string_view function, const Dim& a, const Dim& b);
  int64_t value_ = 0;
  std::shared_ptr<const Expression> expression_;  // null for integers
};

// The inverse of Dim::ToString. A text that ToString would not write, such as "batch-size", is the name of one symbol.
Dim ParseDim(std::string_view text);

// Sum and product of int64 that throw kResourceLimit on overflow.
int64_t CheckedAdd(int64_t a, int64_t b);
int64_t CheckedMul(int64_t a, int64_t b);

}  // namespace onda

#endif  // ONDA_CORE_IR_DIM_H_
