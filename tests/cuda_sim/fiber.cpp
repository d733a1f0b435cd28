#include "tests/cuda_sim/fiber.h"

#include <sys/mman.h>

#include <new>

// Saves the callee-saved registers of the x86-64 System V ABI on this stack, stores its pointer in *from and goes on
// with the stack `to`. The floating-point control words never change in kernels.
extern "C" void OndaSwitchStack(void** from, void* to);
asm(R"(
.text
.globl OndaSwitchStack
.hidden OndaSwitchStack
.type OndaSwitchStack, @function
OndaSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size OndaSwitchStack, .-OndaSwitchStack
)");
// The first frame of a fiber: r12 is the entry, r13 its argument.
extern "C" void OndaFiberEntry();
asm(R"(
.text
.globl OndaFiberEntry
.hidden OndaFiberEntry
.type OndaFiberEntry, @function
OndaFiberEntry:
  movq %r13, %rdi
  callq *%r12
  ud2
.size OndaFiberEntry, .-OndaFiberEntry
)");

namespace onda::cuda_sim {
namespace {
constexpr size_t kGuardBytes = 4096;
}

Fiber::Fiber() {
  void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kGuardBytes, PROT_NONE);
  stack_ = static_cast<char*>(memory) + kGuardBytes;
}

Fiber::~Fiber() { munmap(stack_ - kGuardBytes, kStackBytes + kGuardBytes); }

void Fiber::Start(void (*entry)(void*), void* argument) {
  void** top = reinterpret_cast<void**>(stack_ + kStackBytes);
  // From the top: two words that keep the alignment, the return address, rbp, rbx, r12, r13, r14, r15.
  top -= 2;
  *--top = reinterpret_cast<void*>(OndaFiberEntry);
  *--top = nullptr;
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  *--top = argument;
  *--top = nullptr;
  *--top = nullptr;
  own_ = top;
}

void Fiber::Resume() { OndaSwitchStack(&caller_, own_); }
void Fiber::Suspend() { OndaSwitchStack(&own_, caller_); }

}  // namespace onda::cuda_sim
