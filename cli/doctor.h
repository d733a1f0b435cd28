// onda doctor: whether Onda works here, and what to do where it does not.
#ifndef ONDA_CLI_DOCTOR_H_
#define ONDA_CLI_DOCTOR_H_

#include <string>
#include <vector>

namespace onda::cli {

struct DoctorOptions {
  std::vector<std::string> providers;           // looked at besides those that are installed, as EngineOptions has them
  std::vector<std::string> provider_libraries;  // as EngineOptions has them
  bool json = false;
};

// kExitDifferent where something is wrong.
int Doctor(const DoctorOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_DOCTOR_H_
