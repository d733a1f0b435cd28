// How the command ends. The numbers are fixed; `onda --help` lists them.
#ifndef ONDA_CLI_EXIT_CODE_H_
#define ONDA_CLI_EXIT_CODE_H_

#include "onda/types.h"

namespace onda::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitDifferent = 1;  // a test did not pass, a result differs
inline constexpr int kExitUsage = 2;
inline constexpr int kExitError = 10;  // plus the number of the ErrorCode: 11 for an invalid model, ...

inline constexpr char kExitCodeHelp[] =
    "Exit codes: 0 success; 1 a test did not pass or a result differs; 2 wrong usage; 11 invalid model; 12 invalid "
    "input "
    "or option; 13 not implemented; 14 not found; 15 out of memory; 16 over a limit; 17 cancelled; 18 failed while "
    "running; 19 device lost; 20 defect of Onda.";

constexpr int ExitCodeOf(ErrorCode code) { return kExitError + static_cast<int>(code); }

}  // namespace onda::cli

#endif  // ONDA_CLI_EXIT_CODE_H_
