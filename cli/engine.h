// What the commands need of a session, in terms of Data: load, look, run.
#ifndef ONDA_CLI_ENGINE_H_
#define ONDA_CLI_ENGINE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/data/data.h"
#include "onda/model.h"
#include "onda/onda.h"

namespace onda::cli {

struct EngineOptions {
  int threads = 0;                              // 0: one per core
  std::map<std::string, int64_t> dimensions;    // sizes of symbolic input dimensions
  std::vector<std::string> providers;           // NAME[,KEY=VALUE...], in order of preference; cpu is always last
  std::vector<std::string> provider_libraries;  // which go by the names that they have themselves
  std::vector<std::string> custom_ops;          // libraries of operators
  bool reference = false;                       // the plain reference kernels
  bool optimize = true;                         // otherwise nodes stay as the model has them
  bool verbose = false;                         // log to standard error
  std::vector<std::string> settings;            // KEY=VALUE of onda::SessionOptions::Set
  std::vector<std::string> skip_rewrites;       // names of rewrites that are left out
  int64_t max_rewrites = INT64_MAX;             // at most so many
  bool record_rewrites = false;                 // see Session::GetRewrites
  std::string dump_folder;                      // as the session option
  std::string profile;                          // as the session option
};

struct Port {
  std::string name;
  Type type;
  TypeInfo info;             // valid as long as the engine
  bool has_default = false;  // inputs that need not be fed
};

using Feeds = std::vector<std::pair<std::string, Data>>;

class Engine {
 public:
  Engine(const Model& model, const EngineOptions& options);
  // From a file in any form; one in the binary format is read by the session itself.
  Engine(const std::string& path, const EngineOptions& options);

  // Those with a default last.
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  const Session& session() const { return session_; }

  // See Session::EndProfiling.
  std::string EndProfiling() { return session_.EndProfiling(); }

  // All outputs where `outputs` is empty. seconds: after which the run is ended with kCancelled; 0: never.
  std::vector<Data> Run(const Feeds& feeds, const std::vector<std::string>& outputs = {}, double seconds = 0) const;

  // For measuring: feeds are converted once, and results thrown away. Gives milliseconds. device: the provider in whose
  // memory inputs and outputs stay; "": on the host.
  void SetFeeds(const Feeds& feeds, const std::string& device = "");
  double RunOnce() const;
  // What the last RunOnce took of each provider's device by its own clock, in milliseconds; without those that have no
  // clock.
  std::vector<std::pair<std::string, double>> DeviceMilliseconds() const;

  // Runs with the feeds and tells of each node's outputs, in the order of execution.
  struct NodeResult {
    std::string node;
    std::string op;
    double milliseconds = 0;
    std::vector<std::string> names;
    std::vector<Data> outputs;  // tensors only
  };
  void Observe(const Feeds& feeds, const std::function<void(const NodeResult&)>& observer) const;

 private:
  explicit Engine(Session session);

  Session session_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<Session::NamedValue> feeds_;
  std::unique_ptr<IoBinding> binding_;  // of feeds on a device
  RunOptions measured_;                 // of RunOnce
  std::vector<std::string> devices_;    // the session's providers but cpu
};

// The value in a file that holds a serialized tensor, sequence, optional or map (.pb), as that input or output has it.
Data ReadProtoFile(const std::string& path, const Port& port);
void WriteProtoFile(const std::string& path, const std::string& name, const Data& data);

}  // namespace onda::cli

#endif  // ONDA_CLI_ENGINE_H_
