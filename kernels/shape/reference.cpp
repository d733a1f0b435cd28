#include "kernels/shape/copies.h"
#include "kernels/simd/elements.h"

namespace onda::shape {
namespace {

class ShapeOf {
 public:
  explicit ShapeOf(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const ShapeParams::Range range = params_.Of(x.rank);
    for (int64_t i = range.begin; i < range.end; ++i)
      args.output(0).as<int64_t>()[i - range.begin] = x.dim(static_cast<int>(i));
  }

 private:
  ShapeParams params_;
};

class SizeOf {
 public:
  explicit SizeOf(const NodeView&) {}
  void Launch(const LaunchArgs& args) const { args.output(0).as<int64_t>()[0] = args.input(0).count(); }
};

class Expand {
 public:
  explicit Expand(const NodeView&) {}
  void Launch(const LaunchArgs& args) const { ExpandCopy(args).copy.RunPlainly(); }
};

class Transpose {
 public:
  explicit Transpose(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const { TransposeCopy(params_, args).copy.RunPlainly(); }

 private:
  TransposeParams params_;
};

class ConstantOfShape {
 public:
  explicit ConstantOfShape(const NodeView& node) {
    if (const TensorView* value = node.attributes().Tensor("value")) {
      if (value->type() == DType::kString) {
        string_ = *value->as<std::string>();
      } else {
        std::memcpy(value_, value->data, value->bytes());
      }
    }
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const void* value = y.type() == DType::kString ? static_cast<const void*>(&string_) : value_;
    FillRun(y.type(), value, 0, y.data, 0, y.count());
  }

 private:
  alignas(16) char value_[16] = {};
  std::string string_;
};

class Range {
 public:
  explicit Range(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &start = args.input(0), &delta = args.input(2), &y = args.output(0);
    const DType type = y.type();
    const int64_t n = y.count();
    if (n == 0) return;
    if (IsInteger(type)) {
      const uint64_t first = static_cast<uint64_t>(LoadInt64(type, start.data, 0));
      const uint64_t step = static_cast<uint64_t>(LoadInt64(type, delta.data, 0));
      for (int64_t i = 0; i < n; ++i)
        StoreInt64(type, y.data, i, static_cast<int64_t>(first + static_cast<uint64_t>(i) * step));
    } else {
      const double first = LoadDouble(type, start.data, 0), step = LoadDouble(type, delta.data, 0);
      for (int64_t i = 0; i < n; ++i) StoreDouble(type, y.data, i, first + static_cast<double>(i) * step);
    }
  }
};

class EyeLike {
 public:
  explicit EyeLike(const NodeView& node) : k_(node.attributes().Int("k", 0)) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    FillRun(y.type(), nullptr, 0, y.data, 0, y.count());
    for (int64_t r = 0; r < y.dim(0); ++r)
      if (k_ < y.dim(1) - r && k_ >= -r) StoreDouble(y.type(), y.data, r * y.dim(1) + r + k_, 1);
  }

 private:
  int64_t k_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<ShapeOf>("Shape"),
    MakeKernel<SizeOf>("Size"),
    MakeKernel<Expand>("Expand"),
    MakeKernel<Transpose>("Transpose"),
    MakeKernel<ConstantOfShape>("ConstantOfShape"),
    MakeKernel<Range>("Range"),
    MakeKernel<EyeLike>("EyeLike"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::shape
