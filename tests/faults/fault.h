// Makes one call of the system fail, and counts what the process holds.
#ifndef ONDA_TESTS_FAULTS_FAULT_H_
#define ONDA_TESTS_FAULTS_FAULT_H_

#include <cstdint>
#include <string>

namespace onda::faults {

enum class Kind {
  kAllocation,  // operator new, aligned_alloc
  kMapping,     // mmap, mremap
  kRead,        // open, openat, fstat, read
  kThread,      // pthread_create
};
constexpr int kKinds = 4;
const char* NameOf(Kind kind);
// Sanitizers bring functions of their own for these, so that only operator new can fail there.
bool CanFail(Kind kind);

// From here on calls of that kind are counted, by all threads; the nth fails. 0: none does.
void Arm(Kind kind, int64_t nth);
// Whether the stack of the call that fails is printed, as addresses of the program.
void Trace(bool on);
// Ends it; gives how many calls there were.
int64_t Disarm();

// What was taken and not given back yet.
struct Holdings {
  int64_t blocks = 0;    // of operator new
  int64_t aligned = 0;   // of aligned_alloc
  int64_t mappings = 0;  // pages of mmap
  int64_t files = 0;     // open descriptors
  bool operator==(const Holdings&) const = default;
};
Holdings Held();
std::string ToString(const Holdings& holdings);

}  // namespace onda::faults

#endif  // ONDA_TESTS_FAULTS_FAULT_H_
