// PNG by libpng: palettes and low depths are expanded, 16 bits cut to 8, alpha is dropped, gamma is left alone.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "kernels/image/formats.h"

namespace onda::image {
namespace {

struct Source {
  Bytes bytes;
  size_t at;
};

void Read(png_structp png, png_bytep to, png_size_t count) {
  Source& s = *static_cast<Source*>(png_get_io_ptr(png));
  if (count > s.bytes.size() - s.at) png_error(png, "truncated");
  std::memcpy(to, s.bytes.data() + s.at, count);
  s.at += count;
}
void Fail(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void Quiet(png_structp, png_const_charp) {}

// No object with a destructor lives in these two, so that a jump out of the library is safe.
bool Start(png_structp png, png_infop info, Source* source) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, source, Read);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return png_get_channels(png, info) == 3 && png_get_bit_depth(png, info) == 8;
}
bool ReadRows(png_structp png, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_read_image(png, rows);
  return true;
}

}  // namespace

std::optional<Image> DecodePng(Bytes b) {
  if (b.size() < 8 || png_sig_cmp(b.data(), 0, 8) != 0) return {};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, Fail, Quiet);
  if (!png) throw Error(ErrorCode::kOutOfMemory, "libpng");
  png_infop info = png_create_info_struct(png);
  struct Guard {
    png_structpp png;
    png_infopp info;
    ~Guard() { png_destroy_read_struct(png, info, nullptr); }
  } guard{&png, &info};
  Source source{b, 0};
  if (!info || !Start(png, info, &source)) return {};
  const int64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  if (!Accepts(width, height)) return {};
  Image image(width, height);
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (int64_t y = 0; y < height; ++y) rows[y] = image.row(y);
  if (!ReadRows(png, rows.data())) return {};
  return image;
}

}  // namespace onda::image
