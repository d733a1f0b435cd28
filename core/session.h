// A loaded model: what the public Session is made of.
#ifndef ONDA_CORE_SESSION_H_
#define ONDA_CORE_SESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ir/graph.h"
#include "core/place/place.h"
#include "core/place/provider_instance.h"
#include "core/plan/program.h"
#include "core/plan/runtime_value.h"
#include "core/runtime/executor.h"

namespace onda {

enum class LogLevel { kVerbose, kInfo, kWarning, kError, kFatal };

struct LoadOptions {
  std::map<std::string, int64_t> free_dimensions;  // sizes of symbolic input dimensions, by name
  std::vector<std::string> extra_outputs;          // intermediate values that can be asked for
  bool fold_constants = true;
  bool reference_kernels = false;  // the plain references instead of the CPU kernels
  // Devices in the user's order; the host is always there, last. Sessions of one environment may share them.
  std::vector<std::shared_ptr<const ProviderInstance>> devices;
  size_t memory_limit = 0;  // of each device's pool, in bytes; 0: none
  PlaceOptions place;
  bool fuse = true;                                       // rewrites that fuse operators
  std::vector<std::string> skip_passes;                   // rules that are left out, by name
  int64_t max_rewrites = INT64_MAX;                       // the pipeline stops after so many
  std::stop_token stop;                                   // ends loading with kCancelled
  std::function<void(LogLevel, const std::string&)> log;  // may be null
};

// A named input or output of the model.
struct PortInfo {
  std::string name;
  Fact fact;
  TensorPtr default_value;  // inputs: what holds where nothing is fed; else null
};

// Where a node runs, and why not elsewhere.
struct PlacementEntry {
  std::string node;
  std::string op;
  std::string provider;  // "cpu"; "engine" for control flow; "view" where nothing is to be done
  std::string reason;
};

class InferenceSession {
 public:
  // Checks, upgrades, infers and compiles the model. Throws Error.
  InferenceSession(const Model& model, const LoadOptions& options);
  ~InferenceSession();

  const std::vector<PortInfo>& inputs() const { return inputs_; }
  const std::vector<PortInfo>& outputs() const { return outputs_; }
  const Graph& graph() const { return *graph_; }
  std::shared_ptr<const Graph> ShareGraph() const { return graph_; }
  std::vector<PlacementEntry> Placement() const;
  // The plans that runs of all outputs have made so far, as text.
  std::string PrintPlans() const;

  struct RunArguments {
    std::vector<std::pair<std::string, RuntimeValue>> feeds;
    std::vector<std::string> outputs;     // empty: all
    std::vector<OutputBinding> bindings;  // empty, or one per output
    ThreadPool* threads = nullptr;
    std::shared_ptr<BlockPool> pool;
    const StopToken* stop = nullptr;
    const NodeObserver* observer = nullptr;
  };
  // Safe from any number of threads. A result never shares memory with a feed, a constant or another result.
  std::vector<RuntimeValue> Run(RunArguments arguments) const;

 private:
  void Rewrite(Graph& graph, const LoadOptions& options) const;
  // The graph's inputs in order, from feeds; throws kInvalidArgument where one is wrong.
  std::vector<RuntimeValue> CheckFeeds(std::vector<std::pair<std::string, RuntimeValue>> feeds) const;

  std::shared_ptr<const InstanceSet> instances_;
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<CompiledGraph> compiled_;
  std::vector<std::shared_ptr<BlockPool>> device_pools_;  // by instance; [0] is unused
  std::vector<PortInfo> inputs_;
  std::vector<PortInfo> outputs_;
  std::vector<ValueId> own_outputs_;                        // without the extra ones
  std::map<std::string, ValueId, std::less<>> output_ids_;  // extra outputs too
};

// A deep copy with memory of its own.
RuntimeValue CopyValue(BlockPool& pool, const RuntimeValue& value);

}  // namespace onda

#endif  // ONDA_CORE_SESSION_H_
