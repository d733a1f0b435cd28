#include <span>

#include "kernels/case.h"

namespace onda::conv {

std::span<const Case> Cases() {
  // Sums of up to a few hundred fp32 products of magnitude 4.
  constexpr double kRtol = 1e-4, kAtol = 2e-4;
  static const Case cases[] = {
      {"(float[1,1,5,5] x, float[1,1,3,3] w) => (float[1,1,3,3] y) { y = Conv(x, w) }"},
      {"(float[2,3,9,10] x, float[4,3,3,3] w, float[4] b) => (float[2,4,9,10] y) { y = Conv<pads = [1,1,1,1]>(x, w, b) "
       "}",
       -2, 2, kRtol, kAtol},
      {"(float[1,64,17,19] x, float[48,64,3,3] w, float[48] b) => (float[1,48,17,19] y) { y = Conv<pads = "
       "[1,1,1,1]>(x, w, "
       "b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,20,17,19] x, float[33,20,1,1] w) => (float[1,33,17,19] y) { y = Conv(x, w) }", -2, 2, kRtol, kAtol},
      {"(float[1,20,17,19] x, float[33,20,1,1] w) => (float[1,33,9,10] y) { y = Conv<strides = [2,2]>(x, w) }", -2, 2,
       kRtol, kAtol},
      {"(float[1,3,33,40] x, float[8,3,7,7] w) => (float[1,8,17,20] y) { y = Conv<strides = [2,2], pads = "
       "[3,3,3,3]>(x, w) "
       "}",
       -2, 2, kRtol, kAtol},
      {"(float[2,3,20,21] x, float[5,3,3,2] w) => (float[2,5,7,21] y) { y = Conv<strides = [3,1], dilations = [1,2], "
       "pads = [0,2,1,0]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,12,13] x, float[4,3,4,4] w) => (float[1,4,6,7] y) { y = Conv<strides = [2,2], auto_pad = "
       "\"SAME_UPPER\">(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,12,13] x, float[4,3,4,4] w) => (float[1,4,6,7] y) { y = Conv<strides = [2,2], auto_pad = "
       "\"SAME_LOWER\">(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,12,13] x, float[4,3,4,4] w) => (float[1,4,9,10] y) { y = Conv<auto_pad = \"VALID\", kernel_shape = "
       "[4,4]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[2,32,20,37] x, float[32,1,3,3] w, float[32] b) => (float[2,32,20,37] y) { y = Conv<group = 32, pads = "
       "[1,1,1,1]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,8,21,37] x, float[16,1,3,3] w, float[16] b) => (float[1,16,11,19] y) { y = Conv<group = 8, strides = "
       "[2,2], pads = [1,1,1,1]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,8,21,90] x, float[8,1,5,4] w) => (float[1,8,15,29] y) { y = Conv<group = 8, strides = [1,3], "
       "dilations = "
       "[2,1], pads = [1,0,1,1]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,8,9,70] x, float[8,1,3,3] w, float[8] b) => (float[1,8,9,70] y) { y = Conv<group = 8, pads = "
       "[1,1,1,1]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[2,17,3,3] x, float[17,1,5,5] w, float[17] b) => (float[2,17,3,3] y) { y = Conv<group = 17, pads = "
       "[2,2,2,2]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,40,31,33] x, float[40,1,7,6] w) => (float[1,40,13,12] y) { y = Conv<group = 40, strides = [2,3], "
       "dilations = [2,1], pads = [4,3,3,5]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,16,90,200] x, float[16,1,5,5] w, float[16] b, float[1,16,90,200] z) => (float[1,16,90,200] y) { y = "
       "com.microsoft.FusedConv<group = 16, pads = [2,2,2,2], activation = \"Sigmoid\">(x, w, b, z) }",
       -2, 2, kRtol, kAtol},
      {"(float[2,20,50] x, float[20,1,7] w, float[20] b) => (float[2,20,25] y) { y = Conv<group = 20, strides = [2], "
       "pads = [3,3]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,9,8,7,1] x, float[9,1,3,2,1] w) => (float[1,9,6,6,1] y) { y = Conv<group = 9>(x, w) }", -2, 2, kRtol,
       kAtol},
      {"(float[1,9,4,8,7] x, float[9,1,2,3,3] w) => (float[1,9,3,6,5] y) { y = Conv<group = 9>(x, w) }", -2, 2, kRtol,
       kAtol},
      {"(float[1,9,8,7] x, float[9,1,3,3] w) => (float[1,9,16,7] y) { y = Conv<group = 9, pads = [9,1,1,1]>(x, w) }",
       -2, 2, kRtol, kAtol},
      // Without patches: bands of rows, phases of strides, groups, an addend and an activation.
      {"(float[1,8,100,120] x, float[12,8,3,3] w, float[12] b, float[1,12,100,120] z) => (float[1,12,100,120] y) { y = "
       "com.microsoft.FusedConv<pads = [1,1,1,1], activation = \"Relu\">(x, w, b, z) }",
       -2, 2, kRtol, kAtol},
      {"(float[2,6,61,95] x, float[10,3,5,4] w, float[10] b) => (float[2,10,31,32] y) { y = Conv<group = 2, strides = "
       "[2,3], pads = [2,2,2,2]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,5,40,130] x, float[7,5,3,3] w) => (float[1,7,20,126] y) { y = Conv<strides = [2,1], dilations = "
       "[3,2], pads = [3,0,2,0]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[3,4,200] x, float[9,4,5] w, float[9] b) => (float[3,9,100] y) { y = Conv<strides = [2], pads = "
       "[2,2]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[2,12,11,10] x, float[8,3,3,3] w) => (float[2,8,9,8] y) { y = Conv<group = 4>(x, w) }", -2, 2, kRtol,
       kAtol},
      {"(float[2,5,100] x, float[7,5,9] w, float[7] b) => (float[2,7,50] y) { y = Conv<strides = [2], pads = [4,4]>(x, "
       "w, "
       "b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,5,40,1] x, float[7,5,9,1] w) => (float[1,7,32,1] y) { y = Conv(x, w) }", -2, 2, kRtol, kAtol},
      {"(float[1,3,7,8,9] x, float[4,3,3,2,3] w) => (float[1,4,4,7,9] y) { y = Conv<strides = [2,1,1], pads = "
       "[1,0,1,1,0,1]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,2,4,5,4,5] x, float[3,2,2,2,2,2] w) => (float[1,3,3,4,3,4] y) { y = Conv(x, w) }", -2, 2, kRtol,
       kAtol},
      {"(float[0,3,9,10] x, float[4,3,3,3] w) => (float[0,4,7,8] y) { y = Conv(x, w) }"},
      {"(float[1,3,2,10] x, float[4,3,3,3] w) => (float[1,4,0,8] y) { y = Conv(x, w) }"},
      {"(float[1,0,9,10] x, float[4,0,3,3] w, float[4] b) => (float[1,4,7,8] y) { y = Conv(x, w, b) }"},
      {"(double[1,3,9,10] x, double[4,3,3,3] w) => (double[1,4,7,8] y) { y = Conv(x, w) }"},
      {"(float16[1,3,9,10] x, float16[4,3,3,3] w, float16[4] b) => (float16[1,4,7,8] y) { y = Conv(x, w, b) }", -2, 2,
       1e-3, 2e-3},
      {"(bfloat16[1,3,9,10] x, bfloat16[4,3,3,3] w) => (bfloat16[1,4,7,8] y) { y = Conv(x, w) }", -2, 2, 1e-2, 2e-2},
      {"(float[1,3,9,10] x, float[4,3,3,3] w, float[4] b) => (float[1,4,7,8] y) { y = "
       "com.microsoft.FusedConv<activation "
       "= \"Relu\">(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,8,9,10] x, float[8,1,3,3] w, float[8] b, float[1,8,7,8] z) => (float[1,8,7,8] y) { y = "
       "com.microsoft.FusedConv<group = 8, activation = \"Clip\", activation_params = [0.0, 6.0]>(x, w, b, z) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,9,10] x, float[4,3,3,3] w, float[4] b, float[1,4,7,8] z) => (float[1,4,7,8] y) { y = "
       "com.microsoft.FusedConv<activation = \"Sigmoid\">(x, w, b, z) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,4,5] x, float[3,2,3,3] w, float[2] b) => (float[1,2,6,7] y) { y = ConvTranspose(x, w, b) }", -2, 2,
       kRtol, kAtol},
      {"(float[2,6,4,5] x, float[6,3,3,2] w) => (float[2,6,9,10] y) { y = ConvTranspose<group = 2, strides = [2,2], "
       "pads = [0,1,1,1], output_padding = [1,2], dilations = [1,1]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,4,4,5] x, float[4,3,3,3] w) => (float[1,3,8,10] y) { y = ConvTranspose<strides = [2,2], auto_pad = "
       "\"SAME_UPPER\">(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,4,4,5] x, float[4,3,3,3] w) => (float[1,3,8,10] y) { y = ConvTranspose<strides = [2,2], auto_pad = "
       "\"SAME_LOWER\">(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,4,3,3] x, float[4,2,3,3] w) => (float[1,2,10,8] y) { y = ConvTranspose<strides = [3,2], output_shape "
       "= "
       "[10,8], output_padding = [1,1]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,40,30] x, float[40,20,8] w) => (float[1,20,120] y) { y = ConvTranspose<strides = [4], pads = "
       "[2,2]>(x, w) "
       "}",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,3,4,5] x, float[3,2,2,3,3] w) => (float[1,2,5,8,9] y) { y = ConvTranspose<strides = [2,1,2], "
       "dilations = "
       "[1,3,1], pads = [1,1,1,0,1,1]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(double[1,3,4,5] x, double[3,2,3,3] w) => (double[1,2,6,7] y) { y = ConvTranspose(x, w) }"},
      {"(float16[1,3,4,5] x, float16[3,2,3,3] w) => (float16[1,2,6,7] y) { y = ConvTranspose(x, w) }", -2, 2, 1e-3,
       2e-3},
      {"(float[1,3,0,5] x, float[3,2,3,3] w, float[2] b) => (float[1,2,2,7] y) { y = ConvTranspose(x, w, b) }"},
      // Channels last.
      {"(float[2,9,10,3] x, float[4,3,3,3] w, float[4] b) => (float[2,9,10,4] y) { y = onda.ChannelsLastConv<pads = "
       "[1,1,1,1]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float16[2,9,10,6] x, float16[8,3,2,3] w, float16[8] b, float16[2,5,10,8] z) => (float16[2,5,10,8] y) { y = "
       "onda.ChannelsLastConv<group = 2, strides = [2,1], pads = [1,0,1,1], activation = \"Relu\">(x, w, b, z) }",
       -2, 2, 2e-3, 5e-3},
      {"(bfloat16[1,40,5] x, bfloat16[7,9,5] w, bfloat16[7] b) => (bfloat16[1,20,7] y) { y = "
       "onda.ChannelsLastConv<strides = [2], pads = [4,4], activation = \"HardSwish\">(x, w, b) }",
       -2, 2, 2e-2, 5e-2},
      {"(float[1,4,5,4,5,2] x, float[3,2,2,2,2,2] w, float[3] b) => (float[1,3,4,3,4,3] y) { y = "
       "onda.ChannelsLastConv<activation = \"Relu\">(x, w, b) }",
       -2, 2, kRtol, kAtol},
      // Activations that the library lacks, and convolutions that it does not take.
      {"(float[1,3,9,10] x, float[4,3,3,3] w, float[1,4,7,8] z) => (float[1,4,7,8] y) { y = "
       "com.microsoft.FusedConv<activation = \"HardSwish\">(x, w, , z) }",
       -2, 2, kRtol, kAtol},
      {"(float16[1,3,9,10] x, float16[4,3,3,3] w, float16[4] b) => (float16[1,4,7,8] y) { y = "
       "com.microsoft.FusedConv<activation = \"LeakyRelu\", activation_params = [0.2]>(x, w, b) }",
       -2, 2, 2e-3, 2e-3},
      {"(float[1,2,3,4,3,4] x, float[2,1,2,3,2,3] w, float[2] b) => (float[1,2,4,6,4,9] y) { y = ConvTranspose<group = "
       "2, strides = [1,1,1,2]>(x, w, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[1,3,4,5] x, float[3,2,3,3] w) => (float[1,2,8,9] y) { y = ConvTranspose<strides = [1,1], output_padding "
       "= [0,0], output_shape = [8,9]>(x, w) }",
       -2, 2, kRtol, kAtol},
      {"(bfloat16[1,3,4,5] x, bfloat16[3,2,3,3] w, bfloat16[2] b) => (bfloat16[1,2,9,11] y) { y = "
       "ConvTranspose<strides "
       "= [2,2]>(x, w, b) }",
       -2, 2, 1e-2, 2e-2},
  };
  return cases;
}

}  // namespace onda::conv
