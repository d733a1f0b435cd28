// A loaded model: what the public Session is made of.
#ifndef ONDA_CORE_SESSION_H_
#define ONDA_CORE_SESSION_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/custom/custom_ops.h"
#include "core/ir/graph.h"
#include "core/passes/canonicalize.h"
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
  bool deterministic = false;          // results do not depend on the number of threads
  int inter_op_threads = 1;            // branches that run at once; 0: as many as there are threads
  KernelTable host_kernels = nullptr;  // null: the CPU kernels
  // Devices in the user's order; the host is always there, last. Sessions of one environment may share them.
  std::vector<std::shared_ptr<const ProviderInstance>> devices;
  std::shared_ptr<const CustomOps> custom_ops;  // may be null; lives as long as the session
  size_t memory_limit = 0;                      // of each device's pool, in bytes; 0: none
  bool ranges = false;                          // providers name sessions and nodes to their device's profiler
  bool capture = true;                          // devices replay what they have recorded; see OndaProviderDef
  // Budgets against hostile models; see CanonicalizeOptions and RunContext.
  int64_t max_nodes = 400'000;
  int64_t max_folded_bytes = int64_t{64} << 20;
  int64_t max_folding_ms = 300;
  uint64_t max_string_bytes = kMaxStringBytes;
  std::shared_ptr<MemoryBudget> budget;     // has device memory that nobody uses given back; may be null
  std::shared_ptr<SharedConstants> shared;  // constants and kernels of other sessions; may be null
  PlaceOptions place;
  bool fuse = true;                                       // rewrites that fuse operators
  std::vector<std::string> skip_passes;                   // rules that are left out, by name
  int64_t max_rewrites = INT64_MAX;                       // the pipeline stops after so many
  bool record_rewrites = false;                           // see InferenceSession::rewrites
  std::string dump_folder;                                // see RunPass
  std::stop_token stop;                                   // ends loading with kCancelled
  std::function<void(LogLevel, const std::string&)> log;  // may be null
  // Told of each phase of loading when it ends; may be null.
  std::function<void(std::string_view phase, std::chrono::steady_clock::time_point begin)> on_phase;
};

// A named input or output of the model.
struct PortInfo {
  std::string name;
  Fact fact;
  TensorPtr default_value;  // inputs: what holds where nothing is fed; else null
};

// A change that a rule made: the nodes that went and those that came, as text.
struct RewriteRecord {
  std::string rule;
  std::string reason;
  std::string node;
  std::string before;
  std::string after;
};

// Where a node runs, and why.
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
  // Gives back the memory that devices keep for reuse.
  void TrimDevices() const;
  // The number of an instance by its label ("cuda", "cuda:1"), or of the only one of that provider; throws kNotFound.
  int32_t FindInstance(std::string_view label) const;
  const InstanceSet& instances() const { return *instances_; }
  // A tensor in that instance's memory, contents undefined. host: where host memory comes from.
  RuntimeValue MakeTensorOn(int32_t instance, BlockPool& host, DType dtype, std::span<const int64_t> dims) const;
  // Of the provider instances, by index: "cpu" is 0.
  std::vector<std::string> ProviderLabels() const;
  // In order, where they were asked for.
  const std::vector<RewriteRecord>& rewrites() const { return rewrites_; }
  // The plans that runs of all outputs have made so far, as text.
  std::string PrintPlans() const;

  // What one run needs beside its arguments; kept between runs, so that those of shapes that were seen before, with all
  // outputs bound, allocate nothing.
  struct Request {
    std::vector<RuntimeValue> inputs;  // of the graph, in order
    std::vector<ValueId> outputs;
    std::vector<OutputBinding> bindings;
    std::vector<int32_t> instances;  // where the results are to lie
    std::vector<RuntimeValue> results;
    std::vector<std::pair<int64_t, size_t>> symbols;  // size of a symbolic dimension and the input that gave it
  };
  // Gets a request from those that ended, and gives it back at the end of the scope.
  class RequestScope;

  struct RunSettings {
    ThreadPool* threads = nullptr;
    std::shared_ptr<BlockPool> pool;
    const StopToken* stop = nullptr;
    const NodeObserver* observer = nullptr;
    std::span<const std::pair<std::string, void*>> streams = {};  // of the caller's, by the provider's label
    // By instance: takes what the run took of each device, below 0 where that cannot be measured. Empty: not wanted.
    std::span<double> device_ms = {};
  };
  // A run by steps: Feed each input and choose the outputs in any order, then Run. Feeds stay the caller's, are not
  // written to and must stay as they are until Run returns. All safe from any number of threads, each with a request of
  // its own. Results are in request.results; one never shares memory with a feed, a constant or another result.
  // instance: where the value lies.
  void Feed(Request& request, std::string_view name, const RuntimeValue& value, int32_t instance = 0) const;
  // instance: where the result is to lie; that of the binding where there is one.
  void ChooseOutput(Request& request, std::string_view name, OutputBinding binding, int32_t instance = 0) const;
  void Run(Request& request, const RunSettings& settings) const;

  struct RunArguments : RunSettings {
    std::vector<std::pair<std::string, RuntimeValue>> feeds;
    std::vector<std::string> outputs;  // empty: all
  };
  std::vector<RuntimeValue> Run(const RunArguments& arguments) const;

 private:
  void Rewrite(Graph& graph, const LoadOptions& options, const CanonicalizeOptions& canonical);
  // Throws kInvalidArgument where an input is wrong or missing.
  void CheckFeeds(Request& request) const;
  void CheckShape(Request& request, size_t input) const;
  // Inputs in device memory that is read elsewhere too become copies in host memory.
  void BringInputsHome(Request& request, BlockPool& host) const;
  // A result as the caller gets it: its own, or in the bound memory.
  void FinishResult(Request& request, size_t i, BlockPool& host) const;

  const bool deterministic_;
  const uint64_t max_string_bytes_;
  const int inter_op_threads_;
  const bool capture_;
  const bool ranges_;
  std::shared_ptr<const CustomOps> custom_ops_;
  std::shared_ptr<const InstanceSet> instances_;
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<CompiledGraph> compiled_;
  std::vector<std::shared_ptr<BlockPool>> device_pools_;  // by instance; [0] is unused
  std::vector<std::shared_ptr<BlockPool>> host_pools_;    // by instance: what its copies reach best; null: none
  std::vector<PortInfo> inputs_;
  std::vector<int32_t> input_homes_;                 // see HomeOfInput
  std::vector<std::vector<int32_t>> input_symbols_;  // of each dimension: a number per symbolic one, -1 for the others
  size_t symbol_count_ = 0;
  std::vector<PortInfo> outputs_;
  std::vector<RewriteRecord> rewrites_;
  std::vector<ValueId> own_outputs_;                        // without the extra ones
  std::map<std::string, ValueId, std::less<>> output_ids_;  // extra outputs too
  mutable std::mutex requests_mutex_;
  mutable std::vector<std::unique_ptr<Request>> requests_;  // that nobody uses
  mutable size_t requests_made_ = 0;
};

class InferenceSession::RequestScope {
 public:
  explicit RequestScope(const InferenceSession& session);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;
  Request& operator*() const { return *request_; }
  Request* operator->() const { return request_.get(); }

 private:
  const InferenceSession& session_;
  std::unique_ptr<Request> request_;
};

// A deep copy with memory of its own.
RuntimeValue CopyValue(BlockPool& pool, const RuntimeValue& value);

}  // namespace onda

#endif  // ONDA_CORE_SESSION_H_
