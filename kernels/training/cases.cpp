#include <span>

#include "kernels/case.h"

namespace onda::training {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float r, int64 t, float[3] x, float[3] g, float[3] h) => (float[3] nx, float[3] nh) { nx, nh = "
       "ai.onnx.preview.training.Adagrad<decay_factor = 0.1>(r, t, x, g, h) }",
       0.1, 2},
      {"(float r, int64 t, float[3] x, float[2] z, float[3] g, float[2] gz, float[3] v, float[2] vz, float[3] h, "
       "float[2] hz) "
       "=> (float[3] nx, float[2] nz, float[3] nv, float[2] nvz, float[3] nh, float[2] nhz) { nx, nz, nv, nvz, nh, nhz "
       "= "
       "ai.onnx.preview.training.Adam<norm_coefficient = 0.1>(r, t, x, z, g, gz, v, vz, h, hz) }",
       0.1, 2},
      {"(float r, int64 t, float[3] x, float[3] g, float[3] v) => (float[3] nx, float[3] nv) { nx, nv = "
       "ai.onnx.preview.training.Momentum<alpha = 0.9, beta = 0.5, norm_coefficient = 0.1, mode = \"nesterov\">(r, t, "
       "x, g, "
       "v) }",
       0.1, 2},
      {"(double r, int64 t, double[300] x, double[300] g, double[300] v) => (double[300] nx, double[300] nv) { nx, nv "
       "= "
       "ai.onnx.preview.training.Momentum<alpha = 0.9, beta = 0.5, norm_coefficient = 0.1, mode = \"standard\">(r, t, "
       "x, g, v) }",
       -2, 0},
      {"(double r, int64 t, double[300] x, double[300] g, double[300] v, double[300] h) => (double[300] nx, "
       "double[300] "
       "nv, double[300] nh) { nx, nv, nh = ai.onnx.preview.training.Adam<norm_coefficient_post = 0.1>(r, t, x, g, v, "
       "h) "
       "}",
       1, 3},
  };
  return cases;
}

}  // namespace onda::training
