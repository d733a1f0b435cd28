// Scratch memory of a few elements on the stack, of many on the heap.
#ifndef ONDA_KERNELS_SIMD_STACK_BUFFER_H_
#define ONDA_KERNELS_SIMD_STACK_BUFFER_H_

#include <cstddef>
#include <span>
#include <vector>

namespace onda {

// `count` elements, zero.
template <class T, size_t kOnStack>
class StackBuffer {
 public:
  explicit StackBuffer(size_t count) : heap_(count > kOnStack ? count : 0), count_(count) {}
  StackBuffer(const StackBuffer&) = delete;
  StackBuffer& operator=(const StackBuffer&) = delete;
  T* data() { return count_ > kOnStack ? heap_.data() : stack_; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }

 private:
  T stack_[kOnStack] = {};
  std::vector<T> heap_;
  size_t count_;
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_STACK_BUFFER_H_
