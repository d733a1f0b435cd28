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

// The table with NULL for what its version does not have yet.
OndaProviderDef CompleteProviderDef(const OndaProviderDef* def);

// What a stream of a lane is for. Copies between device and host have streams of their own where they are long enough
// to run beside launches, and branches that do not depend on each other the side streams.
enum class StreamRole : uint8_t { kCompute, kUpload, kDownload, kSide1, kSide2, kSide3 };
inline constexpr size_t kStreamRoles = 6, kSideStreams = 3;
inline StreamRole SideStream(size_t i) { return static_cast<StreamRole>(static_cast<size_t>(StreamRole::kSide1) + i); }

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
  // From so many bytes on a copy from or to the host takes longer than the launches that its events stand for.
  size_t overlap_bytes() const {
    return static_cast<size_t>(2 * def_.launch_microseconds * def_.copy_gigabytes_per_second * 1e3);
  }
  // The number and kind of the device for DLPack; kind 0: none.
  std::pair<int32_t, int32_t> DlpackDevice() const;

  // Where the provider does not tell, all is 0.
  OndaMemoryInfo Memory() const;
  void SetMemoryLimit(uint64_t bytes) const;
  // Gives back what nobody uses: lanes, and what the provider keeps.
  void Trim() const;
  bool has_host_memory() const { return def_.allocate_host && def_.free_host; }
  void* AllocateHost(size_t bytes) const { return def_.allocate_host(handle_, bytes); }
  void FreeHost(void* memory) const { def_.free_host(handle_, memory); }
  // A handle for a stream of the caller's, to be given up by DestroyStream. Throws where the provider takes none.
  void* WrapStream(void* native) const;
  void DestroyStream(void* stream) const { def_.destroy_stream(handle_, stream); }
  bool has_ranges() const { return def_.push_range && def_.pop_range; }
  void PushRange(const char* name) const { def_.push_range(handle_, name); }
  void PopRange() const { def_.pop_range(handle_); }

  void* Allocate(size_t bytes) const { return def_.allocate(handle_, bytes); }
  void Free(void* memory) const { def_.free(handle_, memory); }
  void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream) const;
  void Synchronize(void* stream) const;
  // On the way of an error, where what failed first is what the caller hears of: waits as far as that can be done.
  void Quiet(void* stream) const noexcept;
  void Record(void* event, void* stream) const;
  void Wait(void* stream, void* event) const;
  void SynchronizeEvent(void* event) const;

  // Events that measure. nullptr where the provider has none, or no memory for one.
  void* CreateTimingEvent() const noexcept;
  void DestroyEvent(void* event) const { def_.destroy_event(handle_, event); }
  // Between two that were reached.
  double ElapsedMilliseconds(void* from, void* to) const;

  // Capture; see OndaProviderDef. What fails throws.
  bool captures() const {
    return def_.begin_capture && def_.end_capture && def_.destroy_capture && def_.instantiate &&
           def_.update_executable && def_.launch_executable && def_.destroy_executable;
  }
  bool patches_copies() const { return def_.update_copy != nullptr; }
  void BeginCapture(void* stream) const;
  void* EndCapture(void* stream) const;
  void DestroyCapture(void* capture) const { def_.destroy_capture(handle_, capture); }
  void* Instantiate(void* capture) const;
  // False where the executable cannot take the capture.
  bool UpdateExecutable(void* executable, void* capture) const;
  void UpdateCopy(void* executable, int32_t index, void* to, const void* from) const;
  void LaunchExecutable(void* executable, void* stream) const;
  void DestroyExecutable(void* executable) const { def_.destroy_executable(handle_, executable); }

  // A stream with its status word, for one run at a time, and more streams where they were asked for.
  struct Lane {
    void* stream = nullptr;
    void* more[kStreamRoles] = {};    // by role; null for kCompute and until it is asked for
    bool used[kStreamRoles] = {};     // whether the present run uses them
    int32_t* status = nullptr;        // two int32 in device memory, zero
    int32_t read_status[2] = {0, 0};  // where they are copied to; lasts as long as the stream that copies
    std::vector<void*> events;
    void* timing[3] = {nullptr, nullptr, nullptr};  // begin, end of computing, end of downloads; made when asked for
  };
  // From those that earlier runs returned, or a new one. events: how many the lane must have at least.
  std::unique_ptr<Lane> TakeLane(size_t events) const;
  // The lane's stream for another role than kCompute, made at the first call.
  void* StreamFor(Lane& lane, StreamRole role) const;
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
