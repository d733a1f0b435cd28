#include <span>

#include "core/ir/op_def.h"

namespace onda::image {
namespace {

// A stream of bytes to (height, width, channels), channels last. What cannot be decoded gives an empty image.
void Infer(InferContext& c) {
  c.RequireRank(0, 1);
  const std::string format = c.attributes().String("pixel_format", "RGB");
  if (format != "RGB" && format != "BGR" && format != "Grayscale") c.Reject("unknown pixel_format '" + format + "'");
  c.SetOutput(0, DType::kUint8, Dims{c.FreshDim(), c.FreshDim(), format == "Grayscale" ? 1 : 3});
}

constexpr OpDef kOps[] = {
    {.name = "ImageDecoder", .infer = Infer},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::image
