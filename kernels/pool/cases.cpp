#include <span>

#include "kernels/case.h"

namespace onda::pool {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3,9,11] x) => (float[2,3,4,5] y) { y = MaxPool<kernel_shape = [3,3], strides = [2,2]>(x) }"},
      {"(float[1,3,56,57] x) => (float[1,3,28,29] y) { y = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = "
       "[1,1,1,1]>"
       "(x) }"},
      {"(float[1,2,8,8] x) => (float[1,2,4,4] y, int64[1,2,4,4] i) { y, i = MaxPool<kernel_shape = [2,2], strides = "
       "[2,2], "
       "storage_order = 1>(x) }"},
      {"(float[1,2,9,7] x) => (float[1,2,5,4] y) { y = MaxPool<kernel_shape = [2,2], strides = [2,2], ceil_mode = "
       "1>(x) }"},
      {"(float[1,2,16,16] x) => (float[1,2,12,12] y) { y = MaxPool<kernel_shape = [3,3], dilations = [2,2]>(x) }"},
      {"(float[1,2,10,10] x) => (float[1,2,4,4] y) { y = MaxPool<kernel_shape = [5,5], strides = [3,3], auto_pad = "
       "\"SAME_LOWER\">(x) }"},
      {"(float[1,2,10,10] x) => (float[1,2,5,5] y) { y = MaxPool<kernel_shape = [2,2], strides = [2,2], auto_pad = "
       "\"VALID\">(x) }"},
      {"(float[2,2,7000] x) => (float[2,2,3500] y) { y = MaxPool<kernel_shape = [3], strides = [2], pads = [1,0]>(x) "
       "}"},
      {"(float[1,2,5,6,7] x) => (float[1,2,3,4,5] y) { y = MaxPool<kernel_shape = [3,3,3]>(x) }"},
      {"(uint8[1,2,8,8] x) => (uint8[1,2,6,6] y) { y = MaxPool<kernel_shape = [3,3]>(x) }", 0, 255},
      {"(uint8[1,3,29,31] x) => (uint8[1,3,15,16] y) { y = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = "
       "[1,1,1,1]>(x) }",
       0, 255},
      {"(int8[2,2,70] x) => (int8[2,2,33] y) { y = MaxPool<kernel_shape = [5], strides = [2], ceil_mode = 1>(x) }",
       -128, 127},
      {"(int8[1,2,16,17] x) => (int8[1,2,12,17] y) { y = MaxPool<kernel_shape = [3,3], dilations = [2,3], pads = "
       "[0,3,0,3]>(x) }",
       -128, 127},
      {"(int8[1,2,8,8] x) => (int8[1,2,8,8] y) { y = MaxPool<kernel_shape = [3,3], pads = [1,1,1,1]>(x) }", -128, 127},
      {"(float16[1,2,8,8] x) => (float16[1,2,4,4] y) { y = MaxPool<kernel_shape = [2,2], strides = [2,2]>(x) }"},
      {"(float[0,2,8,8] x) => (float[0,2,4,4] y) { y = MaxPool<kernel_shape = [2,2], strides = [2,2]>(x) }"},
      {"(float[2,3,14,15] x) => (float[2,3,14,15] y) { y = AveragePool<kernel_shape = [3,3], pads = [1,1,1,1]>(x) }"},
      {"(float[2,3,14,15] x) => (float[2,3,14,15] y) { y = AveragePool<kernel_shape = [3,3], pads = [1,1,1,1], "
       "count_include_pad = 1>(x) }"},
      {"(float[1,2,9,9] x) => (float[1,2,5,5] y) { y = AveragePool<kernel_shape = [3,3], strides = [2,2], pads = "
       "[1,1,1,1], "
       "count_include_pad = 1, ceil_mode = 1>(x) }"},
      {"(float[1,2,8,8] x) => (float[1,2,4,4] y) { y = AveragePool<kernel_shape = [3,3], strides = [2,2], ceil_mode = "
       "1>"
       "(x) }"},
      {"(float[1,2,12,12] x) => (float[1,2,4,4] y) { y = AveragePool<kernel_shape = [3,3], dilations = [4,4]>(x) }"},
      {"(float[1,2,7,7] x) => (float[1,2,4,4] y) { y = AveragePool<kernel_shape = [2,2], strides = [2,2], auto_pad = "
       "\"SAME_UPPER\">(x) }"},
      {"(double[1,2,7] x) => (double[1,2,3] y) { y = AveragePool<kernel_shape = [3], strides = [2]>(x) }"},
      {"(float[1,2,4,5,6] x) => (float[1,2,2,2,3] y) { y = AveragePool<kernel_shape = [2,2,2], strides = [2,2,2]>(x) "
       "}"},
      {"(float[1,3,9,9] x) => (float[1,3,7,7] y) { y = LpPool<kernel_shape = [3,3]>(x) }"},
      {"(float[1,3,9,9] x) => (float[1,3,9,9] y) { y = LpPool<kernel_shape = [3,3], p = 1, pads = [1,1,1,1]>(x) }"},
      {"(float[1,3,9,9] x) => (float[1,3,4,4] y) { y = LpPool<kernel_shape = [3,3], p = 3, strides = [2,2]>(x) }"},
      {"(float[2,5,7,7] x) => (float[2,5,1,1] y) { y = GlobalAveragePool(x) }"},
      {"(float[2,5,70,130] x) => (float[2,5,1,1] y) { y = GlobalMaxPool(x) }"},
      {"(float[2,5,33] x) => (float[2,5,1] y) { y = GlobalLpPool(x) }"},
      {"(bfloat16[2,5,3,3] x) => (bfloat16[2,5,1,1] y) { y = GlobalAveragePool(x) }"},
      {"(float[1,2,8,8] x) => (float[1,2,8,8] y) { m, i = MaxPool<kernel_shape = [2,2], strides = [2,2]>(x) "
       "y = MaxUnpool<kernel_shape = [2,2], strides = [2,2]>(m, i) }"},
      {"(float[1,1,8,8] x) => (float[1,1,9,10] y) { m, i = MaxPool<kernel_shape = [2,2], strides = [2,2]>(x) "
       "s = Constant<value = int64[4] {1,1,9,10}>() y = MaxUnpool<kernel_shape = [2,2], strides = [2,2]>(m, i, s) }"},
      {"(float[1,1,5,7] x) => (float[1,1,5,7] y) { m, i = MaxPool<kernel_shape = [3,3]>(x) "
       "y = MaxUnpool<kernel_shape = [3,3]>(m, i) }"},
      {"(float16[2,1,9] x) => (float16[2,1,9] y) { m, i = MaxPool<kernel_shape = [2], strides = [2], pads = [1,0]>(x) "
       "y = MaxUnpool<kernel_shape = [2], strides = [2], pads = [1,0]>(m, i) }"},
      {"(double[1,2,6,7,8] x) => (double[1,2,4,3,4] y, int64[1,2,4,3,4] i) { y, i = MaxPool<kernel_shape = [3,2,3], "
       "strides = [2,2,2], pads = [1,0,1,2,0,1], storage_order = 1>(x) }"},
      {"(bfloat16[2,3,19,33] x) => (bfloat16[2,3,10,17] y, int64[2,3,10,17] i) { y, i = MaxPool<kernel_shape = [3,3], "
       "strides = [2,2], pads = [1,1,1,1]>(x) }"},
      {"(float16[2,19,33,3] x) => (float16[2,10,17,3] y) { y = onda.ChannelsLastMaxPool<kernel_shape = [3,3], strides "
       "= [2,2], pads = [1,1,1,1]>(x) }"},
      {"(float[2,19,5] x) => (float[2,7,5] y) { y = onda.ChannelsLastAveragePool<kernel_shape = [3], strides = [3], "
       "pads = [1,1]>(x) }"},
      {"(float[1,4,5,6,2] x) => (float[1,4,5,6,2] y) { y = onda.ChannelsLastAveragePool<kernel_shape = [3,2,3], "
       "auto_pad = \"SAME_UPPER\", count_include_pad = 1>(x) }"},
      {"(float16[2,3,19,33] x) => (float16[2,3,10,17] y) { y = AveragePool<kernel_shape = [3,3], strides = [2,2], "
       "pads = [1,1,1,1]>(x) }"},
      {"(float[1,2,3,4,3,4] x) => (float[1,2,2,3,2,3] y) { y = MaxPool<kernel_shape = [2,2,2,2]>(x) }"},
      {"(float[1,3,9,9] x) => (float[1,3,9,9] y) { y = LpPool<kernel_shape = [3,3], pads = [1,1,1,1]>(x) }"},
      {"(double[2,5,9,8] x) => (double[2,5,1,1] y) { y = GlobalLpPool<p = 3>(x) }"},
      {"(float16[3,3,40,41] x) => (float16[3,3,1,1] y) { y = GlobalAveragePool(x) }"},
      {"(float[2,3,40,41] x) => (float[2,3,1,1] y) { y = GlobalLpPool<p = 1>(x) }"},
      {"(float[11,3,5] x) => (float[11,3,1] y) { y = GlobalMaxPool(x) }"},
  };
  return cases;
}

}  // namespace onda::pool
