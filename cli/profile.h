// onda profile: makes a trace, or sums one up.
#ifndef ONDA_CLI_PROFILE_H_
#define ONDA_CLI_PROFILE_H_

#include <string>

#include "cli/inputs.h"

namespace onda::cli {

struct ProfileOptions {
  std::string model;  // or a trace (.json)
  InputOptions inputs;
  EngineOptions engine;
  int warmup = 1;  // runs ahead of the trace's end that are traced too, but not summed up
  int runs = 5;
  std::string output;  // the trace; "" keeps none
  int top = 20;        // rows of the table of nodes
  bool json = false;
};

// Prints where the time goes: by phase of loading, by operator, by node, by thread.
int Profile(const ProfileOptions& options);

}  // namespace onda::cli

#endif  // ONDA_CLI_PROFILE_H_
