// Small models that between them take every kind of step, and how they are loaded and run through the C table.
#ifndef ONDA_TESTS_FAULTS_SCENARIO_H_
#define ONDA_TESTS_FAULTS_SCENARIO_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "onda/c_api.h"

namespace onda::faults {

struct Scenario {
  const char* name;
  const char* graph;         // in ONNX's text syntax, without a header
  int devices = 0;           // of the late kind
  int threads = 1;           // of the session
  bool from_file = false;    // loaded from a file whose weights lie beside it, else from memory
  bool from_text = false;    // loaded from text
  bool with_plugin = false;  // registers a provider's library for each loading
};

const std::vector<Scenario>& Scenarios();

// An error that a call of the table gave back, or none (code 0). Holds no memory of its own, which is being counted.
struct Failure {
  int32_t code = 0;
  std::array<char, 600> message{};

  Failure() = default;
  Failure(int32_t code, const char* text);
};

// Everything that a scenario needs, made without faults; what it does with it is done by Load and Run.
class Bench {
 public:
  // folder: for files; plugin: path of a provider's library. fail_at: the call of the first device that fails, 0: none.
  Bench(const Scenario& scenario, const std::string& folder, const std::string& plugin);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Failure Load(int64_t fail_at = 0);
  void Unload();
  // The outputs as text; nothing where it fails.
  Failure Run(std::string* outputs);

 private:
  Failure Take(OndaError* error) const;
  const OndaApi& api_;
  const Scenario& scenario_;
  std::string bytes_, text_, path_, plugin_;
  OndaEnv* env_ = nullptr;
  OndaSession* session_ = nullptr;
  std::vector<OndaValue*> inputs_;
  std::vector<std::string> input_names_;
};

}  // namespace onda::faults

#endif  // ONDA_TESTS_FAULTS_SCENARIO_H_
