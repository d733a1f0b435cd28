#include "kernels/matmul_nbits/matmul_nbits.h"
#include "onda/float_formats.h"

namespace onda::matmul_nbits {
namespace {

class Reference {
 public:
  explicit Reference(const NodeView& node) : p_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &a = args.input(0), &b = args.input(1), &scales = args.input(2), &zeros = args.input(3);
    const TensorView &bias = args.input(5), &y = args.output(0);
    const int64_t rows = a.count() / p_.k;
    for (int64_t n = 0; n < p_.n; ++n) {
      for (int64_t m = 0; m < rows; ++m) {
        double sum = bias.present() ? LoadDouble(bias.type(), bias.data, n) : 0;
        for (int64_t k = 0; k < p_.k; ++k) {
          const int64_t block = n * p_.blocks() + k / p_.block;
          const uint32_t q = BitsAt(b.as<uint8_t>() + block * p_.block_bytes(), p_.bits, k % p_.block);
          double zero = static_cast<double>(1u << (p_.bits - 1));
          if (zeros.present())
            zero = zeros.type() == DType::kUint8
                       ? BitsAt(zeros.as<uint8_t>() + n * p_.zero_bytes(), p_.bits, k / p_.block)
                       : LoadDouble(zeros.type(), zeros.data, block);
          sum +=
              LoadDouble(a.type(), a.data, m * p_.k + k) * (q - zero) * LoadDouble(scales.type(), scales.data, block);
        }
        StoreDouble(y.type(), y.data, m * p_.n + n, sum);
      }
    }
  }

 private:
  Params p_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("MatMulNBits", "com.microsoft")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::matmul_nbits
