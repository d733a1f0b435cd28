#include "core/ir/dim.h"

#include <algorithm>
#include <map>
#include <vector>

#include "onda/types.h"

namespace onda {

// A sum of coefficient x monomial; a monomial is a sorted product of atoms, written as text. "" is the constant term.
struct Dim::Expression {
  std::map<std::vector<std::string>, int64_t> terms;
  bool operator==(const Expression&) const = default;
};

int64_t CheckedAdd(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) throw Error(ErrorCode::kResourceLimit, "a dimension exceeds 64 bits");
  return r;
}

int64_t CheckedMul(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) throw Error(ErrorCode::kResourceLimit, "a dimension exceeds 64 bits");
  return r;
}

namespace {

using Terms = std::map<std::vector<std::string>, int64_t>;

void AddTerm(Terms& terms, std::vector<std::string> monomial, int64_t coefficient) {
  auto [it, inserted] = terms.try_emplace(std::move(monomial), coefficient);
  if (!inserted) it->second = CheckedAdd(it->second, coefficient);
  if (it->second == 0) terms.erase(it);
}

int64_t FloorDivInt(int64_t a, int64_t b) {
  if (a == INT64_MIN && b == -1) throw Error(ErrorCode::kResourceLimit, "a dimension exceeds 64 bits");
  const int64_t q = a / b;
  return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}

}  // namespace

Dim::Dim(std::shared_ptr<const Expression> expression) {
  const Terms& terms = expression->terms;
  if (terms.empty()) return;
  if (terms.size() == 1 && terms.begin()->first.empty()) {
    value_ = terms.begin()->second;
    return;
  }
  expression_ = std::move(expression);
}

static Terms TermsOf(const Dim& d, const Dim::Expression* e) {
  if (e) return e->terms;
  Terms terms;
  if (d.value() != 0) terms[{}] = d.value();
  return terms;
}

Dim Dim::Symbol(std::string name) {
  auto e = std::make_shared<Expression>();
  e->terms[{std::move(name)}] = 1;
  return Dim(std::move(e));
}

std::string_view Dim::symbol() const {
  if (!expression_ || expression_->terms.size() != 1) return {};
  const auto& [monomial, coefficient] = *expression_->terms.begin();
  if (coefficient != 1 || monomial.size() != 1 || monomial[0].find('(') != std::string::npos) return {};
  return monomial[0];
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.known() != b.known()) return false;
  if (a.known()) return a.value_ == b.value_;
  return a.expression_ == b.expression_ || *a.expression_ == *b.expression_;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return CheckedAdd(a.value_, b.value_);
  auto e = std::make_shared<Dim::Expression>();
  e->terms = TermsOf(a, a.expression_.get());
  for (const auto& [monomial, c] : TermsOf(b, b.expression_.get())) AddTerm(e->terms, monomial, c);
  return Dim(std::move(e));
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return CheckedMul(a.value_, b.value_);
  if (a.known() && a.value_ == 1) return b;
  if (b.known() && b.value_ == 1) return a;
  auto e = std::make_shared<Dim::Expression>();
  for (const auto& [ma, ca] : TermsOf(a, a.expression_.get())) {
    for (const auto& [mb, cb] : TermsOf(b, b.expression_.get())) {
      std::vector<std::string> monomial = ma;
      monomial.insert(monomial.end(), mb.begin(), mb.end());
      std::sort(monomial.begin(), monomial.end());
      AddTerm(e->terms, std::move(monomial), CheckedMul(ca, cb));
    }
  }
  return Dim(std::move(e));
}

Dim operator-(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) {
    int64_t r;
    if (__builtin_sub_overflow(a.value_, b.value_, &r))
      throw Error(ErrorCode::kResourceLimit, "a dimension exceeds 64 bits");
    return r;
  }
  return a + b * Dim(-1);
}

Dim Dim::Atom(std::string_view function, const Dim& a, const Dim& b) {
  return Symbol(std::string(function) + "(" + a.ToString() + ", " + b.ToString() + ")");
}

Dim FloorDiv(const Dim& a, const Dim& b) {
  if (b.known() && b.value_ == 0) throw Error(ErrorCode::kInvalidModel, "a dimension is divided by zero");
  if (a.known() && b.known()) return FloorDivInt(a.value_, b.value_);
  if (b.known() && b.value_ == 1) return a;
  if (a == b) return 1;
  if (b.known()) {  // divide exactly where every coefficient allows it
    const Terms terms = TermsOf(a, a.expression_.get());
    if (std::all_of(terms.begin(), terms.end(), [&](const auto& t) { return t.second % b.value_ == 0; })) {
      auto e = std::make_shared<Dim::Expression>();
      for (const auto& [monomial, c] : terms) AddTerm(e->terms, monomial, c / b.value_);
      return Dim(std::move(e));
    }
  } else {  // cancel a single monomial
    const Terms divisor = TermsOf(b, b.expression_.get());
    if (divisor.size() == 1) {
      const auto& [dm, dc] = *divisor.begin();
      auto e = std::make_shared<Dim::Expression>();
      bool exact = true;
      for (const auto& [monomial, c] : TermsOf(a, a.expression_.get())) {
        std::vector<std::string> rest;
        std::set_difference(monomial.begin(), monomial.end(), dm.begin(), dm.end(), std::back_inserter(rest));
        exact = exact && c % dc == 0 && rest.size() + dm.size() == monomial.size();
        if (!exact) break;
        AddTerm(e->terms, std::move(rest), c / dc);
      }
      if (exact) return Dim(std::move(e));
    }
  }
  return Dim::Atom("floordiv", a, b);
}

Dim CeilDiv(const Dim& a, const Dim& b) {
  if (a.known() && b.known() && b.value_ != 0) return -FloorDivInt(-a.value_, b.value_);
  return FloorDiv(a + b - Dim(1), b);
}

Dim Min(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return std::min(a.value_, b.value_);
  if (a == b) return a;
  return a.ToString() < b.ToString() ? Dim::Atom("min", a, b) : Dim::Atom("min", b, a);
}

Dim Max(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return std::max(a.value_, b.value_);
  if (a == b) return a;
  return a.ToString() < b.ToString() ? Dim::Atom("max", a, b) : Dim::Atom("max", b, a);
}

std::string Dim::ToString() const {
  if (known()) return std::to_string(value_);
  std::string text;
  for (auto it = expression_->terms.rbegin(); it != expression_->terms.rend(); ++it) {  // constant term last
    const auto& [monomial, c] = *it;
    const int64_t magnitude = c < 0 && !text.empty() ? -c : c;
    if (!text.empty()) text += c < 0 ? " - " : " + ";
    std::string product;
    for (const std::string& atom : monomial) product += (product.empty() ? "" : "*") + atom;
    if (product.empty()) {
      text += std::to_string(magnitude);
    } else {
      text += (magnitude == 1 ? "" : magnitude == -1 ? "-" : std::to_string(magnitude) + "*") + product;
    }
  }
  return text;
}

}  // namespace onda
