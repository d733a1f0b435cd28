// Weights, and what kernels prepared of them, that several sessions use.
#ifndef ONDA_CORE_PLACE_SHARED_CONSTANTS_H_
#define ONDA_CORE_PLACE_SHARED_CONSTANTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "core/ir/graph.h"
#include "core/place/kernel_instance.h"

namespace onda {

// Keeps nothing alive: what no session uses any more is gone. Safe from any thread.
class SharedConstants {
 public:
  // Replaces constants of the graph, and of the bodies inside, by equal ones of other graphs. Contents are compared.
  void Share(Graph& graph);
  // A host kernel that another session has for a node of the same operator, attributes and facts, constants being the
  // same objects; or a new one.
  std::shared_ptr<const KernelInstance> Kernel(const OndaKernelDef& def, const Node& node, std::span<const Fact> inputs,
                                               std::span<const Fact> outputs);

 private:
  TensorPtr Find(const TensorPtr& tensor);

  std::mutex mutex_;
  std::multimap<std::pair<size_t, uint64_t>, std::weak_ptr<const Tensor>> tensors_;  // by bytes and hash
  std::map<std::string, std::weak_ptr<const KernelInstance>> kernels_;               // by all that decides them
  size_t purge_at_ = 64;
};

}  // namespace onda

#endif  // ONDA_CORE_PLACE_SHARED_CONSTANTS_H_
