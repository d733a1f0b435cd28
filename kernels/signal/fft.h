// The discrete Fourier transform of one line, in double precision.
#ifndef ONDA_KERNELS_SIGNAL_FFT_H_
#define ONDA_KERNELS_SIGNAL_FFT_H_

#include <cstdint>

#include "kernels/simd/carver.h"
#include "onda/provider.h"

namespace onda::signal {

struct Complex {
  double re, im;

  friend Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
  friend Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
  friend Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
};

// A transform of length n >= 1: by radix two where n is a power of two, else as a convolution of a power of two
// (Bluestein, IEEE TAU 18, 1970).
class Fft {
 public:
  // Takes its tables from the workspace; fills them in where there is memory. Ends with the launch where that is given.
  Fft(int64_t n, Carver& carver, const LaunchArgs* args = nullptr);

  // Complex numbers that Run needs besides the line.
  int64_t scratch_count() const { return n_ == size_ ? 0 : size_; }
  // In place: line[k] = sum over i of line[i] * exp(-+2 pi j k i / n); plus for the inverse, which is not divided by n.
  void Run(Complex* line, Complex* scratch, bool inverse) const;

 private:
  // Forward transform of size_ numbers in place.
  void PowerOfTwo(Complex* line) const;

  const LaunchArgs* args_;
  int64_t n_, size_;  // size_ is a power of two
  Complex* roots_;    // exp(-2 pi j k / size), k < size / 2
  Complex* chirp_;    // exp(-pi j k^2 / n), k < n
  Complex* filter_;   // the transform of the conjugate chirp, wrapped around, over size
};

}  // namespace onda::signal

#endif  // ONDA_KERNELS_SIGNAL_FFT_H_
