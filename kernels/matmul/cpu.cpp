// fp32 through the packed product; float16 and bfloat16 are converted on the way in and rounded once on the way out.
// Constant right-hand sides are packed when the kernel is made.
#include <algorithm>

#include "kernels/matmul/any_type.h"
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/sgemm.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/half.h"
#include "kernels/simd/launch.h"

namespace onda::matmul {
namespace {

std::string RejectsAllButFloats(const NodeView& node) {
  const DType t = node.input(0).type();
  return IsFloatOrHalf(t) ? "" : "only float, float16 and bfloat16";
}

// A constant B, packed matrix by matrix.
class PackedRight {
 public:
  PackedRight() = default;
  // p: the product of a row with B, for B's strides.
  PackedRight(const FactView& fact, const Product& p) : k_(p.k), n_(p.n) {
    int64_t count = 1;
    for (int64_t d : fact.shape()) count *= d;
    // A single column is faster as a vector that meets A's rows.
    if (n_ <= 1 || k_ == 0 || count == 0) return;
    const int64_t items = count / (k_ * n_);
    AlignedFloats converted;
    const float* b = static_cast<const float*>(fact.constant);
    if (IsHalf(fact.type())) {
      converted = AlignedFloats(count);
      WidenToFloat(fact.type(), fact.constant_as<uint16_t>(), converted.get(), count);
      b = converted.get();
    }
    floats_ = AlignedFloats(items * PackedBSize(k_, n_));
    for (int64_t i = 0; i < items; ++i)
      PackB(k_, n_, {b + i * k_ * n_, p.b_row, p.b_col}, floats_.get() + i * PackedBSize(k_, n_));
  }
  const float* get() const { return floats_.get(); }
  // From a distance in elements of B to one in packed floats.
  int64_t Stride(int64_t elements) const { return elements / (k_ * n_) * PackedBSize(k_, n_); }

 private:
  AlignedFloats floats_;
  int64_t k_ = 0, n_ = 0;
};

// The fp32 problem of a product; the pointers of A, B and C are left to the caller.
Gemm ToGemm(const Product& p, const PackedRight& packed) {
  Gemm g;
  g.m = p.m, g.n = p.n, g.k = p.k;
  g.a = {nullptr, p.a_row, p.a_col};
  g.b = {nullptr, p.b_row, p.b_col};
  g.packed_b = packed.get();
  g.ldc = p.n;
  g.batch.rank = p.rank;
  int64_t c = p.m * p.n;
  for (int i = p.rank - 1; i >= 0; --i) {
    g.batch.extent[i] = p.extent[i];
    g.batch.a_stride[i] = p.a_stride[i];
    g.batch.b_stride[i] = packed.get() ? packed.Stride(p.b_stride[i]) : p.b_stride[i];
    g.batch.c_stride[i] = c;
    c *= p.extent[i];
  }
  return g;
}

// fp32 views of what is in memory: the tensors themselves, or converted copies in the workspace.
struct Floats {
  float *a, *b, *c, *addend;

