// One device of a session: an instance of a provider, or the host.
#ifndef ONDA_CORE_PLACE_PROVIDER_INSTANCE_H_
#define ONDA_CORE_PLACE_PROVIDER_INSTANCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ir/graph.h"
#include "onda/provider.h"

namespace onda {

// Throws kInvalidArgument unless the table is of this ABI and has every function that is not optional. Tables of older
// plug-ins are shorter.
void CheckProviderDef(const OndaProviderDef* def, const std::string& name);

// Gives the kernels of the host for an operator, best first.
using KernelTable = std::span<const OndaKernelDef* const> (*)(std::string_view domain, std::string_view op);

class ProviderInstance {
 public:
  // The host, with these kernels. `more` are of operators that the table does not have.
  explicit ProviderInstance(KernelTable host_kernels, std::span<const OndaKernelDef* const> more = {});
  // A device. Throws what the provider says against it. `more` come before the provider's own.
  ProviderInstance(const OndaProviderDef* def, std::string label,
                   const std::vector<std::pair<std::string, std::string>>& options,
                   std::span<const OndaKernelDef* const> more = {});
  ~ProviderInstance();
  ProviderInstance(const ProviderInstance&) = delete;
  ProviderInstance& operator=(const ProviderInstance&) = delete;

  bool is_host() const { return source_ == nullptr; }
  const std::string& label() const { return label_; }  // "cpu", "cuda:0"
  // The provider's table, with NULL for what its version does not have yet.
  const OndaProviderDef& def() const { return def_; }
  bool SameProvider(const ProviderInstance& other) const { return source_ == other.source_; }
  std::span<const OndaKernelDef* const> KernelsFor(const Node& node) const;

  bool claims_regions() const { return def_.claim_regions && def_.compile_region; }
  // Calls add for each claim that the provider makes.
  void AskForClaims(const OndaRegionView& region, const std::function<void(const OndaClaim&)>& add) const;
  // The table and kernel of a claimed region.
  std::pair<const OndaKernelDef*, void*> CompileRegion(const OndaRegionView& region) const;
  double NodeMicroseconds(const OndaNodeView& node) const { return def_.node_microseconds(handle_, &node); }

  void* Allocate(size_t bytes) const { return def_.allocate(handle_, bytes); }
  void Free(void* memory) const { def_.free(handle_, memory); }
  void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream) const;
  void Synchronize(void* stream) const;
  void Record(void* event, void* stream) const;
  void Wait(void* stream, void* event) const;
  void SynchronizeEvent(void* event) const;

  // A stream with its status word, for one run at a time.
  struct Lane {
    void* stream = nullptr;
    int32_t* status = nullptr;  // two int32 in device memory, zero
    std::vector<void*> events;
  };
  // From those that earlier runs returned, or a new one. events: how many the lane must have at least.
  std::unique_ptr<Lane> TakeLane(size_t events) const;
  // clean: nothing is running on it, and its status word is zero; otherwise it is thrown away.
  void ReturnLane(std::unique_ptr<Lane> lane, bool clean) const;

 private:
  void DestroyLane(Lane& lane) const;
  void AddKernels(std::span<const OndaKernelDef* const> kernels);

  const OndaProviderDef* source_ = nullptr;  // as the plug-in gave it
  OndaProviderDef def_{};
  void* handle_ = nullptr;
  std::string label_;
  KernelTable host_kernels_ = nullptr;
  std::map<std::pair<std::string_view, std::string_view>, std::vector<const OndaKernelDef*>> kernels_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Lane>> lanes_;
};

// The instances of a session: [0] is the host. `preference` lists indices in the user's order, the host last.
struct InstanceSet {
  std::vector<std::shared_ptr<const ProviderInstance>> instances;
  std::vector<int32_t> preference;

  const ProviderInstance& host() const { return *instances[0]; }
};

}  // namespace onda

#endif  // ONDA_CORE_PLACE_PROVIDER_INSTANCE_H_
