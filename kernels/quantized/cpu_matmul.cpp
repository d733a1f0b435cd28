// MatMulInteger and QLinearMatMul through the integer product.
#include <vector>

#include "kernels/matmul/matmul.h"
#include "kernels/quantized/cpu.h"
#include "kernels/quantized/igemm.h"
#include "kernels/quantized/per_line.h"
#include "kernels/quantized/quantized.h"
#include "kernels/simd/carver.h"

namespace onda::quantized {
namespace {

template <bool kLinear>
class MatMul {
  static constexpr ProductInputs kIn = kLinear ? kLinearInputs : kIntegerInputs;

 public:
  explicit MatMul(const NodeView& node) {
    if (!Preparable(node, kIn.b, kIn.b_zero) || node.input(kIn.b).rank < 2) return;
    const TensorView b = ViewOf(node.input(kIn.b)), zero = ViewOf(node.input(kIn.b_zero));
    const int64_t k = b.dim(b.rank - 2), n = b.dim(b.rank - 1);
    if (k == 0 || n == 0) return;
    const int64_t matrices = b.count() / (k * n), size = PackedLinesSize(n, k, false);
    std::vector<int32_t> zeros(static_cast<size_t>(n));
    packed_.resize(static_cast<size_t>(matrices * size));
    for (int64_t i = 0; i < matrices; ++i) {
      for (int64_t j = 0; j < n && zero.present(); ++j)
        zeros[static_cast<size_t>(j)] =
            static_cast<int32_t>(LoadInt64(zero.type(), zero.data, ColumnIndex(zero, n, i, j)));
      Lines in{b.as<uint8_t>() + i * k * n, 1, n, b.type() == DType::kInt8, {zeros.data(), 1}, nullptr};
      PackLines(in, n, k, false, false, packed_.data() + i * size);
    }
  }

  static std::string Rejects(const NodeView& node) {
    for (int i : {kIn.a, kIn.b})
      if (!Is8Bit(node.input(i).type())) return "only 8-bit integers";
    if constexpr (kLinear) {
      if (!Is8Bit(node.output(0).type())) return "only 8-bit integers";
      for (int i : {kIn.a_scale, kIn.b_scale, kIn.y_scale})
        if (node.input(i).type() != DType::kFloat) return "only float scales";
    }
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    Carver carver;
    Problem problem(*this, carver, inputs, outputs[0]);
    return carver.bytes() + quantized::WorkspaceBytes(problem.gemm, MaxThreads());
  }

  void Launch(const LaunchArgs& args) const {
    Carver carver(args.workspace());
    const Problem problem(*this, carver, args.inputs(), args.output(0));
    Run(problem.gemm, ParallelOf(args), carver.Take<char>(0));
  }

 private:
  struct Problem {
    matmul::Product p;
    int64_t packed_size = 0;
    IntGemm gemm;

    Problem(const MatMul& kernel, Carver& carver, TensorViews in, const TensorView& y) {
      const TensorView &a = in[kIn.a], &b = in[kIn.b];
      p = matmul::MakeProduct(matmul::MatMulParams(Attributes()), a.shape(), b.shape());
      const int64_t rows = a.rank < 2 ? 1 : a.dim(a.rank - 2), all_rows = p.k == 0 ? p.batch() * p.m : a.count() / p.k;
      const int64_t matrices = p.k * p.n == 0 ? 1 : b.count() / (p.k * p.n);
      auto row = [&](const TensorView& t) { return [&t, rows](int64_t i) { return RowIndex(t, rows, i); }; };
      auto column = [&](const TensorView& t) {
        return [&t, n = p.n](int64_t i) { return ColumnIndex(t, n, n == 0 ? 0 : i / n, n == 0 ? 0 : i % n); };
      };
      gemm.m = p.m, gemm.n = p.n, gemm.k = p.k;
      gemm.a = {a.as<uint8_t>(), p.a_row, p.a_col, a.type() == DType::kInt8, {}, nullptr};
      gemm.b = {b.as<uint8_t>(), p.b_col, p.b_row, b.type() == DType::kInt8, {}, nullptr};
      if (!kernel.packed_.empty()) gemm.b.packed = kernel.packed_.data();
      gemm.a.zero = Spread<int32_t>(carver, in[kIn.a_zero], all_rows, row(in[kIn.a_zero]));
      gemm.b.zero = Spread<int32_t>(carver, in[kIn.b_zero], matrices * p.n, column(in[kIn.b_zero]));
      Finish& f = gemm.finish;
      if constexpr (kLinear) {
        f.type = y.type();
        const int64_t out_rows = p.batch() * p.m;
        f.a_scale = Spread<float>(carver, in[kIn.a_scale], all_rows, row(in[kIn.a_scale]));
        f.b_scale = Spread<float>(carver, in[kIn.b_scale], matrices * p.n, column(in[kIn.b_scale]));
        f.y_scale = Spread<float>(carver, in[kIn.y_scale], out_rows, row(in[kIn.y_scale]));
        f.y_zero = Spread<int32_t>(carver, in[kIn.y_zero], out_rows, row(in[kIn.y_zero]));
      }
      gemm.c = y.data;
      gemm.ldc = p.n;
      gemm.items = p.batch();
      packed_size = PackedLinesSize(p.n, p.k, false);
      gemm.self = this;
      gemm.offset = [](const void* self, int64_t item) {
        const Problem& problem = *static_cast<const Problem*>(self);
        const matmul::Product& p = problem.p;
        const matmul::Product::Offsets at = p.At(item);
        const int64_t matrix = p.k * p.n == 0 ? 0 : at.b / (p.k * p.n);
        IntGemm::Offset o;
        o.a = at.a;
        o.b = problem.gemm.b.packed ? matrix * problem.packed_size : at.b;
        o.c = item * p.m * p.n;
        o.a_line = p.k == 0 ? 0 : at.a / p.k;
        o.b_line = matrix * p.n;
        o.c_line = item * p.m;
        return o;
      };
    }
    Problem(const Problem&) = delete;
    Problem& operator=(const Problem&) = delete;
  };

  std::vector<int32_t> packed_;
};

}  // namespace

const OndaKernelDef kMatMulIntegerCpu = MakeKernel<MatMul<false>>("MatMulInteger");
const OndaKernelDef kQLinearMatMulCpu = MakeKernel<MatMul<true>>("QLinearMatMul");

}  // namespace onda::quantized
