// Cuts a kernel's workspace into arrays.
#ifndef ONDA_KERNELS_SIMD_CARVER_H_
#define ONDA_KERNELS_SIMD_CARVER_H_

#include <cstddef>
#include <cstdint>

namespace onda {

// Every piece is aligned to 64 bytes where the block is. Over a null block it only counts: the same walk tells how many
// bytes are needed and hands them out.
class Carver {
 public:
  explicit Carver(void* memory = nullptr) : memory_(static_cast<char*>(memory)) {}

  template <class T>
  T* Take(int64_t count) {
    T* piece = memory_ ? reinterpret_cast<T*>(memory_ + bytes_) : nullptr;
    bytes_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return piece;
  }
  size_t bytes() const { return bytes_; }

 private:
  char* memory_;
  size_t bytes_ = 0;
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_CARVER_H_
