// WebP, lossy and lossless, by libwebp.
#include <webp/decode.h>

#include "kernels/image/formats.h"

namespace onda::image {

std::optional<Image> DecodeWebp(Bytes b) {
  int width = 0, height = 0;
  if (!WebPGetInfo(b.data(), b.size(), &width, &height) || !Accepts(width, height)) return {};
  Image image(width, height);
  if (!WebPDecodeRGBInto(b.data(), b.size(), image.rgb.data(), image.rgb.size(), 3 * width)) return {};
  return image;
}

}  // namespace onda::image
