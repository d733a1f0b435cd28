#include "kernels/image/formats.h"
#include "onda/provider.h"

namespace onda::image {
namespace {

class Decoder {
 public:
  explicit Decoder(const NodeView& node) : format_(node.attributes().String("pixel_format", "RGB")) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Bytes bytes(x.as<uint8_t>(), static_cast<size_t>(x.count()));
    std::optional<Image> image;
    for (auto* decode : {DecodePng, DecodeJpeg, DecodeWebp, DecodeBmp, DecodePnm, DecodeJpeg2000, DecodeTiff})
      if (!image) image = decode(bytes);
    const bool grey = format_ == "Grayscale", swap = format_ == "BGR";
    const int64_t dims[] = {image ? image->height : 0, image ? image->width : 0, grey ? 1 : 3};
    const TensorView y = args.AllocateOutput(0, dims);
    if (!image) return;
    uint8_t* const to = y.as<uint8_t>();
    const std::vector<uint8_t>& rgb = image->rgb;
    for (int64_t i = 0; i < dims[0] * dims[1]; ++i) {
      const uint32_t r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
      if (grey) {  // ITU-R 601-2 luma, in 16-bit fixed point
        to[i] = static_cast<uint8_t>((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);
      } else {
        to[3 * i] = static_cast<uint8_t>(swap ? b : r);
        to[3 * i + 1] = static_cast<uint8_t>(g);
        to[3 * i + 2] = static_cast<uint8_t>(swap ? r : b);
      }
    }
  }

 private:
  std::string format_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Decoder>("ImageDecoder"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::image
