// Stacks that one OS thread switches between.
#ifndef ONDA_TESTS_CUDA_SIM_FIBER_H_
#define ONDA_TESTS_CUDA_SIM_FIBER_H_

#include <cstddef>
#include <cstdint>

namespace onda::cuda_sim {

class Fiber {
 public:
  static constexpr size_t kStackBytes = 128 * 1024;

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next Resume calls entry(argument), which never returns: it ends in Suspend. What ran before is forgotten.
  void Start(void (*entry)(void*), void* argument);
  // Runs the fiber until it calls Suspend.
  void Resume();
  // From inside: back to who resumed.
  void Suspend();

  bool Holds(const void* p) const { return p >= stack_ && p < stack_ + kStackBytes; }

 private:
  char* stack_;
  void* own_ = nullptr;     // stack pointer while it is suspended
  void* caller_ = nullptr;  // stack pointer of who resumed it
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_FIBER_H_
