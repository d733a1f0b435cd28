// An application of the installed library: reads a drawn one with the digits model, and gets its errors as exceptions.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "onda/onda.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  onda::Env env;
  onda::Session session(env, argv[1]);

  std::vector<float> picture(28 * 28, 1.0f);
  for (int y = 5; y < 23; ++y) {
    for (int x = 13; x < 16; ++x) picture[static_cast<size_t>(y * 28 + x)] = 0.0f;
  }
  const auto outputs = session.Run({{"image", onda::Value::FromVector(picture, {1, 1, 28, 28})}});
  const float* chances = outputs[0].GetTensorData<float>();
  const auto digit = std::max_element(chances, chances + 10) - chances;
  std::printf("read a %td with probability %.3f\n", digit, static_cast<double>(chances[digit]));

  try {
    session.Run({{"picture", onda::Value::FromVector(picture, {1, 1, 28, 28})}});
  } catch (const onda::Error& error) {
    std::printf("a wrong name is refused: %s\n", error.what());
    return digit == 1 ? 0 : 1;
  }
  std::puts("a wrong name was not refused");
  return 1;
}
