// Launches on the late devices: queued with copies of what the host may change.
#ifndef ONDA_TESTS_PROVIDERS_LATE_LAUNCH_H_
#define ONDA_TESTS_PROVIDERS_LATE_LAUNCH_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "onda/provider.h"
#include "tests/providers/late_world.h"
#include "tests/providers/race_check.h"
#include "tests/providers/wrapped_kernel.h"

namespace onda::late {

// A LaunchFunction: of kernels on a device.
void Launch(const void* kernel, const OndaLaunch* launch, OndaStatus* status);

// Launches of regions go through the queue as those of kernels do.
const OndaKernelDef& RegionDef();

// What a launch touches. Of a device's inputs those in host memory are read when the host asks for the launch.
void NoteLaunch(RaceCheck& races, const WrappedKernel& kernel, const OndaLaunch& launch, RaceCheck::Actor actor,
                const Device* device);
void NoteOutputs(RaceCheck& races, const WrappedKernel& kernel, const OndaLaunch& launch, RaceCheck::Actor actor);

// Of an operator's CpuKernels: those of ReferenceKernels, or all.
std::vector<size_t> KernelIndices(std::string_view domain, std::string_view op, bool reference);

}  // namespace onda::late

#endif  // ONDA_TESTS_PROVIDERS_LATE_LAUNCH_H_
