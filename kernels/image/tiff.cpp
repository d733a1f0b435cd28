// TIFF's first page by libtiff.
#include <tiffio.h>

#include <cstring>

#include "kernels/image/formats.h"

namespace onda::image {
namespace {

struct Source {
  Bytes bytes;
  uint64_t at;
};

tsize_t Read(thandle_t handle, tdata_t to, tsize_t count) {
  Source& s = *static_cast<Source*>(handle);
  if (s.at >= s.bytes.size() || count <= 0) return 0;
  const size_t n = std::min(static_cast<size_t>(count), static_cast<size_t>(s.bytes.size() - s.at));
  std::memcpy(to, s.bytes.data() + s.at, n);
  s.at += n;
  return static_cast<tsize_t>(n);
}
tsize_t Write(thandle_t, tdata_t, tsize_t) { return 0; }
toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  Source& s = *static_cast<Source*>(handle);
  s.at = offset + (whence == SEEK_CUR ? s.at : whence == SEEK_END ? s.bytes.size() : 0);
  return s.at;
}
int Close(thandle_t) { return 0; }
toff_t Size(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }
int Map(thandle_t, tdata_t*, toff_t*) { return 0; }
void Unmap(thandle_t, tdata_t, toff_t) {}

}  // namespace

std::optional<Image> DecodeTiff(Bytes b) {
  if (b.size() < 8 || (std::memcmp(b.data(), "II", 2) != 0 && std::memcmp(b.data(), "MM", 2) != 0)) return {};
  // The handlers belong to the process: they are silenced once.
  static const bool quiet = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    return true;
  }();
  (void)quiet;
  Source source{b, 0};
  TIFF* tiff = TIFFClientOpen("memory", "rm", &source, Read, Write, Seek, Close, Size, Map, Unmap);
  if (!tiff) return {};
  struct Guard {
    TIFF* tiff;
    ~Guard() { TIFFClose(tiff); }
  } guard{tiff};
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  if (!Accepts(width, height)) return {};
  std::vector<uint32_t> pixels(size_t{width} * height);
  if (!TIFFReadRGBAImageOriented(tiff, width, height, pixels.data(), ORIENTATION_TOPLEFT, 1)) return {};
  Image image(width, height);
  for (size_t i = 0; i < pixels.size(); ++i) {
    image.rgb[3 * i] = static_cast<uint8_t>(TIFFGetR(pixels[i]));
    image.rgb[3 * i + 1] = static_cast<uint8_t>(TIFFGetG(pixels[i]));
    image.rgb[3 * i + 2] = static_cast<uint8_t>(TIFFGetB(pixels[i]));
  }
  return image;
}

}  // namespace onda::image
