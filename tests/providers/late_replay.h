// Capture and replay as calls of the late device.
#ifndef ONDA_TESTS_PROVIDERS_LATE_REPLAY_H_
#define ONDA_TESTS_PROVIDERS_LATE_REPLAY_H_

#include "onda/provider.h"

namespace onda::late {

// An executable is what was captured; a replay makes the same requests again.
void AddCapture(OndaProviderDef& def);

}  // namespace onda::late

#endif  // ONDA_TESTS_PROVIDERS_LATE_REPLAY_H_
