#include "cli/data/picture.h"

#include <cstdio>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstring>

#include "cli/data/file.h"
#include "onda/float_formats.h"

namespace onda::cli {
namespace {

[[noreturn]] void Reject(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "'" + path + "': " + why);
}

constexpr int64_t kMaxPixels = int64_t{1} << 28;

// Red, green, blue, alpha of every pixel, row by row.
struct Pixels {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> rgba;
};

Pixels ReadPng(const std::string& bytes, const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) Reject(path, image.message);
  Pixels pixels{image.width, image.height, {}};
  if (pixels.width * pixels.height > kMaxPixels) {
    png_image_free(&image);
    Reject(path, "the picture is too large");
  }
  image.format = PNG_FORMAT_RGBA;
  pixels.rgba.resize(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, pixels.rgba.data(), 0, nullptr)) {
    const std::string message = image.message;
    png_image_free(&image);
    Reject(path, message);
  }
  return pixels;
}

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void JpegFailed(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// libjpeg reports errors by jumping: nothing with a destructor may live in here. "" where all went well.
const char* DecodeJpeg(const std::string& bytes, JpegErrors* errors, int* width, int* height, uint8_t** rgb) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors->base);
  errors->base.error_exit = JpegFailed;
  errors->base.emit_message = [](j_common_ptr, int) {};
  if (setjmp(errors->jump)) {
    jpeg_destroy_decompress(&info);
    return errors->message;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  if (int64_t{info.image_width} * info.image_height > kMaxPixels) {
    jpeg_destroy_decompress(&info);
    return "the picture is too large";
  }
  jpeg_start_decompress(&info);
  *width = static_cast<int>(info.output_width);
  *height = static_cast<int>(info.output_height);
  *rgb = static_cast<uint8_t*>(std::malloc(size_t{3} * info.output_width * info.output_height));
  while (*rgb && info.output_scanline < info.output_height) {
    JSAMPROW row = *rgb + size_t{3} * info.output_width * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return *rgb ? "" : "out of memory";
}

Pixels ReadJpeg(const std::string& bytes, const std::string& path) {
  JpegErrors errors;
  int width = 0, height = 0;
  uint8_t* rgb = nullptr;
  const std::string message = DecodeJpeg(bytes, &errors, &width, &height, &rgb);
  if (!message.empty()) {
    std::free(rgb);
    Reject(path, message);
  }
  Pixels pixels{width, height, {}};
  pixels.rgba.resize(size_t{4} * width * height);
  for (int64_t i = 0; i < int64_t{width} * height; ++i) {
    std::memcpy(&pixels.rgba[4 * i], rgb + 3 * i, 3);
    pixels.rgba[4 * i + 3] = 255;
  }
  std::free(rgb);
  return pixels;
}

// Weights of the source positions that make up position `to` of `size` positions that `from` ones are resized to: the
// triangle filter, as wide as a target pixel where that is wider than a source pixel.
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;
};

Taps TapsOf(int64_t to, int64_t size, int64_t from) {
  const double ratio = static_cast<double>(from) / static_cast<double>(size), width = std::max(1.0, ratio);
  const double centre = (static_cast<double>(to) + 0.5) * ratio - 0.5;
  Taps taps;
  taps.first = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(centre - width)), 0, from - 1);
  const int64_t last = std::clamp<int64_t>(static_cast<int64_t>(std::floor(centre + width)), taps.first, from - 1);
  double sum = 0;
  for (int64_t i = taps.first; i <= last; ++i) {
    taps.weights.push_back(std::max(0.0, 1 - std::fabs(static_cast<double>(i) - centre) / width));
    sum += taps.weights.back();
  }
  if (sum == 0) {
    taps.weights.assign(1, 1.0);
    sum = 1;
  }
  for (double& weight : taps.weights) weight /= sum;
  return taps;
}