  Floats(Carver& carver, TensorViews inputs, const TensorView& y, bool packed) {
    const bool half = IsHalf(y.type());
    auto take = [&](const TensorView& t) {
      return !t.present() ? nullptr : half ? carver.Take<float>(t.count()) : t.as<float>();
    };
    a = take(inputs[0]);
    b = packed ? nullptr : take(inputs[1]);
    addend = take(inputs[2]);
    c = take(y);
  }
  void Fill(const LaunchArgs& args) const {
    if (!IsHalf(args.output(0).type())) return;
    float* const to[] = {a, b, addend};
    for (int i = 0; i < 3; ++i)
      if (to[i])
        args.ParallelFor(args.input(i).count(), 16384, [&](int64_t begin, int64_t end) {
          WidenToFloat(args.input(i).type(), args.input(i).as<uint16_t>() + begin, to[i] + begin, end - begin);
        });
  }
  void Finish(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    if (!IsHalf(y.type())) return;
    args.ParallelFor(y.count(), 16384, [&](int64_t begin, int64_t end) {
      NarrowFromFloat(y.type(), c + begin, y.as<uint16_t>() + begin, end - begin);
    });
  }
};

class MatMulFloat {
 public:
  explicit MatMulFloat(const NodeView& node) : params_(node.attributes()) {
    const FactView& b = node.input(1);
    if (!b.constant || !b.static_shape() || b.rank < 2 || params_.trans_batch_b) return;
    const int64_t row[] = {params_.trans_b ? b.dims[b.rank - 1] : b.dims[b.rank - 2]};
    packed_ = PackedRight(b, MakeProduct(params_, row, b.shape()));
  }
  static std::string Rejects(const NodeView& node) { return RejectsAllButFloats(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    const Gemm g = Problem(inputs);
    Floats(carver, inputs, outputs[0], g.packed_b);
    return carver.bytes() + matmul::WorkspaceBytes(g, MaxThreads());
  }

  void Launch(const LaunchArgs& args) const {
    Gemm g = Problem(args.inputs());
    Carver carver(args.workspace());
    const Floats floats(carver, args.inputs(), args.output(0), g.packed_b);
    floats.Fill(args);
    g.a.data = floats.a, g.b.data = floats.b, g.c = floats.c;
    Run(g, ParallelOf(args), carver.Take<char>(0));
    floats.Finish(args);
  }

 private:
  Gemm Problem(TensorViews inputs) const {
    Gemm g = ToGemm(MakeProduct(params_, inputs[0].shape(), inputs[1].shape()), packed_);
    g.alpha = params_.alpha;
    return g;
  }
  MatMulParams params_;
  PackedRight packed_;
};

class GemmFloat {
 public:
  explicit GemmFloat(const NodeView& node) : params_(node.attributes()) {
    const FactView& b = node.input(1);
    if (!b.constant || !b.static_shape() || b.rank != 2) return;
    const int64_t row[] = {params_.trans_a ? b.dims[params_.trans_b] : 1,
                           params_.trans_a ? 1 : b.dims[params_.trans_b]};
    packed_ = PackedRight(b, MakeProduct(params_, row, b.shape()));
  }
  static std::string Rejects(const NodeView& node) { return RejectsAllButFloats(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    const Gemm g = Problem(inputs);
    Floats(carver, inputs, outputs[0], g.packed_b);
    carver.Take<float>(g.m);
    return carver.bytes() + matmul::WorkspaceBytes(g, MaxThreads());
  }

  void Launch(const LaunchArgs& args) const {
    Gemm g = Problem(args.inputs());
    Carver carver(args.workspace());
    const Floats floats(carver, args.inputs(), args.output(0), g.packed_b);
    float* const row_bias = carver.Take<float>(g.m);
    floats.Fill(args);
    g.a.data = floats.a, g.b.data = floats.b, g.c = floats.c;
    const TensorView& c = args.input(2);
    if (c.present() && params_.beta != 0 && g.m > 0 && g.n > 0) {
      const bool rows = c.rank == 2 && c.dim(0) != 1, cols = c.rank > 0 && c.dim(c.rank - 1) != 1;
      if (cols || g.n == 1) {
        g.addend = floats.addend;
        g.ld_addend = rows ? g.n : 0;
        g.beta = params_.beta;
      } else {
        for (int64_t i = 0; i < g.m; ++i) row_bias[i] = params_.beta * floats.addend[rows ? i : 0];
        g.row_bias = row_bias;
      }
    }
    Run(g, ParallelOf(args), carver.Take<char>(0));
    floats.Finish(args);
  }

 private:
  Gemm Problem(TensorViews inputs) const {
    Gemm g = ToGemm(MakeProduct(params_, inputs[0].shape(), inputs[1].shape()), packed_);
    g.alpha = params_.alpha;
    g.activation = params_.activation;
    return g;
  }
  GemmParams params_;
  PackedRight packed_;
};

// double and the integers.
class MatMulAnyType {
 public:
  explicit MatMulAnyType(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    if (!AnyTypeTakes(node.input(0).type())) return "only double and 32- and 64-bit integers";
    return MatMulParams(node.attributes()).alpha == 1 ? "" : "alpha is not 1";
  }
  void Launch(const LaunchArgs& args) const {
    RunAnyType(MakeProduct(params_, args.input(0).shape(), args.input(1).shape()), args);
  }

 private:
  MatMulParams params_;
};

// The same for Gemm; integers only without scaling.
class GemmAnyType {
 public:
  explicit GemmAnyType(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!AnyTypeTakes(type)) return "only double and 32- and 64-bit integers";
    const GemmParams p(node.attributes());
    if (type != DType::kDouble && (p.alpha != 1 || p.beta != 1)) return "integers are not scaled";
    return p.activation.kind == ActivationKind::kNone ? "" : "no activation";
  }
  void Launch(const LaunchArgs& args) const {
    const Product p = MakeProduct(params_, args.input(0).shape(), args.input(1).shape());
    RunAnyType(p, args);
    switch (args.output(0).type()) {
      case DType::kDouble:
        return Add<double>(p, args);
      case DType::kInt32:
      case DType::kUint32:
        return Add<uint32_t>(p, args);
      default:
        return Add<uint64_t>(p, args);
    }
  }

 private:
  // y = alpha * y + beta * C. Signed integers wrap as unsigned ones.
  template <class T>
  void Add(const Product& p, const LaunchArgs& args) const {
    const TensorView& c = args.input(2);
    const T alpha = static_cast<T>(params_.alpha), beta = static_cast<T>(params_.beta);
    const bool add = c.present() && params_.beta != 0;
    const bool rows = add && c.rank == 2 && c.dim(0) != 1, cols = add && c.rank > 0 && c.dim(c.rank - 1) != 1;
    if (!add && alpha == T{1}) return;
    T* y = args.output(0).as<T>();
    for (int64_t i = 0; i < p.m; ++i)
      for (int64_t j = 0; j < p.n; ++j, ++y) {
        *y *= alpha;
        if (add) *y += beta * c.as<T>()[(rows ? i * (cols ? p.n : 1) : 0) + (cols ? j : 0)];
      }
  }
  GemmParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<MatMulFloat>("MatMul"),
    MakeKernel<MatMulAnyType>("MatMul"),
    MakeKernel<MatMulFloat>("FusedMatMul", "com.microsoft"),
    MakeKernel<GemmFloat>("Gemm"),
    MakeKernel<GemmAnyType>("Gemm"),
    MakeKernel<GemmFloat>("FusedGemm", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::matmul
