#include "core/place/provider_instance.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>

#include "core/ir/op_def.h"

namespace onda {
namespace {

void ThrowIfFailed(const OndaStatus& status, const std::string& label) {
  if (status.code) throw Error(static_cast<ErrorCode>(status.code), label + ": " + status.message);
}

// Where what is optional begins.
constexpr size_t kRequiredBytes = offsetof(OndaProviderDef, options);

}  // namespace

void CheckProviderDef(const OndaProviderDef* def, const std::string& name) {
  if (!def || def->abi != kOndaProviderAbi || def->size < kRequiredBytes)
    throw Error(ErrorCode::kInvalidArgument, "execution provider '" + name + "' was built for another version of Onda");
  if (!def->create || !def->destroy || !def->kernels || !def->allocate || !def->free || !def->create_stream ||
      !def->destroy_stream || !def->synchronize_stream || !def->create_event || !def->destroy_event ||
      !def->record_event || !def->wait_event || !def->synchronize_event || !def->copy || !def->fill_zero)
    throw Error(ErrorCode::kInvalidArgument,
                "execution provider '" + name + "' lacks a function that every provider must have");
}

OndaProviderDef CompleteProviderDef(const OndaProviderDef* def) {
  OndaProviderDef complete{};
  std::memcpy(&complete, def, std::min<size_t>(def->size, sizeof(complete)));
  complete.size = sizeof(complete);
  return complete;
}

ProviderInstance::ProviderInstance(KernelTable host_kernels, std::span<const OndaKernelDef* const> more)
    : label_("cpu"), host_kernels_(host_kernels) {
  AddKernels(more);
}

ProviderInstance::ProviderInstance(const OndaProviderDef* def, std::string label,
                                   const std::vector<std::pair<std::string, std::string>>& options,
                                   std::span<const OndaKernelDef* const> more)
    : source_(def), label_(std::move(label)) {
  CheckProviderDef(def, label_);
  def_ = CompleteProviderDef(def);
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  OndaStatus status{};
  handle_ = def_.create(keys.data(), values.data(), static_cast<int32_t>(keys.size()), &status);
  ThrowIfFailed(status, label_);
  if (!handle_) throw Error(ErrorCode::kNotFound, label_ + ": the provider gave no instance");
  int32_t count = 0;
  const OndaKernelDef* const* kernels = def_.kernels(handle_, &count);
  try {
    AddKernels(more);
    AddKernels({kernels, static_cast<size_t>(count)});
  } catch (...) {  // an object that is not made has no destructor
    def_.destroy(handle_);
    throw;
  }
}

void ProviderInstance::AddKernels(std::span<const OndaKernelDef* const> kernels) {
  for (const OndaKernelDef* kernel : kernels) kernels_[{kernel->domain, kernel->op}].push_back(kernel);
}

ProviderInstance::~ProviderInstance() {
  for (std::unique_ptr<Lane>& lane : lanes_) DestroyLane(*lane);
  if (handle_) def_.destroy(handle_);
}

std::span<const OndaKernelDef* const> ProviderInstance::KernelsFor(const Node& node) const {
  const auto it = kernels_.find({node.op->domain, node.op->name});
  if (it != kernels_.end()) return it->second;
  if (is_host()) return host_kernels_(node.op->domain, node.op->name);
  return {};
}

void ProviderInstance::AskForClaims(const OndaRegionView& region,
                                    const std::function<void(const OndaClaim&)>& add) const {
  struct Sink {
    const std::function<void(const OndaClaim&)>& add;
    std::exception_ptr error;
  } sink{add, nullptr};
  OndaStatus status{};
  def_.claim_regions(
      handle_, &region,
      [](void* opaque, const OndaClaim* claim) {
        Sink& s = *static_cast<Sink*>(opaque);
        if (s.error) return;
        try {
          OndaClaim whole{};
          std::memcpy(&whole, claim, std::min<size_t>(claim->size, sizeof(whole)));
          s.add(whole);
        } catch (...) {  // not across the provider's frames
          s.error = std::current_exception();
        }
      },
      &sink, &status);
  if (sink.error) std::rethrow_exception(sink.error);
  ThrowIfFailed(status, label_);
}

std::pair<const OndaKernelDef*, void*> ProviderInstance::CompileRegion(const OndaRegionView& region) const {
  OndaStatus status{};
  void* kernel = nullptr;
  const OndaKernelDef* def = def_.compile_region(handle_, &region, &kernel, &status);
  ThrowIfFailed(status, label_);
  if (!def || !def->destroy || !def->workspace || !def->launch)
    throw Error(ErrorCode::kInternal, label_ + ": the compiled region cannot be launched");
  return {def, kernel};
}

OndaMemoryInfo ProviderInstance::Memory() const {
  OndaMemoryInfo info{};
  info.size = sizeof(info);
  if (!def_.memory_info) return info;
  OndaStatus status{};
  def_.memory_info(handle_, &info, &status);
  ThrowIfFailed(status, label_);
  return info;
}

void ProviderInstance::SetMemoryLimit(uint64_t bytes) const {
  if (!def_.set_memory_limit) return;
  OndaStatus status{};
  def_.set_memory_limit(handle_, bytes, &status);
  ThrowIfFailed(status, label_);
}

void* ProviderInstance::WrapStream(void* native) const {
  if (!def_.wrap_stream)
    throw Error(ErrorCode::kNotImplemented, label_ + ": the provider takes no streams of the caller's");
  OndaStatus status{};
  void* stream = def_.wrap_stream(handle_, native, &status);
  ThrowIfFailed(status, label_);
  if (!stream) throw Error(ErrorCode::kInternal, label_ + ": the provider gave no stream");
  return stream;
}

void ProviderInstance::Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream) const {
  OndaStatus status{};
  def_.copy(handle_, to, from, bytes, kind, stream, &status);
  ThrowIfFailed(status, label_);
}

