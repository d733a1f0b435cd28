// Dimensions as text: the inverse of Dim::ToString.
#include <charconv>
#include <optional>

#include "core/ir/dim.h"
#include "onda/types.h"

namespace onda {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '?'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// sum = product (('+' | '-') product)*; product = factor ('*' factor)*; factor = integer | symbol | function(sum, sum).
class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  std::optional<Dim> Whole() {
    std::optional<Dim> sum = Sum(0);
    return next_ == text_.size() ? sum : std::nullopt;
  }

 private:
  static constexpr int kMaxDepth = 32;

  bool Matches(std::string_view token) {
    if (text_.substr(next_, token.size()) != token) return false;
    next_ += token.size();
    return true;
  }

  std::optional<Dim> Sum(int depth) {
    if (depth > kMaxDepth) return {};
    const bool negative = Matches("-");
    std::optional<Dim> sum = Product(depth);
    if (sum && negative) sum = Dim(0) - *sum;
    while (sum) {
      const bool plus = Matches(" + ");
      if (!plus && !Matches(" - ")) break;
      const std::optional<Dim> term = Product(depth);
      if (!term) return {};
      sum = plus ? *sum + *term : *sum - *term;
    }
    return sum;
  }

  std::optional<Dim> Product(int depth) {
    std::optional<Dim> product = Factor(depth);
    while (product && Matches("*")) {
      const std::optional<Dim> factor = Factor(depth);
      if (!factor) return {};
      product = *product * *factor;
    }
    return product;
  }

  std::optional<Dim> Factor(int depth) {
    const size_t begin = next_;
    while (next_ < text_.size() && (IsLetter(text_[next_]) || IsDigit(text_[next_]))) ++next_;
    const std::string_view word = text_.substr(begin, next_ - begin);
    if (word.empty()) return {};
    if (IsDigit(word[0])) {
      int64_t value = 0;
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc() || stop != word.data() + word.size()) return {};
      return Dim(value);
    }
    if (!Matches("(")) return Dim::Symbol(std::string(word));
    const std::optional<Dim> a = Sum(depth + 1);
    if (!a || !Matches(", ")) return {};
    const std::optional<Dim> b = Sum(depth + 1);
    if (!b || !Matches(")")) return {};
    if (word == "floordiv") return FloorDiv(*a, *b);
    if (word == "min") return Min(*a, *b);
    if (word == "max") return Max(*a, *b);
    return {};
  }

  std::string_view text_;
  size_t next_ = 0;
};

}  // namespace

Dim ParseDim(std::string_view text) {
  constexpr size_t kMaxLength = 4096;
  if (text.size() <= kMaxLength) {
    try {
      const std::optional<Dim> dim = DimParser(text).Whole();
      if (dim && dim->ToString() == text) return *dim;
    } catch (const Error&) {
      // Arithmetic that overflows or divides by zero: a name that only looks like it.
    }
  }
  return Dim::Symbol(std::string(text));
}

}  // namespace onda
