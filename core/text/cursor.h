// A place in a text, and the tokens of ONNX's text syntax from there on.
#ifndef ONDA_CORE_TEXT_CURSOR_H_
#define ONDA_CORE_TEXT_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace onda::text {

enum class LiteralKind { kInt, kFloat, kString };

struct Literal {
  LiteralKind kind = LiteralKind::kInt;
  std::string text;  // of a string: its value
  size_t at = 0;
};

// Skips blanks and comments (from '#' to the end of the line) ahead of every token. What is wrong is thrown as
// kInvalidModel with line and column, what was expected and what stands there.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool AtEnd();
  // The next character, '\0' at the end.
  char Peek();
  bool Matches(char c);
  // The two characters in a row.
  void ExpectArrow();
  void Expect(char c);

  // The identifier that follows, "" where none does; not consumed.
  std::string_view PeekIdentifier();
  std::string Identifier(const char* what);
  // An identifier or a quoted string.
  std::string Name(const char* what);
  bool AtName();
  std::string QuotedString(const char* what);
  // Numbers (with "inf", "nan" and nan(0xBITS) in any case) and strings.
  Literal ReadLiteral(const char* what);
  int64_t Int(const char* what);
  // Whether "inf", "infinity" or "nan" follows.
  bool AtSpecialFloat();

  // Skips blanks and plain comments; true where a line "#@ ..." follows, whose rest is taken into *line.
  bool TakeNote(std::string_view* line);

  size_t position();
  // Characters from here to the end.
  size_t remaining() const { return text_.size() - next_; }
  [[noreturn]] void FailExpecting(const std::string& expected);
  [[noreturn]] void FailAt(size_t at, const std::string& cause) const;

 private:
  void Skip(bool stop_at_notes = false);
  std::string Found() const;

  std::string_view text_;
  size_t next_ = 0;
};

// Values of literals; bits of NaNs are kept. Throw where the literal is of another kind or out of range.
int64_t ToInt64(const Cursor& cursor, const Literal& literal);
uint64_t ToUint64(const Cursor& cursor, const Literal& literal);
float ToFloat(const Cursor& cursor, const Literal& literal);
double ToDouble(const Cursor& cursor, const Literal& literal);

// Whether the name can stand without quotes.
bool IsIdentifier(std::string_view name);

}  // namespace onda::text

#endif  // ONDA_CORE_TEXT_CURSOR_H_
