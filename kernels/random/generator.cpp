#include <cmath>
#include <random>

#include "kernels/random/random.h"

namespace onda::random {

Generator::Generator(uint32_t seed) {
  state_[0] = seed;
  for (int i = 1; i < kSize; ++i)
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + static_cast<uint32_t>(i);
}

uint32_t Generator::Next() {
  if (next_ == kSize) {
    constexpr int kShift = 397;
    for (int i = 0; i < kSize; ++i) {
      const uint32_t mixed = (state_[i] & 0x80000000u) | (state_[(i + 1) % kSize] & 0x7fffffffu);
      state_[i] = state_[(i + kShift) % kSize] ^ (mixed >> 1) ^ (mixed & 1 ? 0x9908b0dfu : 0);
    }
    next_ = 0;
  }
  uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

double Generator::Uniform() {
  const uint32_t high = Next() >> 5, low = Next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

double Generator::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double a, b, square;
  do {
    a = 2 * Uniform() - 1;
    b = 2 * Uniform() - 1;
    square = a * a + b * b;
  } while (square >= 1 || square == 0);
  const double scale = std::sqrt(-2 * std::log(square) / square);
  spare_ = scale * a;
  has_spare_ = true;
  return scale * b;
}

bool Generator::Bernoulli(double p) {
  const double u = Uniform();
  return p <= 0.5 ? u > 1 - p : u <= p;
}

Seed::Seed(const Attributes& attributes) {
  const OndaAttribute* a = attributes.Find("seed");
  if (!a) return;
  const double seed = a->kind == kOndaInt ? static_cast<double>(a->i) : a->f;
  if (a->kind == kOndaInt) {
    value = static_cast<uint32_t>(a->i);
  } else if (!std::isnan(seed)) {
    value = std::fabs(seed) < 0x1p63 ? static_cast<uint32_t>(static_cast<int64_t>(seed)) : 0;
  }
}

Generator Seed::MakeGenerator() const { return Generator(value ? *value : std::random_device{}()); }

}  // namespace onda::random
