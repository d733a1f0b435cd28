#include "kernels/window/infer.h"

#include "core/ir/shape_math.h"

namespace onda::window {

Params Parse(const InferContext& c, size_t spatial_rank) {
  Params p(c.attributes());
  auto check = [&](const char* name, const std::vector<int64_t>& values, size_t count, int64_t least) {
    if (values.empty()) return;
    if (values.size() != count)
      c.Reject(std::string(name) + " has " + std::to_string(values.size()) + " entries where " + std::to_string(count) +
               " are needed");
    for (int64_t v : values)
      if (v < least || v > INT32_MAX) c.Reject(std::string(name) + " has an entry " + std::to_string(v));
  };
  check("kernel_shape", p.kernel, spatial_rank, 1);
  check("strides", p.strides, spatial_rank, 1);
  check("dilations", p.dilations, spatial_rank, 1);
  if (p.auto_pad == AutoPad::kNotSet) check("pads", p.pads, 2 * spatial_rank, 0);
  return p;
}

Dims OutputExtents(const InferContext& c, const Params& p, const Dims& in, const Dims& kernel) {
  Dims out;
  for (size_t i = 0; i < in.size(); ++i) {
    const Dim stride = p.stride(i);
    if (p.auto_pad == AutoPad::kSameUpper || p.auto_pad == AutoPad::kSameLower) {
      out.push_back(CeilDiv(in[i], stride));
      continue;
    }
    const bool padded = p.auto_pad == AutoPad::kNotSet && !p.pads.empty();
    const Dim begin = padded ? p.pads[i] : 0, end = padded ? p.pads[i + in.size()] : 0;
    const Dim room = in[i] + begin + end - ((kernel[i] - 1) * p.dilation(i) + 1);
    const bool ceil = p.ceil_mode && p.auto_pad == AutoPad::kNotSet;
    Dim n = (ceil ? CeilDiv(room, stride) : FloorDiv(room, stride)) + 1;
    if (ceil) n = Min(n, FloorDiv(in[i] + begin - 1, stride) + 1);
    if (n.known() && n.value() < 0)
      c.Reject("the window of spatial axis " + std::to_string(i) + " (" + kernel[i].ToString() + " dilated by " +
               std::to_string(p.dilation(i)) + ") does not fit into " + in[i].ToString() + " with its padding");
    out.push_back(n);
  }
  return out;
}

}  // namespace onda::window
