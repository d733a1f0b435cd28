#include <span>

#include "kernels/case.h"

namespace onda::image {

std::span<const Case> Cases() {
  static const Case cases[] = {
      // Random bytes are no image.
      {"(uint8[100] x) => (uint8[0,0,3] y) { y = ImageDecoder(x) }", 0, 255},
      {"(uint8[0] x) => (uint8[0,0,1] y) { y = ImageDecoder<pixel_format = \"Grayscale\">(x) }"},
  };
  return cases;
}

}  // namespace onda::image
