#include "kernels/signal/fft.h"

#include <algorithm>
#include <cmath>

namespace onda::signal {
namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

// exp(-2 pi j k / n), exact at the axes.
Complex Root(int64_t k, int64_t n) {
  k %= n;
  if (4 * k % n == 0) {
    constexpr Complex kAxes[] = {{1, 0}, {0, -1}, {-1, 0}, {0, 1}};
    return kAxes[4 * k / n];
  }
  const double angle = 2 * kPi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), -std::sin(angle)};
}

}  // namespace

Fft::Fft(int64_t n, Carver& carver, const LaunchArgs* args) : args_(args), n_(n), size_(1) {
  while (size_ < n) size_ *= 2;
  const bool direct = size_ == n;
  if (!direct) {
    while (size_ < 2 * n - 1) size_ *= 2;
  }
  roots_ = carver.Take<Complex>(size_ / 2);
  chirp_ = carver.Take<Complex>(direct ? 0 : n);
  filter_ = carver.Take<Complex>(direct ? 0 : size_);
  if (!roots_) return;
  auto poll = [&](int64_t k) {
    if (args_ && k % 4096 == 0) args_->CheckStop();
  };
  for (int64_t k = 0; k < size_ / 2; ++k) {
    poll(k);
    roots_[k] = Root(k, size_);
  }
  if (direct) return;
  // k^2 modulo 2n, kept small step by step: (k + 1)^2 = k^2 + 2k + 1.
  int64_t square = 0;
  for (int64_t k = 0; k < n; ++k) {
    poll(k);
    chirp_[k] = Root(square, 2 * n);
    square = (square + 2 * k + 1) % (2 * n);
  }
  std::fill(filter_, filter_ + size_, Complex{0, 0});
  for (int64_t k = 0; k < n; ++k) {
    const Complex conjugate{chirp_[k].re, -chirp_[k].im};
    filter_[k] = conjugate;
    if (k > 0) filter_[size_ - k] = conjugate;
  }
  PowerOfTwo(filter_);
  const double scale = 1 / static_cast<double>(size_);
  for (int64_t k = 0; k < size_; ++k) filter_[k] = {filter_[k].re * scale, filter_[k].im * scale};
}

void Fft::PowerOfTwo(Complex* line) const {
  for (int64_t i = 1, reversed = 0; i < size_; ++i) {
    int64_t bit = size_ / 2;
    for (; reversed & bit; bit /= 2) reversed ^= bit;
    reversed ^= bit;
    if (i < reversed) std::swap(line[i], line[reversed]);
  }
  for (int64_t half = 1; half < size_; half *= 2) {
    const int64_t stride = size_ / (2 * half);
    int64_t done = 0;
    for (int64_t start = 0; start < size_; start += 2 * half) {
      if (args_ && (done += half) >= 1 << 15) {
        done = 0;
        args_->CheckStop();
      }
      for (int64_t k = 0; k < half; ++k) {
        const Complex a = line[start + k], b = line[start + half + k] * roots_[k * stride];
        line[start + k] = a + b;
        line[start + half + k] = a - b;
      }
    }
  }
}

void Fft::Run(Complex* line, Complex* scratch, bool inverse) const {
  // The inverse is the forward transform between two conjugations.
  auto conjugate = [](Complex* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) values[i].im = -values[i].im;
  };
  if (inverse) conjugate(line, n_);
  if (n_ == size_) {
    PowerOfTwo(line);
  } else {
    for (int64_t i = 0; i < size_; ++i) scratch[i] = i < n_ ? line[i] * chirp_[i] : Complex{0, 0};
    PowerOfTwo(scratch);
    for (int64_t i = 0; i < size_; ++i) scratch[i] = scratch[i] * filter_[i];
    conjugate(scratch, size_);
    PowerOfTwo(scratch);
    conjugate(scratch, size_);
    for (int64_t i = 0; i < n_; ++i) line[i] = scratch[i] * chirp_[i];
  }
  if (inverse) conjugate(line, n_);
}

}  // namespace onda::signal
