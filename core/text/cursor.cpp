#include "core/text/cursor.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "onda/types.h"

namespace onda::text {
namespace {

// Independent of the locale.
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool StartsIdentifier(char c) { return IsAlpha(c) || c == '_'; }
bool ContinuesIdentifier(char c) { return StartsIdentifier(c) || IsDigit(c); }

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

bool IsSpecialFloat(std::string_view word) {
  return EqualsIgnoringCase(word, "inf") || EqualsIgnoringCase(word, "infinity") || EqualsIgnoringCase(word, "nan");
}

}  // namespace

bool IsIdentifier(std::string_view name) {
  if (name.empty() || !StartsIdentifier(name[0])) return false;
  for (char c : name)
    if (!ContinuesIdentifier(c)) return false;
  return true;
}

void Cursor::Skip(bool stop_at_notes) {
  while (next_ < text_.size()) {
    if (IsBlank(text_[next_])) {
      ++next_;
    } else if (text_[next_] == '#' && !(stop_at_notes && text_.substr(next_, 2) == "#@")) {
      next_ = std::min(text_.find('\n', next_), text_.size());
    } else {
      return;
    }
  }
}

bool Cursor::TakeNote(std::string_view* line) {
  Skip(true);
  if (text_.substr(next_, 2) != "#@") return false;
  const size_t end = std::min(text_.find('\n', next_), text_.size());
  *line = text_.substr(next_ + 2, end - next_ - 2);
  next_ = end;
  return true;
}

bool Cursor::AtEnd() {
  Skip();
  return next_ >= text_.size();
}

char Cursor::Peek() { return AtEnd() ? '\0' : text_[next_]; }

size_t Cursor::position() {
  Skip();
  return next_;
}

bool Cursor::Matches(char c) {
  // What does not match is not passed, notes ahead of it included.
  const size_t start = next_;
  if (AtEnd() || text_[next_] != c) {
    next_ = start;
    return false;
  }
  ++next_;
  return true;
}

void Cursor::Expect(char c) {
  if (!Matches(c)) FailExpecting(std::string("'") + c + "'");
}

void Cursor::ExpectArrow() {
  Skip();
  if (text_.substr(next_, 2) != "=>") FailExpecting("'=>'");
  next_ += 2;
}

std::string_view Cursor::PeekIdentifier() {
  Skip();
  size_t end = next_;
  if (end < text_.size() && StartsIdentifier(text_[end]))
    while (end < text_.size() && ContinuesIdentifier(text_[end])) ++end;
  return text_.substr(next_, end - next_);
}

std::string Cursor::Identifier(const char* what) {
  const std::string_view id = PeekIdentifier();
  if (id.empty()) FailExpecting(what);
  next_ += id.size();
  return std::string(id);
}

bool Cursor::AtName() {
  const char c = Peek();
  return StartsIdentifier(c) || c == '"';
}

std::string Cursor::Name(const char* what) { return Peek() == '"' ? QuotedString(what) : Identifier(what); }

std::string Cursor::QuotedString(const char* what) {
  if (Peek() != '"') FailExpecting(what);
  const size_t from = next_++;
  std::string value;
  while (next_ < text_.size() && text_[next_] != '"') {
    if (text_[next_] == '\\') ++next_;  // stands for the character behind it, whatever that is
    if (next_ < text_.size()) value += text_[next_++];
  }
  if (next_ >= text_.size()) FailAt(from, "the string that starts here has no closing '\"'");
  ++next_;
  return value;
}

bool Cursor::AtSpecialFloat() { return IsSpecialFloat(PeekIdentifier()); }

Literal Cursor::ReadLiteral(const char* what) {
  const char first = Peek();
  Literal literal;
  literal.at = next_;
  if (first == '"') {
    literal.kind = LiteralKind::kString;
    literal.text = QuotedString(what);
    return literal;
  }
  size_t end = next_ + (first == '-');
  const auto at = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  const auto digits = [&] {
    const size_t from = end;
    while (IsDigit(at(end))) ++end;
    return end > from;
  };
  if (StartsIdentifier(at(end))) {
    const size_t word = end;
    while (ContinuesIdentifier(at(end))) ++end;
    if (!IsSpecialFloat(text_.substr(word, end - word))) FailExpecting(what);
    literal.kind = LiteralKind::kFloat;
    if (at(end) == '(') {
      const size_t close = text_.find(')', end);
      if (close == std::string_view::npos) FailAt(end, "expected nan(0xBITS)");
      end = close + 1;
    }
  } else {
    if (!digits()) FailExpecting(what);
    if (at(end) == '.') {
      literal.kind = LiteralKind::kFloat;
      ++end;
      digits();
    }
    if (at(end) == 'e' || at(end) == 'E') {
      literal.kind = LiteralKind::kFloat;
      ++end;
      if (at(end) == '+' || at(end) == '-') ++end;
      if (!digits()) FailAt(end, "expected the digits of an exponent");
    }
    if (ContinuesIdentifier(at(end))) FailAt(end, "unexpected letter in a number");
  }
  literal.text = std::string(text_.substr(next_, end - next_));
  next_ = end;
  return literal;
}

int64_t Cursor::Int(const char* what) {
  const Literal literal = ReadLiteral(what);
  if (literal.kind != LiteralKind::kInt) FailAt(literal.at, std::string("expected ") + what);
  return ToInt64(*this, literal);
}

std::string Cursor::Found() const {
  if (next_ >= text_.size()) return "the text ends";
  size_t end = next_ + 1;
  if (ContinuesIdentifier(text_[next_]))
    while (end < text_.size() && end < next_ + 40 && ContinuesIdentifier(text_[end])) ++end;
  return "there is '" + std::string(text_.substr(next_, end - next_)) + "'";
}

void Cursor::FailExpecting(const std::string& expected) {
  Skip();
  FailAt(next_, "expected " + expected + ", but " + Found());
}

void Cursor::FailAt(size_t at, const std::string& cause) const {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < at && i < text_.size(); ++i) {
    ++column;
    if (text_[i] == '\n') {
      ++line;
      column = 1;
    }
  }
  throw Error(ErrorCode::kInvalidModel,
              "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + cause);
}

namespace {

template <class T>
T ToInteger(const Cursor& cursor, const Literal& literal) {
  T value{};
  const char* end = literal.text.data() + literal.text.size();
  const auto [stop, error] = std::from_chars(literal.text.data(), end, value);
  if (literal.kind != LiteralKind::kInt) cursor.FailAt(literal.at, "expected an integer");
  if (error != std::errc() || stop != end)
    cursor.FailAt(literal.at, "the integer " + literal.text + " is out of range");
  return value;
}

// Numbers too large or too small for the type become infinity and zero, as they do everywhere.
template <class T, class Bits>
T ToReal(const Cursor& cursor, const Literal& literal) {
  if (literal.kind == LiteralKind::kString) cursor.FailAt(literal.at, "expected a number");
  const char* begin = literal.text.data();
  const char* end = begin + literal.text.size();
  const bool negative = *begin == '-';
  if (const size_t open = literal.text.find('('); open != std::string::npos) {
    Bits bits{};
    const std::string_view inside(begin + open + 1, literal.text.size() - open - 2);
    const auto [stop, error] = std::from_chars(inside.data() + 2, inside.data() + inside.size(), bits, 16);
    if (inside.substr(0, 2) != "0x" || error != std::errc() || stop != inside.data() + inside.size() ||
        !std::isnan(std::bit_cast<T>(bits))) {
      cursor.FailAt(literal.at, "expected nan(0xBITS) with the bits of a NaN of the type");
    }
    return std::bit_cast<T>(bits);
  }
  T value{};
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::result_out_of_range) {
    // Large or small: the exponent's sign says which, and a number without one is small only if it starts with "0.".
    const size_t e = literal.text.find_first_of("eE");
    const bool small = e != std::string::npos ? literal.text[e + 1] == '-' : literal.text.find("0.") <= 1;
    value = small ? T{0} : std::numeric_limits<T>::infinity();
    return negative ? -value : value;
  }
  if (error != std::errc() || stop != end) cursor.FailAt(literal.at, "'" + literal.text + "' is not a number");
  return value;
}

}  // namespace

int64_t ToInt64(const Cursor& cursor, const Literal& literal) { return ToInteger<int64_t>(cursor, literal); }
uint64_t ToUint64(const Cursor& cursor, const Literal& literal) { return ToInteger<uint64_t>(cursor, literal); }
float ToFloat(const Cursor& cursor, const Literal& literal) { return ToReal<float, uint32_t>(cursor, literal); }
double ToDouble(const Cursor& cursor, const Literal& literal) { return ToReal<double, uint64_t>(cursor, literal); }

}  // namespace onda::text
