// The boxes of NonMaxSuppression.
#ifndef ONDA_KERNELS_NMS_NMS_H_
#define ONDA_KERNELS_NMS_NMS_H_

#include "kernels/simd/anywhere.h"

namespace onda::nms {

struct Box {
  float low_y, low_x, high_y, high_x, area;

  // v: y1, x1, y2, x2, of any two opposite corners; or the centre, width and height: x, y, w, h.
  ONDA_ANYWHERE static Box From(const float* v, bool centers) {
    Box box{};
    if (centers) {
      const float half_width = v[2] / 2, half_height = v[3] / 2;
      box = {v[1] - half_height, v[0] - half_width, v[1] + half_height, v[0] + half_width, 0};
    } else {
      box = {Least(v[0], v[2]), Least(v[1], v[3]), Most(v[0], v[2]), Most(v[1], v[3]), 0};
    }
    box.area = (box.high_x - box.low_x) * (box.high_y - box.low_y);
    return box;
  }
};

// The intersection's share of the union is greater than the threshold.
ONDA_ANYWHERE inline bool Overlap(const Box& a, const Box& b, float threshold) {
  const float width = Least(a.high_x, b.high_x) - Most(a.low_x, b.low_x);
  const float height = Least(a.high_y, b.high_y) - Most(a.low_y, b.low_y);
  if (!(width > 0 && height > 0)) return false;
  const float intersection = width * height, joined = a.area + b.area - intersection;
  if (!(a.area > 0 && b.area > 0 && joined > 0)) return false;
  return intersection / joined > threshold;
}

}  // namespace onda::nms

#endif  // ONDA_KERNELS_NMS_NMS_H_
