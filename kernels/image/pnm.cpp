// Portable bitmaps, graymaps and pixmaps, plain (P1 to P3) and raw (P4 to P6).
#include "kernels/image/formats.h"

namespace onda::image {
namespace {

class Reader {
 public:
  explicit Reader(Bytes b) : b_(b), at_(2) {}
  // The next number, behind white space and comments; -1 where there is none.
  int64_t Number(bool one_digit = false) {
    while (at_ < b_.size() && (IsSpace(b_[at_]) || b_[at_] == '#')) {
      if (b_[at_] == '#')
        while (at_ < b_.size() && b_[at_] != '\n') ++at_;
      else
        ++at_;
    }
    if (at_ == b_.size() || !IsDigit(b_[at_])) return -1;
    int64_t value = 0;
    do value = value * 10 + (b_[at_++] - '0');
    while (!one_digit && at_ < b_.size() && IsDigit(b_[at_]) && value < (int64_t{1} << 40));
    return value;
  }
  // What follows one byte of white space.
  Bytes Rest() const { return b_.subspan(at_ < b_.size() ? at_ + 1 : at_); }

 private:
  static bool IsSpace(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static bool IsDigit(uint8_t c) { return c >= '0' && c <= '9'; }
  Bytes b_;
  size_t at_;
};

}  // namespace

std::optional<Image> DecodePnm(Bytes b) {
  if (b.size() < 3 || b[0] != 'P' || b[1] < '1' || b[1] > '6') return {};
  const bool raw = b[1] >= '4', bitmap = b[1] == '1' || b[1] == '4', color = b[1] == '3' || b[1] == '6';
  Reader reader(b);
  const int64_t width = reader.Number(), height = reader.Number(), most = bitmap ? 1 : reader.Number();
  if (!Accepts(width, height) || most < 1 || most > 65535) return {};
  const int64_t channels = color ? 3 : 1, size = most > 255 ? 2 : 1;
  const Bytes rest = reader.Rest();
  const int64_t stride = bitmap ? (width + 7) / 8 : width * channels * size;
  if (raw && stride * height > static_cast<int64_t>(rest.size())) return {};
  if (!raw && width * height * channels > static_cast<int64_t>(b.size())) return {};

  Image image(width, height);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t i = 0; i < width * channels; ++i) {
      int64_t value;
      if (!raw) {
        value = reader.Number(bitmap);
      } else if (bitmap) {
        value = rest[y * stride + i / 8] >> (7 - i % 8) & 1;
      } else if (size == 2) {
        value = rest[y * stride + 2 * i] << 8 | rest[y * stride + 2 * i + 1];
      } else {
        value = rest[y * stride + i];
      }
      if (value < 0 || value > most) return {};
      if (bitmap) value = 1 - value;  // 1 is black
      const uint8_t byte = static_cast<uint8_t>((value * 255 + most / 2) / most);
      uint8_t* const out = image.row(y) + (color ? i : 3 * i);
      out[0] = byte;
      if (!color) out[1] = out[2] = byte;
    }
  }
  return image;
}

}  // namespace onda::image
