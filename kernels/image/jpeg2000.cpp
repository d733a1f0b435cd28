// JPEG 2000, as a file or a bare code stream, by OpenJPEG.
#include <openjpeg.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/image/formats.h"

namespace onda::image {
namespace {

struct Source {
  Bytes bytes;
  size_t at;
};

OPJ_SIZE_T Read(void* to, OPJ_SIZE_T count, void* user) {
  Source& s = *static_cast<Source*>(user);
  const size_t n = std::min<size_t>(count, s.bytes.size() - s.at);
  if (n == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(to, s.bytes.data() + s.at, n);
  s.at += n;
  return n;
}
OPJ_OFF_T Skip(OPJ_OFF_T count, void* user) {
  Source& s = *static_cast<Source*>(user);
  const OPJ_OFF_T n =
      std::clamp<OPJ_OFF_T>(count, -static_cast<OPJ_OFF_T>(s.at), static_cast<OPJ_OFF_T>(s.bytes.size() - s.at));
  s.at += n;
  return n;
}
OPJ_BOOL Seek(OPJ_OFF_T at, void* user) {
  Source& s = *static_cast<Source*>(user);
  if (at < 0 || static_cast<size_t>(at) > s.bytes.size()) return OPJ_FALSE;
  s.at = static_cast<size_t>(at);
  return OPJ_TRUE;
}

// A component's sample as 8 bits; components may be smaller than the image.
int Sample(const opj_image_comp_t& c, int64_t x, int64_t y) {
  const int64_t cx = std::min<int64_t>(x / c.dx, int64_t{c.w} - 1), cy = std::min<int64_t>(y / c.dy, int64_t{c.h} - 1);
  int64_t v = c.data[cy * c.w + cx];
  if (c.sgnd) v += int64_t{1} << (c.prec - 1);
  if (c.prec > 8) v >>= c.prec - 8;
  if (c.prec < 8) v = v * 255 / ((1 << c.prec) - 1);
  return static_cast<int>(std::clamp<int64_t>(v, 0, 255));
}

uint8_t Byte(double v) { return static_cast<uint8_t>(std::clamp(std::lround(v), 0L, 255L)); }

}  // namespace

std::optional<Image> DecodeJpeg2000(Bytes b) {
  constexpr uint8_t kFile[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '}, kStream[] = {0xff, 0x4f, 0xff, 0x51};
  const bool file = b.size() >= 12 && std::memcmp(b.data(), kFile, sizeof(kFile)) == 0;
  if (!file && (b.size() < 12 || std::memcmp(b.data(), kStream, sizeof(kStream)) != 0)) return {};
  Source source{b, 0};
  struct Handles {
    opj_codec_t* codec = nullptr;
    opj_stream_t* stream = nullptr;
    opj_image_t* image = nullptr;
    ~Handles() {
      if (image) opj_image_destroy(image);
      if (stream) opj_stream_destroy(stream);
      if (codec) opj_destroy_codec(codec);
    }
  } h;
  h.codec = opj_create_decompress(file ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
  h.stream = opj_stream_create(1 << 16, OPJ_TRUE);
  if (!h.codec || !h.stream) throw Error(ErrorCode::kOutOfMemory, "OpenJPEG");
  opj_stream_set_user_data(h.stream, &source, nullptr);
  opj_stream_set_user_data_length(h.stream, b.size());
  opj_stream_set_read_function(h.stream, Read);
  opj_stream_set_skip_function(h.stream, Skip);
  opj_stream_set_seek_function(h.stream, Seek);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!opj_setup_decoder(h.codec, &parameters) || !opj_read_header(h.stream, h.codec, &h.image)) return {};
  const int64_t width = int64_t{h.image->x1} - h.image->x0, height = int64_t{h.image->y1} - h.image->y0;
  if (!Accepts(width, height)) return {};
  if (!opj_decode(h.codec, h.stream, h.image) || !opj_end_decompress(h.codec, h.stream)) return {};
  const uint32_t count = h.image->numcomps;
  const bool color = count >= 3;
  for (uint32_t c = 0; c < (color ? 3u : 1u); ++c) {
    if (c >= count) return {};
    const opj_image_comp_t& part = h.image->comps[c];
    if (!part.data || part.w == 0 || part.h == 0 || part.dx == 0 || part.dy == 0 || part.prec == 0 || part.prec > 31)
      return {};
  }
  Image image(width, height);
  const bool luma = color && h.image->color_space == OPJ_CLRSPC_SYCC;
  for (int64_t y = 0; y < height; ++y) {
    uint8_t* out = image.row(y);
    for (int64_t x = 0; x < width; ++x, out += 3) {
      int v[3];
      for (int c = 0; c < 3; ++c) v[c] = Sample(h.image->comps[color ? c : 0], x, y);
      if (luma) {
        const double cb = v[1] - 128, cr = v[2] - 128;
        out[0] = Byte(v[0] + 1.402 * cr);
        out[1] = Byte(v[0] - 0.344 * cb - 0.714 * cr);
        out[2] = Byte(v[0] + 1.772 * cb);
      } else {
        for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(v[c]);
      }
    }
  }
  return image;
}

}  // namespace onda::image
