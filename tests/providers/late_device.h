// A provider for tests: a device whose memory the host cannot touch and whose streams run late, in a seeded order.
#ifndef ONDA_TESTS_PROVIDERS_LATE_DEVICE_H_
#define ONDA_TESTS_PROVIDERS_LATE_DEVICE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onda/provider.h"

namespace onda {

// Runs the CPU provider's kernels. Its addresses are mapped without access: host code that follows one crashes. Work is
// only queued; it runs when somebody waits, an arbitrary stream that may go on at a time. Host memory is read when a
// copy runs, not when it is asked for. Fresh memory is filled with a pattern. What a stream records while it is
// captured is asked for again at each replay. All that devices and watched host kernels do goes through a race check.
// Options:
//   seed=N         of the order in which streams run and of the operators that are taken (0)
//   share=P        of 1000 operators, how many it takes (1000)
//   only=A,B,...   the names of the operators that it may take (all)
//   cpu_kernels=B  1: the CPU kernels, best first; 0: the plain references alone (0)
//   regions=1      claims regions, drawn with the seed (0)
//   fail_at=N      the Nth call that can fail does (0: never)
//   drop_wait=N, drop_record=N, drop_sync=N
//                  the Nth wait of a stream for an event, the Nth record of an event, the Nth time that the host waits
//                  for a stream or event is left out (0: none)
const OndaProviderDef* LateDevice();
// The same with hints of what launches and copies cost, a few microseconds each.
const OndaProviderDef* LateDeviceWithCosts();

// Tables of the host's kernels, for LoadOptions, whose accesses the race check hears of.
std::span<const OndaKernelDef* const> WatchedCpuKernels(std::string_view domain, std::string_view op);
std::span<const OndaKernelDef* const> WatchedReferenceKernels(std::string_view domain, std::string_view op);

// The host reads or writes memory by other means than a watched kernel.
void NoteHostRead(const void* memory, size_t bytes, const std::string& what);
void NoteHostWrite(const void* memory, size_t bytes, const std::string& what);

// Does all the work that is queued, then copies bytes of host or device memory: for looking at values in between.
std::vector<std::byte> ReadLate(const void* memory, size_t bytes);

// For devices that outlive sessions: streams run in the order of that seed from now on, and no access so far is
// compared with those to come. Nothing may be queued.
void RestartLateDevices(uint64_t seed);
// Kernels on late devices are told to stop from then on: what they leave is no result. At first there is no such time.
void SetLateDeadline(std::chrono::steady_clock::time_point deadline);

// The races found since the last call, and devices that were destroyed with memory, streams or events in use.
std::vector<std::string> TakeRaces();

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_LATE_DEVICE_H_