void ProviderInstance::Synchronize(void* stream) const {
  OndaStatus status{};
  def_.synchronize_stream(handle_, stream, &status);
  ThrowIfFailed(status, label_);
}

void ProviderInstance::Quiet(void* stream) const noexcept {
  OndaStatus ignored{};
  def_.synchronize_stream(handle_, stream, &ignored);
}

void ProviderInstance::Record(void* event, void* stream) const {
  OndaStatus status{};
  def_.record_event(handle_, event, stream, &status);
  ThrowIfFailed(status, label_);
}

void ProviderInstance::Wait(void* stream, void* event) const {
  OndaStatus status{};
  def_.wait_event(handle_, stream, event, &status);
  ThrowIfFailed(status, label_);
}

void ProviderInstance::SynchronizeEvent(void* event) const {
  OndaStatus status{};
  def_.synchronize_event(handle_, event, &status);
  ThrowIfFailed(status, label_);
}

void* ProviderInstance::CreateTimingEvent() const noexcept {
  if (!def_.create_timing_event || !def_.elapsed_milliseconds) return nullptr;
  OndaStatus status{};
  return def_.create_timing_event(handle_, &status);
}

double ProviderInstance::ElapsedMilliseconds(void* from, void* to) const {
  OndaStatus status{};
  const double elapsed = def_.elapsed_milliseconds(handle_, from, to, &status);
  ThrowIfFailed(status, label_);
  return elapsed;
}

void ProviderInstance::BeginCapture(void* stream) const {
  OndaStatus status{};
  def_.begin_capture(handle_, stream, &status);
  ThrowIfFailed(status, label_);
}

void* ProviderInstance::EndCapture(void* stream) const {
  OndaStatus status{};
  void* capture = def_.end_capture(handle_, stream, &status);
  ThrowIfFailed(status, label_);
  if (!capture) throw Error(ErrorCode::kInternal, label_ + ": nothing was captured");
  return capture;
}

void* ProviderInstance::Instantiate(void* capture) const {
  OndaStatus status{};
  void* executable = def_.instantiate(handle_, capture, &status);
  ThrowIfFailed(status, label_);
  if (!executable) throw Error(ErrorCode::kInternal, label_ + ": the capture gave no executable");
  return executable;
}

