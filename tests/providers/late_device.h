// A provider for tests: a device whose memory the host cannot touch and whose streams run late, in a seeded order.
#ifndef ONDA_TESTS_PROVIDERS_LATE_DEVICE_H_
#define ONDA_TESTS_PROVIDERS_LATE_DEVICE_H_

#include "onda/provider.h"

namespace onda {

// Runs the reference kernels. Its addresses are mapped without access: host code that follows one crashes. Work is only
// queued; it runs when somebody waits, an arbitrary stream that may go on at a time. Host memory is read when a copy
// runs, not when it is asked for. Fresh memory is filled with a pattern.
// Options:
//   seed=N      of the order in which streams run and of the operators that are taken (0)
//   share=P     of 1000 operators, how many it takes (1000)
//   fail_at=N   the Nth call that can fail does (0: never)
const OndaProviderDef* LateDevice();

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_LATE_DEVICE_H_
