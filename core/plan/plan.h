// What is left to do once shapes are known: flat steps over static offsets.
#ifndef ONDA_CORE_PLAN_PLAN_H_
#define ONDA_CORE_PLAN_PLAN_H_

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/ir/graph.h"
#include "core/place/kernel_instance.h"
#include "core/plan/branches.h"
#include "core/plan/capture_cache.h"
#include "onda/provider.h"

namespace onda {

struct RuntimeValue;

// Where a step finds an input or output.
struct Argument {
  enum class Place : uint8_t {
    kAbsent,    // omitted, or nobody wants it
    kArena,     // at `offset` in the plan's block of `instance`
    kFrame,     // in the value `id` of the frame
    kConstant,  // at view.data
    kDynamic,   // an output whose shape only its kernel knows: becomes the value `id` of the frame
  };
  Place place = Place::kAbsent;
  int32_t instance = 0;
  ValueId id = kNoValue;
  size_t offset = 0;
  OndaTensorView view{};  // dims point into Plan::dims; data is set where constant
};

struct Step {
  enum class Kind : uint8_t {
    kLaunch,    // the kernel, on the stream of `instance`; at once where that is the host
    kCopy,      // argument 0 to argument 1, on the stream of `instance`
    kRecord,    // event `event` of `instance` on its stream
    kWait,      // the stream of `instance` waits for event `event` of instance `other`
    kHostWait,  // the calling thread waits for event `event` of `instance`
  };
  Kind kind = Kind::kLaunch;
  OndaCopyKind copy = kOndaHostToDevice;
  StreamRole stream = StreamRole::kCompute;  // launches are computing, on side streams too
  bool between_branches = false;             // a record or wait that only the side streams need
  int32_t instance = 0;
  int32_t other = 0;
  int32_t event = 0;
  NodeId node = kNoNode;
  const KernelInstance* kernel = nullptr;
  uint32_t first_argument = 0;  // inputs, then outputs
  uint16_t input_count = 0;
  uint16_t output_count = 0;
  size_t workspace_offset = 0;  // in the block of `instance`
  size_t workspace_bytes = 0;

  // What a launch of the kernel on `views`, its arguments in order, says of itself; where it runs is still to be said.
  OndaLaunch LaunchOf(std::span<OndaTensorView> views) const {
    OndaLaunch launch{};
    launch.size = sizeof(launch);
    launch.inputs = views.data();
    launch.input_count = input_count;
    launch.outputs = views.data() + input_count;
    launch.output_count = output_count;
    launch.node = node;
    return launch;
  }
};

// A value that outlives its plan: gets a block of its own, or shares another value's, or is a constant.
struct Escape {
  ValueId id;
  DType dtype;
  std::vector<int64_t> dims;
  int32_t instance = 0;        // whose memory it lies in
  ValueId view_of = kNoValue;  // shares that frame value's memory
  TensorPtr constant;          // is this constant
};

// A segment of a program, positions [begin, end), bound to shapes.
struct Plan {
  int32_t begin = 0;
  int32_t end = 0;
  bool engine = false;  // one node that the engine runs: no steps, holds for every shape
  std::vector<Step> steps;
  std::vector<Argument> arguments;
  std::deque<std::vector<int64_t>> dims;  // stable storage of the views' shapes
  std::vector<TensorPtr> constants;       // kept alive
  std::vector<Escape> escapes;            // in an order in which view_of is there first
  std::vector<size_t> arena_bytes;        // by instance
  std::vector<size_t> live_bytes;         // by instance: the most of the arena that is in use at one step
  std::vector<NodeId> peak_nodes;         // and the node of that step; or kNoNode
  std::vector<int32_t> event_counts;      // by instance
  std::vector<BranchGroup> branches;      // steps that may run at once, where that was asked for
  std::unique_ptr<BranchTrial[]> trials;  // by group
  std::vector<ValueId> released;          // frame values that nobody reads from `end` on

  // What runs have captured of it; null where nothing can be. Beside the plan, not part of what it says.
  std::unique_ptr<CaptureCache> captures;

  // The plan holds for frames whose values have these types and shapes, and these contents.
  struct ShapeKey {
    ValueId id;
    DType dtype;
    std::vector<int64_t> dims;
    int32_t instance;  // where it lies
  };
  struct ContentKey {
    ValueId id;
    std::vector<int64_t> elements;  // bytes of the value, padded
  };
  std::vector<ShapeKey> shapes;
  std::vector<ContentKey> contents;
};

// The plans of one program by the position at which they begin; the least recently used ones are dropped.
class PlanCache {
 public:
  explicit PlanCache(size_t capacity = 64) : capacity_(capacity) {}
  // A plan that begins at `position` and holds for the frame, or null.
  std::shared_ptr<const Plan> Find(int32_t position, const std::vector<RuntimeValue>& frame);
  void Add(std::shared_ptr<const Plan> plan);
  // By position, the most recently used ones first.
  std::vector<std::shared_ptr<const Plan>> All();

 private:
  const size_t capacity_;  // per position
  std::mutex mutex_;
  std::map<int32_t, std::list<std::shared_ptr<const Plan>>> plans_;  // by position; most recent first
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_PLAN_H_
