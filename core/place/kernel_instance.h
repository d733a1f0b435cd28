// A kernel chosen and prepared for one node.
#ifndef ONDA_CORE_PLACE_KERNEL_INSTANCE_H_
#define ONDA_CORE_PLACE_KERNEL_INSTANCE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "onda/provider.h"

namespace onda {

// Owns the object that a kernel's create function made.
class KernelInstance {
 public:
  KernelInstance(const OndaKernelDef* def, void* kernel) : def_(def), kernel_(kernel) {}
  ~KernelInstance() { def_->destroy(kernel_); }
  KernelInstance(const KernelInstance&) = delete;
  KernelInstance& operator=(const KernelInstance&) = delete;

  const OndaKernelDef& def() const { return *def_; }
  uint64_t Workspace(std::span<const OndaTensorView> inputs, std::span<const OndaTensorView> outputs) const {
    return def_->workspace(kernel_, inputs.data(), static_cast<int32_t>(inputs.size()), outputs.data(),
                           static_cast<int32_t>(outputs.size()));
  }
  bool prepares() const {
    return def_->size >= offsetof(OndaKernelDef, prepare) + sizeof(def_->prepare) && def_->prepare;
  }
  // See OndaKernelDef::prepare.
  void Prepare(const OndaLaunch& launch, OndaStatus* status) const { def_->prepare(kernel_, &launch, status); }
  void Launch(const OndaLaunch& launch, OndaStatus* status) const { def_->launch(kernel_, &launch, status); }

 private:
  const OndaKernelDef* def_;
  void* kernel_;
};

// Why a kernel was not taken.
struct Refusal {
  const OndaKernelDef* def;
  std::string reason;
};

// The first definition that does not reject the node; nullptr where all do. Facts of omitted inputs are unknown facts.
const OndaKernelDef* ChooseKernel(std::span<const OndaKernelDef* const> candidates, const Node& node,
                                  std::span<const Fact> inputs, std::span<const Fact> outputs,
                                  std::vector<Refusal>* refusals);

// Takes the kernel, which is destroyed where there is no memory for that.
std::unique_ptr<KernelInstance> OwnKernel(const OndaKernelDef& def, void* kernel);

// Creates the kernel; throws with the node's name where that fails.
std::unique_ptr<KernelInstance> CreateKernel(const OndaKernelDef& def, const Node& node, std::span<const Fact> inputs,
                                             std::span<const Fact> outputs);

// Runs a node once, on the calling thread, on constants; for folding. Outputs of unknown shape may take up to
// max_bytes. nullopt where no candidate runs it, an output would be larger, or it is not done at the deadline.
std::optional<std::vector<TensorPtr>> EvaluateOnce(
    std::span<const OndaKernelDef* const> candidates, const Node& node, std::span<const TensorPtr> inputs,
    std::span<const Fact> outputs, int64_t max_bytes,
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max());

// Throws what a status says, with the node's name and the shapes of its inputs.
[[noreturn]] void ThrowStatus(const OndaStatus& status, const Node& node, std::span<const OndaTensorView> inputs);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_KERNEL_INSTANCE_H_
