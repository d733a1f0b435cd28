// Expand and Transpose as strided copies; ConstantOfShape, Range and EyeLike, a thread per element.
#include "kernels/device/number.h"
#include "kernels/device/strided_copy.h"
#include "kernels/shape/copies.h"
#include "onda/float_formats.h"

namespace onda::shape {
namespace {

class Expand {
 public:
  explicit Expand(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    cuda::MoveStrided(args, ExpandCopy(args).copy, args.input(0), args.output(0));
  }
};

class Transpose {
 public:
  explicit Transpose(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    cuda::MoveStrided(args, TransposeCopy(params_, args).copy, args.input(0), args.output(0));
  }

 private:
  TransposeParams params_;
};

constexpr int kThreads = 256;

cuda::LaunchConfig Threads(int64_t n) { return {.grid = {cuda::BlocksFor(n, kThreads)}, .block = {kThreads}}; }

template <class T>
__global__ void __launch_bounds__(kThreads) Fill(cuda::Out<T> y, int64_t n, T value) {
  const int64_t i = cuda::GlobalThread();
  if (i < n) y[i] = value;
}

class ConstantOfShape {
 public:
  explicit ConstantOfShape(const NodeView& node) {
    const TensorView* value = node.attributes().Tensor("value");
    if (value && value->bytes() <= sizeof(value_)) std::memcpy(value_, value->data, value->bytes());
  }
  static std::string Rejects(const NodeView& node) {
    const DType type = node.output(0).type();
    return BitsOf(type) < 8 || type == DType::kString ? "not for " + std::string(NameOf(type)) : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    cuda::WithSize(y.type(), [&](auto tag) {
      typename decltype(tag)::Type value;
      std::memcpy(&value, value_, sizeof(value));
      cuda::Launch(args, Threads(y.count()), Fill<decltype(value)>, y, y.count(), value);
    });
  }

 private:
  alignas(16) char value_[16] = {};
};

// y[i] = first + i * step, in fp64 or modulo 2^64.
__global__ void __launch_bounds__(kThreads) Count(cuda::Out<uint8_t> y, int64_t n, DType type, bool real, double first,
                                                  double step, int64_t whole_first, int64_t whole_step) {
  const int64_t i = cuda::GlobalThread();
  if (i >= n) return;
  if (real)
    cuda::StoreReal(type, y.data, i, first + static_cast<double>(i) * step);
  else
    cuda::StoreInteger(type, y.data, i,
                       static_cast<int64_t>(static_cast<uint64_t>(whole_first) +
                                            static_cast<uint64_t>(i) * static_cast<uint64_t>(whole_step)));
}

class Range {
 public:
  explicit Range(const NodeView&) {}
  static std::string Rejects(const NodeView& node) {
    return cuda::IsNumber(node.output(0).type()) ? "" : "not for " + std::string(NameOf(node.output(0).type()));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &start = args.input(0), &delta = args.input(2), &y = args.output(0);
    const DType type = y.type();
    const bool real = IsFloating(type);
    auto whole = [&](const TensorView& v) { return real ? 0 : LoadInt64(type, v.data, 0); };
    auto number = [&](const TensorView& v) { return real ? LoadDouble(type, v.data, 0) : 0; };
    cuda::Launch(args, Threads(y.count()), Count, y, y.count(), type, real, number(start), number(delta), whole(start),
                 whole(delta));
  }
};

__global__ void __launch_bounds__(kThreads)
    Diagonal(cuda::Out<uint8_t> y, int64_t n, int64_t columns, int64_t k, DType type, bool real) {
  const int64_t i = cuda::GlobalThread();
  if (i >= n) return;
  const int64_t one = i % columns - i / columns == k;
  if (real)
    cuda::StoreReal(type, y.data, i, static_cast<float>(one));
  else
    cuda::StoreInteger(type, y.data, i, one);
}

class EyeLike {
 public:
  explicit EyeLike(const NodeView& node) : k_(node.attributes().Int("k", 0)) {}
  static std::string Rejects(const NodeView& node) { return Range::Rejects(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    cuda::Launch(args, Threads(y.count()), Diagonal, y, y.count(), y.dim(1), k_, y.type(), IsFloating(y.type()));
  }

 private:
  int64_t k_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Expand>("Expand"), MakeKernel<Transpose>("Transpose"), MakeKernel<ConstantOfShape>("ConstantOfShape"),
    MakeKernel<Range>("Range"),   MakeKernel<EyeLike>("EyeLike"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::shape
