#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/cast/cast.h"
#include "onda/float_formats.h"

namespace onda::cast {
namespace {

// Digits of |value| without a point, and the decimal exponent of the first: value = d.ddd * 10^exponent.
struct Decimal {
  std::string digits;
  int exponent = 0;
};

Decimal FromScientific(const char* begin, const char* end) {
  Decimal d;
  const char* p = begin;
  for (; p < end && *p != 'e'; ++p)
    if (*p >= '0' && *p <= '9') d.digits += *p;
  if (p < end) d.exponent = std::atoi(std::string(p + 1, end).c_str());
  while (d.digits.size() > 1 && d.digits.back() == '0') d.digits.pop_back();
  return d;
}

Decimal ShortestDigits(DType type, double magnitude) {
  char text[64];
  if (type == DType::kDouble) {
    const auto r = std::to_chars(text, text + sizeof(text), magnitude, std::chars_format::scientific);
    return FromScientific(text, r.ptr);
  }
  const SmallFloat* format = SmallFloatOf(type);
  if (!format) {
    const auto r =
        std::to_chars(text, text + sizeof(text), static_cast<float>(magnitude), std::chars_format::scientific);
    return FromScientific(text, r.ptr);
  }
  const uint32_t pattern = EncodeSmallFloat(*format, magnitude, true);
  for (int precision = 0; precision < 12; ++precision) {
    const auto r = std::to_chars(text, text + sizeof(text), magnitude, std::chars_format::scientific, precision);
    double back = 0;
    std::from_chars(text, r.ptr, back);
    if (precision == 11 || EncodeSmallFloat(*format, back, true) == pattern) return FromScientific(text, r.ptr);
  }
  return {};
}

// Without blanks around it and without a leading plus.
std::string_view Trimmed(const std::string& text) {
  std::string_view s = text;
  auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  if (s.size() > 1 && s[0] == '+' && s[1] != '-' && s[1] != '+') s.remove_prefix(1);
  return s;
}

bool EqualsFolded(std::string_view s, std::string_view lower) {
  if (s.size() != lower.size()) return false;
  for (size_t i = 0; i < s.size(); ++i) {
    const char c = s[i] >= 'A' && s[i] <= 'Z' ? static_cast<char>(s[i] - 'A' + 'a') : s[i];
    if (c != lower[i]) return false;
  }
  return true;
}

[[noreturn]] void NotANumber(const std::string& text) {
  throw Error(ErrorCode::kRuntime, "'" + text.substr(0, 100) + "' is not a number");
}

}  // namespace

std::string FormatReal(DType type, double value) {
  if (std::isnan(value)) return "nan";
  const std::string sign = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return sign + "inf";
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return sign + "0.0";
  const Decimal d = ShortestDigits(type, magnitude);
  const int count = static_cast<int>(d.digits.size());
  // From where on integers have more digits than the type keeps.
  const double large = type == DType::kDouble ? 1e16 : type == DType::kFloat ? 1e6 : 1e3;
  if (magnitude < 1e-4 || magnitude >= large) {
    char exponent[16];
    std::snprintf(exponent, sizeof(exponent), "e%+03d", d.exponent);
    return sign + d.digits[0] + (count > 1 ? "." + d.digits.substr(1) : "") + exponent;
  }
  if (d.exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-d.exponent - 1), '0') + d.digits;
  if (d.exponent >= count - 1)
    return sign + d.digits + std::string(static_cast<size_t>(d.exponent - count + 1), '0') + ".0";
  return sign + d.digits.substr(0, static_cast<size_t>(d.exponent + 1)) + "." +
         d.digits.substr(static_cast<size_t>(d.exponent + 1));
}

double ParseReal(const std::string& text) {
  const std::string_view s = Trimmed(text);
  double value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error == std::errc::result_out_of_range && end == s.data() + s.size())
    return std::strtod(std::string(s).c_str(), nullptr);  // 0 or infinity with its sign
  if (error != std::errc() || end != s.data() + s.size() || s.empty()) NotANumber(text);
  return value;
}

int64_t ParseInteger(const std::string& text) {
  const std::string_view s = Trimmed(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error == std::errc() && end == s.data() + s.size()) return value;
  uint64_t natural = 0;
  const auto [natural_end, natural_error] = std::from_chars(s.data(), s.data() + s.size(), natural);
  if (natural_error == std::errc() && natural_end == s.data() + s.size()) return static_cast<int64_t>(natural);
  const double real = ParseReal(text);
  if (!(std::fabs(real) < 0x1p63)) throw Error(ErrorCode::kRuntime, "'" + text.substr(0, 100) + "' is not an integer");
  return static_cast<int64_t>(real);
}

bool ParseBool(const std::string& text) {
  const std::string_view s = Trimmed(text);
  if (EqualsFolded(s, "true")) return true;
  if (EqualsFolded(s, "false")) return false;
  return ParseReal(text) != 0;
}

}  // namespace onda::cast
