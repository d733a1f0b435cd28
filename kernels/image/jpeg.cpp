// JPEG by libjpeg-turbo with its defaults, which the operator's specification names: accurate integer transform and
// fancy upsampling.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
// After what it needs and does not include itself.
#include <jpeglib.h>

#include "kernels/image/formats.h"

namespace onda::image {
namespace {

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
};

void Fail(j_common_ptr info) { std::longjmp(reinterpret_cast<ErrorManager*>(info->err)->jump, 1); }
void Quiet(j_common_ptr, int) {}
void QuietMessage(j_common_ptr) {}

// Reads the header: no object with a destructor lives here, so that a jump out of the library is safe.
bool Start(jpeg_decompress_struct* info, ErrorManager* errors, Bytes b) {
  info->err = jpeg_std_error(&errors->base);
  errors->base.error_exit = Fail;
  errors->base.emit_message = Quiet;
  errors->base.output_message = QuietMessage;
  if (setjmp(errors->jump)) return false;
  jpeg_create_decompress(info);
  jpeg_mem_src(info, b.data(), b.size());
  jpeg_read_header(info, TRUE);
  const bool four = info->num_components == 4;
  info->out_color_space = four ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(info);
  return true;
}

bool ReadRow(jpeg_decompress_struct* info, ErrorManager* errors, uint8_t* row) {
  if (setjmp(errors->jump)) return false;
  JSAMPROW rows[] = {row};
  return jpeg_read_scanlines(info, rows, 1) == 1;
}

// Adobe writes inverted inks.
void FromInks(const uint8_t* inks, bool inverted, int64_t width, uint8_t* rgb) {
  for (int64_t x = 0; x < width; ++x) {
    const int black = inverted ? inks[4 * x + 3] : 255 - inks[4 * x + 3];
    for (int c = 0; c < 3; ++c) {
      const int light = inverted ? inks[4 * x + c] : 255 - inks[4 * x + c];
      rgb[3 * x + c] = static_cast<uint8_t>((light * black + 127) / 255);
    }
  }
}

}  // namespace

std::optional<Image> DecodeJpeg(Bytes b) {
  if (b.size() < 3 || b[0] != 0xff || b[1] != 0xd8 || b[2] != 0xff) return {};
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  struct Guard {
    jpeg_decompress_struct* info;
    ~Guard() { jpeg_destroy_decompress(info); }
  } guard{&info};
  if (!Start(&info, &errors, b) || !Accepts(info.output_width, info.output_height)) return {};
  Image image(info.output_width, info.output_height);
  std::vector<uint8_t> inks(info.output_components == 4 ? 4 * size_t{info.output_width} : 0);
  for (int64_t y = 0; y < image.height; ++y) {
    if (!ReadRow(&info, &errors, inks.empty() ? image.row(y) : inks.data())) return {};
    if (!inks.empty()) FromInks(inks.data(), info.saw_Adobe_marker, image.width, image.row(y));
  }
  return image;
}

}  // namespace onda::image
