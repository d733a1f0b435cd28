// Reads a digit that is drawn here: classify [MODEL]
#include <onda/onda.h>

#include <algorithm>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) try {
  onda::Env env;
  onda::Session session(env, argc > 1 ? argv[1] : "examples/digits/digits.onnx");

  std::vector<float> pixels(28 * 28, 1.0f);  // white paper, and a dark stroke from top to bottom
  for (int row = 5; row < 23; ++row) std::fill_n(&pixels[28 * row + 12], 3, 0.0f);

  std::vector<onda::Value> outputs = session.Run({{"image", onda::Value::FromVector(pixels, {1, 1, 28, 28})}});
  const std::vector<float> probabilities = outputs[0].ToVector<float>();
  const auto best = std::max_element(probabilities.begin(), probabilities.end());
  std::printf("a %d, with probability %.3f\n", static_cast<int>(best - probabilities.begin()), *best);
} catch (const onda::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
