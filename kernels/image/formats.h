// Decoders of image files in memory. Each gives nothing where the bytes are not an image of its format or are damaged,
// and throws kResourceLimit for images above kMaxPixels.
#ifndef ONDA_KERNELS_IMAGE_FORMATS_H_
#define ONDA_KERNELS_IMAGE_FORMATS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "onda/types.h"

namespace onda::image {

using Bytes = std::span<const uint8_t>;

// Rows from the top, three bytes (red, green, blue) a pixel.
struct Image {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> rgb;

  Image(int64_t w, int64_t h) : width(w), height(h), rgb(static_cast<size_t>(w * h * 3)) {}
  uint8_t* row(int64_t y) { return rgb.data() + y * width * 3; }
};

inline constexpr int64_t kMaxPixels = int64_t{1} << 27;

// Whether an image of that size may be decoded: false for nonsense.
inline bool Accepts(int64_t width, int64_t height) {
  if (width <= 0 || height <= 0) return false;
  if (width > kMaxPixels / height) throw Error(ErrorCode::kResourceLimit, "the image has more than 2^27 pixels");
  return true;
}

std::optional<Image> DecodeBmp(Bytes bytes);
std::optional<Image> DecodePnm(Bytes bytes);
std::optional<Image> DecodeJpeg(Bytes bytes);
std::optional<Image> DecodeJpeg2000(Bytes bytes);
std::optional<Image> DecodePng(Bytes bytes);
std::optional<Image> DecodeTiff(Bytes bytes);
std::optional<Image> DecodeWebp(Bytes bytes);

}  // namespace onda::image

#endif  // ONDA_KERNELS_IMAGE_FORMATS_H_
