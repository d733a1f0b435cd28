// Floats to feed to models, the same for the same salt.
#ifndef ONDA_TESTS_CUDA_SIM_FLOAT_VALUES_H_
#define ONDA_TESTS_CUDA_SIM_FLOAT_VALUES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "onda/onda.h"

namespace onda::cuda_sim {

// Between -2 and 2, in steps of a tenth.
inline Value Floats(std::vector<int64_t> shape, int salt = 1) {
  int64_t count = 1;
  for (int64_t d : shape) count *= d;
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((static_cast<int64_t>(i) * 37 + salt * 11) % 41 - 20) / 10;
  return Value::FromVector(values, std::move(shape));
}

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_FLOAT_VALUES_H_
