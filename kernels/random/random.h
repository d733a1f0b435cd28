// Random numbers: RandomNormal, RandomUniform (and Like), Multinomial, Bernoulli, Dropout.
#ifndef ONDA_KERNELS_RANDOM_RANDOM_H_
#define ONDA_KERNELS_RANDOM_RANDOM_H_

#include <cstdint>
#include <optional>

#include "onda/provider.h"

namespace onda::random {

// The Mersenne Twister MT19937 of Matsumoto and Nishimura (1998), seeded and turned into doubles as numpy's legacy
// RandomState does, so that a seed gives the numbers that it gives there.
class Generator {
 public:
  explicit Generator(uint32_t seed);
  uint32_t Next();
  // 53 random bits in [0, 1).
  double Uniform();
  // Standard normal, by the polar method, two at a time.
  double Normal();
  // 1 with probability p.
  bool Bernoulli(double p);

 private:
  static constexpr int kSize = 624;
  uint32_t state_[kSize];
  int next_ = kSize;
  double spare_ = 0;
  bool has_spare_ = false;
};

// The attribute `seed`, an int or a float. A launch with a seed always gives the same numbers, one without never does.
struct Seed {
  std::optional<uint32_t> value;
  explicit Seed(const Attributes& attributes);
  Generator MakeGenerator() const;
};

}  // namespace onda::random

#endif  // ONDA_KERNELS_RANDOM_RANDOM_H_