bool ProviderInstance::UpdateExecutable(void* executable, void* capture) const {
  OndaStatus status{};
  return def_.update_executable(handle_, executable, capture, &status) == 0 && status.code == 0;
}

void ProviderInstance::UpdateCopy(void* executable, int32_t index, void* to, const void* from) const {
  OndaStatus status{};
  def_.update_copy(handle_, executable, index, to, from, &status);
  ThrowIfFailed(status, label_);
}

void ProviderInstance::LaunchExecutable(void* executable, void* stream) const {
  OndaStatus status{};
  def_.launch_executable(handle_, executable, stream, &status);
  ThrowIfFailed(status, label_);
}

void ProviderInstance::Trim() const {
  std::vector<std::unique_ptr<Lane>> unused;
  {
    const std::lock_guard lock(mutex_);
    unused.swap(lanes_);
  }
  for (const std::unique_ptr<Lane>& lane : unused) DestroyLane(*lane);
  if (def_.trim) def_.trim(handle_);
}

std::pair<int32_t, int32_t> ProviderInstance::DlpackDevice() const {
  int32_t number = 0;
  const int32_t kind = def_.dlpack_device ? def_.dlpack_device(handle_, &number) : 0;
  return {kind, number};
}

void* ProviderInstance::StreamFor(Lane& lane, StreamRole role) const {
  const size_t i = static_cast<size_t>(role);
  if (!lane.more[i]) {
    OndaStatus status{};
    lane.more[i] = def_.create_stream(handle_, &status);
    ThrowIfFailed(status, label_);
  }
  lane.used[i] = true;
  return lane.more[i];
}

std::unique_ptr<ProviderInstance::Lane> ProviderInstance::TakeLane(size_t events) const {
  std::unique_ptr<Lane> lane;
  {
    std::lock_guard lock(mutex_);
    if (!lanes_.empty()) {
      lane = std::move(lanes_.back());
      lanes_.pop_back();
    }
  }
  OndaStatus status{};
  if (!lane) {
    lane = std::make_unique<Lane>();
    lane->stream = def_.create_stream(handle_, &status);
    ThrowIfFailed(status, label_);
    lane->status = static_cast<int32_t*>(Allocate(2 * sizeof(int32_t)));
    if (!lane->status) {
      DestroyLane(*lane);
      throw Error(ErrorCode::kOutOfMemory, label_ + ": no memory for a status word");
    }
    def_.fill_zero(handle_, lane->status, 2 * sizeof(int32_t), lane->stream, &status);
  }
  try {
    lane->events.reserve(events);
  } catch (const std::bad_alloc&) {
    DestroyLane(*lane);
    throw;
  }
  while (!status.code && lane->events.size() < events) {
    void* event = def_.create_event(handle_, &status);
    if (event) lane->events.push_back(event);
  }
  if (status.code) DestroyLane(*lane);
  ThrowIfFailed(status, label_);
  return lane;
}

void ProviderInstance::ReturnLane(std::unique_ptr<Lane> lane, bool clean) const {
  if (!clean) {
    DestroyLane(*lane);
    return;
  }
  try {
    std::lock_guard lock(mutex_);
    lanes_.push_back(std::move(lane));
  } catch (const std::bad_alloc&) {  // not moved from: one lane less is kept
    DestroyLane(*lane);
  }
}

void ProviderInstance::DestroyLane(Lane& lane) const {
  void* streams[kStreamRoles + 1] = {lane.stream};
  std::copy(std::begin(lane.more), std::end(lane.more), streams + 1);
  for (void* stream : streams)
    if (stream) Quiet(stream);
  for (void* event : lane.events) def_.destroy_event(handle_, event);
  for (void* event : lane.timing)
    if (event) def_.destroy_event(handle_, event);
  for (void* stream : streams)
    if (stream) def_.destroy_stream(handle_, stream);
  if (lane.status) Free(lane.status);
}

}  // namespace onda
