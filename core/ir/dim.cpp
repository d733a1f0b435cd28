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

// Shape arithmetic can square an expression at every node of a model: what outgrows this is a symbol of its own, named
// after a hash of what it stands for, so that equal expressions stay equal.
constexpr size_t kMaxTerms = 64, kMaxFactors = 16, kMaxAtom = 512;

std::string HashName(const std::vector<std::string_view>& parts) {
  uint64_t first = 0xcbf29ce484222325, second = 0x9ae16a3b2f90404f;  // two sums of FNV-1a's form
  for (std::string_view part : parts) {
    for (const char c : part) {
      first = (first ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      second = (second ^ static_cast<unsigned char>(c)) * 0x9e3779b97f4a7c15;
    }
    first = (first ^ 0x1ff) * 0x100000001b3;  // ends a part
    second = (second ^ 0x1ff) * 0x9e3779b97f4a7c15;
  }
  std::string name = "_h";
  for (uint64_t half : {first, second})
    for (int shift = 60; shift >= 0; shift -= 4) name += "0123456789abcdef"[(half >> shift) & 15];
  return name;
}

bool TooLarge(const Terms& terms) {
  return terms.size() > kMaxTerms || std::any_of(terms.begin(), terms.end(), [](const auto& t) {
           return t.first.size() > kMaxFactors ||
                  std::any_of(t.first.begin(), t.first.end(), [](const auto& atom) { return atom.size() > kMaxAtom; });
         });
}

std::string HashName(const Terms& terms) {
  std::vector<std::string> numbers;
  numbers.reserve(terms.size());
  std::vector<std::string_view> parts;
  for (const auto& [monomial, c] : terms) {
    parts.push_back(numbers.emplace_back(std::to_string(c) + "*" + std::to_string(monomial.size())));
    for (const std::string& atom : monomial) parts.push_back(atom);
  }
  return HashName(parts);
}

// Exact where b divides a; nothing else may be asked of the rest.
bool Divides(int64_t b, int64_t a) { return b == -1 ? a != INT64_MIN : a % b == 0; }

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
  if (TooLarge(terms)) {
    auto symbol = std::make_shared<Expression>();
    symbol->terms[{HashName(terms)}] = 1;
    expression = std::move(symbol);
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
  Dim d;
  d.expression_ = std::move(e);  // as it is, however long a model's names are
  return d;
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
  std::string text = std::string(function) + "(" + a.ToString() + ", " + b.ToString() + ")";
  return Symbol(text.size() > kMaxAtom ? HashName(std::vector<std::string_view>{text}) : std::move(text));
}

Dim FloorDiv(const Dim& a, const Dim& b) {
  if (b.known() && b.value_ == 0) throw Error(ErrorCode::kInvalidModel, "a dimension is divided by zero");
  if (a.known() && b.known()) return FloorDivInt(a.value_, b.value_);
  if (b.known() && b.value_ == 1) return a;
  if (a == b) return 1;
  if (b.known()) {  // divide exactly where every coefficient allows it
    const Terms terms = TermsOf(a, a.expression_.get());
    if (std::all_of(terms.begin(), terms.end(), [&](const auto& t) { return Divides(b.value_, t.second); })) {
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
        exact = exact && Divides(dc, c) && rest.size() + dm.size() == monomial.size();
        if (!exact) break;
        AddTerm(e->terms, std::move(rest), c / dc);
      }
      if (exact) return Dim(std::move(e));
    }
  }
  return Dim::Atom("floordiv", a, b);
}

Dim CeilDiv(const Dim& a, const Dim& b) {
  if (a.known() && b.known() && b.value_ != 0) return CheckedMul(-1, FloorDivInt(CheckedMul(-1, a.value_), b.value_));
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
    std::string magnitude = std::to_string(c);
    if (c < 0 && !text.empty()) magnitude.erase(0, 1);
    if (!text.empty()) text += c < 0 ? " - " : " + ";
    std::string product;
    for (const std::string& atom : monomial) product += (product.empty() ? "" : "*") + atom;
    if (product.empty()) {
      text += magnitude;
    } else {
      text += (magnitude == "1" ? "" : magnitude == "-1" ? "-" : magnitude + "*") + product;
    }
  }
  return text;
}

}  // namespace onda
