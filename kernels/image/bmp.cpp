// Windows bitmaps: 1, 4, 8 bits with a palette, 16, 24 and 32 bits, uncompressed, in either row order.
#include <algorithm>
#include <bit>

#include "kernels/image/formats.h"

namespace onda::image {
namespace {

uint32_t Read(Bytes b, size_t at, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= static_cast<uint32_t>(b[at + i]) << (8 * i);
  return value;
}

// The channel that a mask picks, scaled to 8 bits.
uint8_t Channel(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t most = mask >> shift;
  return static_cast<uint8_t>((((pixel & mask) >> shift) * uint64_t{255} + most / 2) / most);
}

}  // namespace

std::optional<Image> DecodeBmp(Bytes b) {
  if (b.size() < 54 || b[0] != 'B' || b[1] != 'M') return {};
  const uint64_t pixels = Read(b, 10, 4), header = Read(b, 14, 4);
  if (header < 40 || header > 1024 || 14 + header > b.size()) return {};
  const int64_t width = static_cast<int32_t>(Read(b, 18, 4)), signed_height = static_cast<int32_t>(Read(b, 22, 4));
  const int64_t height = signed_height < 0 ? -signed_height : signed_height;
  const int bits = static_cast<int>(Read(b, 28, 2));
  const uint32_t compression = Read(b, 30, 4);
  if (!Accepts(width, height)) return {};
  uint32_t red = 0xff0000, green = 0xff00, blue = 0xff;
  if (bits == 16) red = 0x7c00, green = 0x3e0, blue = 0x1f;
  if (compression == 3 || compression == 6) {  // masks follow the first 40 bytes of the header
    if (b.size() < 66 || (bits != 16 && bits != 32)) return {};
    red = Read(b, 54, 4), green = Read(b, 58, 4), blue = Read(b, 62, 4);
  } else if (compression != 0) {
    return {};
  }
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) return {};
  const uint64_t stride = (static_cast<uint64_t>(width) * bits + 31) / 32 * 4;
  if (pixels > b.size() || stride * static_cast<uint64_t>(height) > b.size() - pixels) return {};
  const size_t palette = 14 + header;
  const uint64_t colors = bits > 8 ? 0 : (b.size() - palette) / 4;

  Image image(width, height);
  for (int64_t y = 0; y < height; ++y) {
    const size_t row = pixels + stride * static_cast<size_t>(signed_height < 0 ? y : height - 1 - y);
    uint8_t* out = image.row(y);
    for (int64_t x = 0; x < width; ++x, out += 3) {
      if (bits <= 8) {
        const size_t bit = static_cast<size_t>(x) * bits;
        const uint32_t index = (b[row + bit / 8] >> (8 - bits - bit % 8)) & ((1u << bits) - 1);
        if (index >= colors) return {};
        for (int c = 0; c < 3; ++c) out[c] = b[palette + 4 * index + 2 - c];
      } else if (bits == 24) {
        for (int c = 0; c < 3; ++c) out[c] = b[row + 3 * x + 2 - c];
      } else {
        const uint32_t pixel = Read(b, row + x * (bits / 8), bits / 8);
        out[0] = Channel(pixel, red), out[1] = Channel(pixel, green), out[2] = Channel(pixel, blue);
      }
    }
  }
  return image;
}

}  // namespace onda::image
