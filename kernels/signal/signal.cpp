#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::signal {
namespace {

// Before version 20 the axis was an attribute, of another default.
void UpgradeDft(RewriteContext& c) {
  if (c.version() >= 20) return;
  const int64_t axis = c.attributes().Int("axis", 1);
  c.node().attributes.Remove("axis");
  c.SetInput(2, c.Constant(Tensor::Int64(axis)));
}

// The only element of integer input i, if known.
std::optional<Dim> Scalar(InferContext& c, size_t i) {
  const std::optional<Dims> content = c.Content(i);
  const bool many = c.input(i).static_shape() && CountOf(c.input(i).static_dims()) != 1;
  if (!content && !many) return {};
  if (many || content->size() != 1) c.Reject("input " + std::to_string(i) + " must be a scalar");
  return (*content)[0];
}

// [..., n, ..., 1 or 2] -> [..., dft_length or its half, ..., 2 or 1].
void InferDft(InferContext& c) {
  const DType dtype = c.dtype(0);
  const bool inverse = c.attributes().Int("inverse", 0) != 0, onesided = c.attributes().Int("onesided", 0) != 0;
  if (!c.has_rank(0)) return c.SetOutput(0, dtype, std::nullopt);
  Dims dims = *c.shape(0);
  const int rank = c.input(0).rank();
  if (rank < 2) c.Reject("the input must have rank 2 or more");
  if (dims.back().known() && dims.back().value() != 1 && dims.back().value() != 2) {
    c.Reject("the last dimension must be 1 (real) or 2 (complex)");
  }
  if (onesided && dims.back() == Dim(inverse ? 1 : 2)) {
    c.Reject(inverse ? "the inverse of a one-sided DFT needs complex numbers" : "a one-sided DFT needs real numbers");
  }
  dims.back() = inverse && onesided ? 1 : 2;
  std::optional<Dim> axis_value = c.has_input(2) ? Scalar(c, 2) : Dim(-2);
  if (!axis_value || !axis_value->known()) {
    if (onesided || c.has_input(1)) {
      for (int i = 0; i + 1 < rank; ++i) dims[i] = c.FreshDim();
    }
    return c.SetOutput(0, dtype, std::move(dims));
  }
  const int axis = NormalizeAxis(c, axis_value->value(), rank);
  if (axis == rank - 1) c.Reject("the axis must not be the last, which holds real and imaginary parts");
  Dim length = dims[axis];
  if (c.has_input(1)) {
    length = Scalar(c, 1).value_or(c.FreshDim());
  } else if (inverse && onesided) {
    length = (length - 1) * 2;
  }
  if (length.known() && length.value() < 1) c.Reject("dft_length is " + length.ToString() + " but must be positive");
  dims[axis] = onesided && !inverse ? FloorDiv(length, 2) + 1 : length;
  c.SetOutput(0, dtype, std::move(dims));
}

// signal [batch, n, 1 or 2] -> [batch, frames, bins, 2].
void InferStft(InferContext& c) {
  c.RequireRank(0, 3);
  c.RequireRank(2, 1);
  const Dim batch = c.has_rank(0) ? (*c.shape(0))[0] : c.FreshDim(),
            n = c.has_rank(0) ? (*c.shape(0))[1] : c.FreshDim();
  if (c.has_rank(0)) {
    const Dim& parts = (*c.shape(0))[2];
    if (parts.known() && parts.value() != 1 && parts.value() != 2) {
      c.Reject("the last dimension must be 1 (real) or 2 (complex)");
    }
  }
  Dim frame = n;
  if (c.has_input(2)) frame = c.has_rank(2) ? (*c.shape(2))[0] : c.FreshDim();
  if (c.has_input(3)) {
    const Dim given = Scalar(c, 3).value_or(c.FreshDim());
    frame = c.has_input(2) ? MergeDim(c, given, frame, "frame_length") : given;
  }
  const Dim step = Scalar(c, 1).value_or(c.FreshDim());
  if (step.known() && step.value() < 1) c.Reject("frame_step is " + step.ToString() + " but must be positive");
  if (frame.known() && frame.value() < 1) c.Reject("frame_length is " + frame.ToString() + " but must be positive");
  if (frame.known() && n.known() && frame.value() > n.value()) c.Reject("the signal is shorter than one frame");
  const Dim bins = c.attributes().Int("onesided", 1) != 0 ? FloorDiv(frame, 2) + 1 : frame;
  c.SetOutput(0, c.dtype(0), Dims{batch, FloorDiv(n - frame, step) + 1, bins, 2});
}

DType OutputType(InferContext& c) {
  const DType dtype = static_cast<DType>(c.attributes().Int("output_datatype", 1));
  if (BitsOf(dtype) < 8 || IsComplex(dtype) || dtype == DType::kBool || IsFloat8(dtype)) {
    c.Reject("output_datatype " + std::string(NameOf(dtype)) + " is not possible");
  }
  return dtype;
}

void InferWindow(InferContext& c) {
  const Dim size = Scalar(c, 0).value_or(c.FreshDim());
  if (size.known() && size.value() < 0) c.Reject("size is " + size.ToString());
  c.SetOutput(0, OutputType(c), Dims{size});
}

void InferMel(InferContext& c) {
  const Dim bins = Scalar(c, 0).value_or(c.FreshDim()), length = Scalar(c, 1).value_or(c.FreshDim());
  if (bins.known() && bins.value() < 0) c.Reject("num_mel_bins is " + bins.ToString());
  if (length.known() && length.value() < 0) c.Reject("dft_length is " + length.ToString());
  c.SetOutput(0, OutputType(c), Dims{FloorDiv(length, 2) + 1, bins});
}

constexpr OpDef kOps[] = {
    {.name = "DFT", .infer = InferDft, .upgrade = UpgradeDft, .host_inputs = 1 << 1 | 1 << 2},
    {.name = "STFT", .infer = InferStft, .host_inputs = 1 << 1 | 1 << 3},
    {.name = "HannWindow", .infer = InferWindow, .host_inputs = 1 << 0},
    {.name = "HammingWindow", .infer = InferWindow, .host_inputs = 1 << 0},
    {.name = "BlackmanWindow", .infer = InferWindow, .host_inputs = 1 << 0},
    {.name = "MelWeightMatrix", .infer = InferMel, .host_inputs = 0x1f},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::signal
