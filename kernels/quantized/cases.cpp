#include <span>

#include "kernels/case.h"

namespace onda::quantized {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,7] x, float s, uint8 z) => (uint8[3,7] y) { y = QuantizeLinear(x, s, z) }", 0.1, 2},
      {"(float[3,7] x, float s) => (uint8[3,7] y) { y = QuantizeLinear(x, s) }", 0.01, 2},
      {"(float[3,700] x, float s, int8 z) => (int8[3,700] y) { y = QuantizeLinear(x, s, z) }", 0.01, 90},
      {"(float[3,7,5] x, float[7] s, int8[7] z) => (int8[3,7,5] y) { y = QuantizeLinear(x, s, z) }", 0.1, 9},
      {"(float[3,7,5] x, float[5] s, uint16[5] z) => (uint16[3,7,5] y) { y = QuantizeLinear<axis = -1>(x, s, z) }", 0.1,
       9},
      {"(float[3,7] x, float[3,3] s, int4[3,3] z) => (int4[3,7] y) { y = QuantizeLinear<block_size = 3>(x, s, z) }",
       0.1, 9},
      {"(float[7,3] x, float[2,3] s, int16[2,3] z) => (int16[7,3] y) { y = QuantizeLinear<axis = 0, block_size = 4>(x, "
       "s, "
       "z) }",
       0.1, 9},
      {"(float16[3,7] x, float16 s, uint8 z) => (uint8[3,7] y) { y = QuantizeLinear(x, s, z) }", 0.1, 9},
      {"(float[3,7] x, float16 s, uint8 z) => (uint8[3,7] y) { y = QuantizeLinear<precision = 1>(x, s, z) }", 0.1, 9},
      {"(float[3,7] x, float s) => (float8e4m3fn[3,7] y) { y = QuantizeLinear<output_dtype = 17>(x, s) }", 0.1, 9},
      {"(float[3,7] x, float s) => (float8e5m2[3,7] y) { y = QuantizeLinear<output_dtype = 19, saturate = 0>(x, s) }",
       0.1, 9},
      {"(float[3,7] x, float s) => (int2[3,7] y) { y = QuantizeLinear<output_dtype = 26>(x, s) }", 0.5, 9},
      {"(float[3,7] x, float s) => (uint4[3,7] y) { y = QuantizeLinear<output_dtype = 21>(x, s) }", 0.5, 9},
      {"(int32[3,7] x, float s) => (uint8[3,7] y) { y = QuantizeLinear(x, s) }", 1, 9},
      {"(float[0,7] x, float s) => (uint8[0,7] y) { y = QuantizeLinear(x, s) }"},
      {"(uint8[3,7] x, float s, uint8 z) => (float[3,7] y) { y = DequantizeLinear(x, s, z) }", 0, 255},
      {"(int8[3,700] x, float s) => (float[3,700] y) { y = DequantizeLinear(x, s) }", -128, 127},
      {"(int8[3,7,5] x, float[7] s, int8[7] z) => (float[3,7,5] y) { y = DequantizeLinear(x, s, z) }", -128, 127},
      {"(int8[3,7,5] x, float[3] s, int8[3] z) => (float[3,7,5] y) { y = DequantizeLinear<axis = 0>(x, s, z) }", -128,
       127},
      {"(int4[3,7] x, float[3,3] s, int4[3,3] z) => (float[3,7] y) { y = DequantizeLinear<block_size = 3>(x, s, z) }",
       -8, 7},
      {"(uint2[3,7] x, float16 s) => (float16[3,7] y) { y = DequantizeLinear(x, s) }", 0, 3},
      {"(int16[3,7] x, float s) => (bfloat16[3,7] y) { y = DequantizeLinear<output_dtype = 16>(x, s) }", -99, 99},
      {"(int32[3,7] x, float s) => (float[3,7] y) { y = DequantizeLinear(x, s) }", -1e9, 1e9},
      {"(float8e4m3fn[3,7] x, float s) => (float[3,7] y) { y = DequantizeLinear(x, s) }"},
      {"(float[5,70] x) => (uint8[5,70] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear(x) }", -3, 5},
      {"(float[70] x) => (uint8[70] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear(x) }", 1, 5},
      {"(float[70] x) => (uint8[70] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear(x) }", 0, 0},
      {"(uint8[9,70] a, int8[70,33] b) => (int32[9,33] y) { y = MatMulInteger(a, b) }", -128, 255},
      {"(uint8[9,70] a, uint8[70,33] b, uint8 az, uint8 bz) => (int32[9,33] y) { y = MatMulInteger(a, b, az, bz) }", 0,
       255},
      {"(int8[9,70] a, int8[70,33] b, int8[9] az, int8[33] bz) => (int32[9,33] y) { y = MatMulInteger(a, b, az, bz) }",
       -128, 127},
      {"(int8[2,9,70] a, uint8[2,70,33] b, int8[2,9,1] az, uint8[2,1,33] bz) => (int32[2,9,33] y) { y = "
       "MatMulInteger(a, b, "
       "az, bz) }",
       -128, 255},
      {"(uint8[3,9,70] a, int8[70,33] b, uint8 az) => (int32[3,9,33] y) { y = MatMulInteger(a, b, az) }", -128, 255},
      {"(uint8[70] a, int8[70] b) => (int32 y) { y = MatMulInteger(a, b) }", -128, 255},
      {"(uint8[9,0] a, int8[0,33] b) => (int32[9,33] y) { y = MatMulInteger(a, b) }", -128, 255},
      {"(uint8[9,70] a, float as, uint8 az, int8[70,33] b, float bs, int8 bz, float ys, uint8 yz) => (uint8[9,33] y) { "
       "y = "
       "QLinearMatMul(a, as, az, b, bs, bz, ys, yz) }",
       1, 100},
      {"(int8[9,70] a, float[9] as, int8[9] az, int8[70,33] b, float[33] bs, int8[33] bz, float ys, int8 yz) => "
       "(int8[9,33] "
       "y) { y = QLinearMatMul(a, as, az, b, bs, bz, ys, yz) }",
       1, 100},
      {"(uint8[1,3,9,10] x, int8[4,3,3,3] w, uint8 z) => (int32[1,4,9,10] y) { y = ConvInteger<pads = [1,1,1,1]>(x, w, "
       "z) }",
       -128, 255},
      {"(uint8[2,6,9,10] x, uint8[4,3,3,3] w, uint8 z, uint8[4] wz) => (int32[2,4,4,4] y) { y = ConvInteger<group = 2, "
       "strides = [2,2]>(x, w, z, wz) }",
       0, 255},
      {"(uint8[1,3,9,10] x, float xs, uint8 xz, int8[4,3,3,3] w, float[4] ws, int8[4] wz, float ys, uint8 yz, int32[4] "
       "b) => "
       "(uint8[1,4,9,10] y) { y = QLinearConv<pads = [1,1,1,1]>(x, xs, xz, w, ws, wz, ys, yz, b) }",
       1, 100},
      {"(int8[1,8,9,10] x, float xs, int8 xz, int8[8,1,3,3] w, float ws, int8 wz, float ys, int8 yz) => (int8[1,8,7,8] "
       "y) { y "
       "= QLinearConv<group = 8>(x, xs, xz, w, ws, wz, ys, yz) }",
       1, 100},
      // Constant weights, one input channel per group: signs, strides, padding, several outputs per group, 1 dimension.
      {"(uint8[2,8,9,23] x, float xs, uint8 xz, float ys, uint8 yz, int32[8] b) => (uint8[2,8,5,12] y) <int64 first = "
       "{-36}, int64 last = {36}, int64 one = {1}, int64[4] shape = {8, 1, 3, 3}, float[8] ws = {0.5, 1, 0.25, 0.1, 2, "
       "0.3, 0.7, 1.1}, int8[8] wz = {0, 1, 0, -5, 3, 0, 0, 2}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = "
       "Reshape(c, shape) y = QLinearConv<group = 8, pads = [1,1,1,1], strides = [2,2]>(x, xs, xz, w, ws, wz, ys, yz, "
       "b) }",
       1, 200},
      {"(int8[1,4,9,23] x, int8 xz) => (int32[1,8,7,21] y) <int64 first = {-36}, int64 last = {36}, int64 one = {1}, "
       "int64[4] shape = {8, 1, 3, 3}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) y = "
       "ConvInteger<group = 4>(x, w, xz) }",
       -128, 127},
      {"(uint8[1,6,300] x, uint8 xz) => (int32[1,6,300] y) <int64 first = {0}, int64 last = {42}, int64 one = {1}, "
       "int64[3] shape = {6, 1, 7}, uint8 wz = {20}> { r = Range(first, last, one) c = Cast<to = 2>(r) w = Reshape(c, "
       "shape) y = ConvInteger<group = 6, pads = [3,3]>(x, w, xz, wz) }",
       0, 255},
      // Channel blocks of four: windows, strides, padding, groups, planes from 1 to more than a tile, signs.
      {"(uint8[2,8,9,23] x) => (uint8[2,12,9,23] y) <int64 first = {-48}, int64 last = {48}, int64 one = {1}, int64[4] "
       "shape = {12, 8, 1, 1}, float xs = {0.5}, uint8 xz = {100}, float ws = {0.25}, int8 wz = {0}, float ys = {9.0}, "
       "uint8 yz = {130}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) b = onda.Reorder<to "
       "= 4>(x) q = onda.BlockedQLinearConv<x_block = 4, y_block = 4>(b, xs, xz, w, ws, wz, ys, yz) y = "
       "onda.Reorder<from = 4>(q) }",
       0, 255},
      {"(uint8[1,3,21,40] x) => (uint8[1,8,11,20] y) <int64 first = {-108}, int64 last = {108}, int64 one = {1}, "
       "int64[4] shape = {8, 3, 3, 3}, float xs = {0.5}, uint8 xz = {17}, float[8] ws = {0.25, 0.1, 0.2, 0.3, 0.4, "
       "0.5, "
       "0.6, 0.7}, int8 wz = {0}, float ys = {40.0}, uint8 yz = {100}, int32[8] bias = {1, -2000, 3, 4000, 5, -600, 7, "
       "8}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) q = "
       "onda.BlockedQLinearConv<y_block "
       "= 4, pads = [1,1,1,1], strides = [2,2]>(x, xs, xz, w, ws, wz, ys, yz, bias) y = onda.Reorder<from = 4>(q) }",
       0, 255},
      {"(int8[2,16,10,19] x) => (int8[2,24,10,19] y) <int64 first = {-864}, int64 last = {864}, int64 one = {1}, "
       "int64[4] shape = {24, 8, 3, 3}, float xs = {0.5}, int8 xz = {-7}, float ws = {0.25}, int8 wz = {0}, float ys = "
       "{80.0}, int8 yz = {-20}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) b = "
       "onda.Reorder<to = 4>(x) q = onda.BlockedQLinearConv<group = 2, x_block = 4, y_block = 4, pads = [1,1,1,1]>(b, "
       "xs, xz, w, ws, wz, ys, yz) y = onda.Reorder<from = 4>(q) }",
       -128, 127},
      {"(uint8[1,4,50,21] x) => (int8[1,20,25,11] y) <int64 first = {-40}, int64 last = {40}, int64 one = {1}, "
       "int64[4] "
       "shape = {20, 4, 1, 1}, float xs = {0.5}, uint8 xz = {3}, float ws = {0.25}, int8 wz = {0}, float ys = {7.0}, "
       "int8 yz = {100}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) b = onda.Reorder<to = "
       "4>(x) q = onda.BlockedQLinearConv<x_block = 4, y_block = 4, strides = [2,2]>(b, xs, xz, w, ws, wz, ys, yz) y = "
       "onda.Reorder<from = 4>(q) }",
       0, 255},
      // The same with one input channel per group.
      {"(uint8[2,8,13,37] x) => (uint8[2,8,13,37] y) <int64 first = {-36}, int64 last = {36}, int64 one = {1}, "
       "int64[4] "
       "shape = {8, 1, 3, 3}, float xs = {0.5}, uint8 xz = {100}, float[8] ws = {0.5, 0.9, 0.25, 0.1, 0.8, 0.3, 0.7, "
       "0.6}, int8[8] wz = {0, 1, 0, -5, 3, 0, 0, 2}, float ys = {9.0}, uint8 yz = {130}, int32[8] bias = {1, -2000, "
       "3, "
       "4000, 5, -600, 7, 8}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) b = "
       "onda.Reorder<to = 4>(x) q = onda.BlockedQLinearConv<group = 8, x_block = 4, y_block = 4, pads = [1,1,1,1]>(b, "
       "xs, xz, w, ws, wz, ys, yz, bias) y = onda.Reorder<from = 4>(q) }",
       0, 255},
      {"(int8[1,4,14,40] x) => (int8[1,4,7,20] y) <int64 first = {-18}, int64 last = {18}, int64 one = {1}, int64[4] "
       "shape = {4, 1, 3, 3}, float xs = {0.5}, int8 xz = {-30}, float ws = {0.5}, int8 wz = {0}, float ys = {3.0}, "
       "int8 yz = {-9}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) b = onda.Reorder<to = "
       "4>(x) q = onda.BlockedQLinearConv<group = 4, x_block = 4, y_block = 4, pads = [1,1,0,0], strides = [2,2]>(b, "
       "xs, xz, w, ws, wz, ys, yz) y = onda.Reorder<from = 4>(q) }",
       -128, 127},
      {"(uint8[1,4,6,3] x) => (uint8[1,4,4,1] y) <int64 first = {-18}, int64 last = {18}, int64 one = {1}, int64[4] "
       "shape = {4, 1, 3, 3}, float xs = {0.5}, uint8 xz = {128}, float ws = {0.5}, int8 wz = {0}, float ys = {3.0}, "
       "uint8 yz = {9}> { r = Range(first, last, one) c = Cast<to = 3>(r) w = Reshape(c, shape) b = onda.Reorder<to = "
       "4>(x) q = onda.BlockedQLinearConv<group = 4, x_block = 4, y_block = 4>(b, xs, xz, w, ws, wz, ys, yz) y = "
       "onda.Reorder<from = 4>(q) }",
       0, 255},
      // Several tiles, vectors of neighbours, and types that the vectors leave out.
      {"(uint8[3,40,100] a, int8[100,130] b, uint8 az, int8[130] bz) => (int32[3,40,130] y) { y = MatMulInteger(a, b, "
       "az, bz) }",
       -128, 255},
      {"(uint8[2,3,9,70] a, float16[2,3,9,1] as, uint8[2,3,9,1] az, int8[3,70,5] b, float16 bs, int8 bz, float16 ys, "
       "uint8 "
       "yz) => (uint8[2,3,9,5] y) { y = QLinearMatMul(a, as, az, b, bs, bz, ys, yz) }",
       1, 100},
      {"(uint8[2,16,9,23] x, uint8 z, int8[70,8,3,2] w) => (int32[2,70,5,22] y) { y = ConvInteger<group = 2, strides = "
       "[2,1], pads = [1,0,1,0]>(x, w, z) }",
       -128, 255},
      {"(int8[2,3,50] x, float xs, int8 xz, uint8[9,3,5] w, float[9] ws, uint8[9] wz, float ys, int8 yz, int32[9] b) "
       "=> "
       "(int8[2,9,50] y) { y = QLinearConv<pads = [4,4], dilations = [2]>(x, xs, xz, w, ws, wz, ys, yz, b) }",
       1, 100},
      {"(float16[3,16,8] x, float16[16] s, uint8[16] z) => (uint8[3,16,8] y) { y = QuantizeLinear(x, s, z) }", 0.1, 9},
      {"(float[3,16,8] x, float s, int8 z) => (int8[3,16,8] y) { y = QuantizeLinear(x, s, z) }", 0.1, 9},
      {"(bfloat16[3,16,8] x, bfloat16 s, int8 z) => (int8[3,16,8] y) { y = QuantizeLinear(x, s, z) }", 0.5, 9},
      {"(int8[3,16,8] x, float16[16] s, int8[16] z) => (float16[3,16,8] y) { y = DequantizeLinear(x, s, z) }", -128,
       127},
      {"(uint8[3,16,8] x, bfloat16 s) => (bfloat16[3,16,8] y) { y = DequantizeLinear(x, s) }", 0, 255},
      {"(float[3,7] x, float s) => (float8e4m3fnuz[3,7] y) { y = QuantizeLinear<output_dtype = 18>(x, s) }", 0.01, 90},
      {"(float[3,7] x, float s) => (float8e5m2fnuz[3,7] y) { y = QuantizeLinear<output_dtype = 20, saturate = 0>(x, s) "
       "}",
       0.001, 900},
      {"(float[3,7] x, float s) => (float4e2m1[3,7] y) { y = QuantizeLinear<output_dtype = 23>(x, s) }", 0.1, 9},
      {"(int32[3,7] x, int32 s) => (int8[3,7] y) { y = QuantizeLinear<output_dtype = 3>(x, s) }", 1, 900},
      {"(float8e5m2[3,7] x, float16[7] s) => (float16[3,7] y) { y = DequantizeLinear(x, s) }"},
      {"(float4e2m1[3,7] x, float s) => (float[3,7] y) { y = DequantizeLinear(x, s) }", -6, 6},
      {"(float[30,700] x) => (uint8[30,700] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear(x) }", -3, 5},
  };
  return cases;
}

}  // namespace onda::quantized