// values: [height, width, 4].
std::vector<double> Resize(const Pixels& pixels, int64_t height, int64_t width) {
  std::vector<double> rows(static_cast<size_t>(pixels.height * width * 4));
  for (int64_t x = 0; x < width; ++x) {
    const Taps taps = TapsOf(x, width, pixels.width);
    for (int64_t y = 0; y < pixels.height; ++y) {
      for (int64_t c = 0; c < 4; ++c) {
        double sum = 0;
        for (size_t k = 0; k < taps.weights.size(); ++k) {
          sum += taps.weights[k] * pixels.rgba[4 * (y * pixels.width + taps.first + static_cast<int64_t>(k)) + c];
        }
        rows[4 * (y * width + x) + c] = sum;
      }
    }
  }
  std::vector<double> values(static_cast<size_t>(height * width * 4));
  for (int64_t y = 0; y < height; ++y) {
    const Taps taps = TapsOf(y, height, pixels.height);
    for (int64_t i = 0; i < 4 * width; ++i) {
      double sum = 0;
      for (size_t k = 0; k < taps.weights.size(); ++k) {
        sum += taps.weights[k] * rows[4 * (taps.first + static_cast<int64_t>(k)) * width + i];
      }
      values[4 * y * width + i] = sum;
    }
  }
  return values;
}

bool IsChannels(int64_t dim) { return dim == 1 || dim == 3 || dim == 4; }

double Channel(const std::vector<double>& values, int64_t channel, double otherwise) {
  if (values.empty()) return otherwise;
  return values.size() == 1 ? values[0] : values[static_cast<size_t>(channel)];
}

}  // namespace

Data ReadPicture(const std::string& path, const Type& type, const PictureOptions& options, bool* resized) {
  const std::string bytes = ReadFile(path);
  const bool png = bytes.starts_with("\x89PNG"), jpeg = bytes.starts_with("\xff\xd8");
  if (!png && !jpeg) Reject(path, "neither a PNG nor a JPEG file");
  const std::string declared = ToString(type);
  const size_t rank = type.dims.size();
  const bool batched = rank == 4;
  if (type.kind != Kind::kTensor || !type.has_rank || rank < 2 || rank > 4 || (batched && type.dims[0] > 1) ||
      type.dtype == DType::kString || IsComplex(type.dtype)) {
    Reject(path, "a picture does not fit an input of type " + declared);
  }
  size_t channel_at = rank, row_at = batched ? 1 : 0;
  int64_t channels = 1;
  if (rank > 2) {
    const size_t first = batched ? 1 : 0;
    channel_at = IsChannels(type.dims[first]) || !IsChannels(type.dims[rank - 1]) ? first : rank - 1;
    channels = type.dims[channel_at] < 0 ? 3 : type.dims[channel_at];
    if (!IsChannels(channels)) Reject(path, "a picture does not fit an input of type " + declared);
    row_at = channel_at == first ? first + 1 : first;
  }
  for (const std::vector<double>* list : {&options.mean, &options.std}) {
    if (list->size() > 1 && static_cast<int64_t>(list->size()) != channels) {
      throw Error(ErrorCode::kInvalidArgument,
                  "mean and std take one number, or one per channel (" + std::to_string(channels) + ")");
    }
  }

  const Pixels pixels = png ? ReadPng(bytes, path) : ReadJpeg(bytes, path);
  std::vector<int64_t> dims = type.dims;
  if (batched) dims[0] = 1;
  if (channel_at < rank) dims[channel_at] = channels;
  if (dims[row_at] < 0) dims[row_at] = pixels.height;
  if (dims[row_at + 1] < 0) dims[row_at + 1] = pixels.width;
  const int64_t height = dims[row_at], width = dims[row_at + 1];
  *resized = height != pixels.height || width != pixels.width;
  if (height * width > kMaxPixels || pixels.width == 0 || pixels.height == 0) Reject(path, "the picture is too large");
  const std::vector<double> values =
      *resized ? Resize(pixels, height, width) : std::vector<double>(pixels.rgba.begin(), pixels.rgba.end());

  Data tensor = Data::Tensor(type.dtype, dims);
  const bool integer = IsInteger(type.dtype) || type.dtype == DType::kBool;
  const bool channels_last = channel_at < rank && channel_at > row_at;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const double* pixel = &values[4 * (y * width + x)];
      for (int64_t c = 0; c < channels; ++c) {
        double value = channels == 1 ? 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
                                     : pixel[options.bgr && c < 3 ? 2 - c : c];
        value = integer ? std::nearbyint(value)
                        : (value * options.scale - Channel(options.mean, c, 0)) / Channel(options.std, c, 1);
        const int64_t at = channels_last ? (y * width + x) * channels + c : (c * height + y) * width + x;
        StoreDouble(type.dtype, tensor.bytes.data(), at, value);
      }
    }
  }
  return tensor;
}

}  // namespace onda::cli
