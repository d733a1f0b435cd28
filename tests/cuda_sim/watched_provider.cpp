#include "tests/cuda_sim/watched_provider.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "tests/cuda_sim/host_watch.h"
#include "tests/cuda_sim/sim_provider.h"

namespace onda::cuda_sim {
namespace {

ProviderCounts& Counts() {
  static ProviderCounts counts;
  return counts;
}

// Above 0: this thread's allocations are counted, once for each level below; the provider's own are not.
thread_local int counting = 0;

struct Inside {
  Inside() : before(counting) { counting = 0; }
  ~Inside() { counting = before; }
  int before;
};

void MeasureHost() {
  ProviderCounts& counts = Counts();
  if (!counts.measures_host) return;
  const struct mallinfo2 info = mallinfo2();
  counts.most_heap = std::max<size_t>(counts.most_heap, info.uordblks + info.hblkhd);
  counts.most_pinned = std::max(counts.most_pinned, HostWatch::Get().pinned_bytes());
}

const OndaProviderDef& Own() { return *SimProvider(); }

OndaProviderDef MakeDef() {
  OndaProviderDef def = Own();
  def.create = [](const char* const* keys, const char* const* values, int32_t count, OndaStatus* status) {
    return Counts().instance = Own().create(keys, values, count, status);
  };
  def.allocate = [](void* instance, size_t bytes) {
    const Inside inside;
    ++Counts().allocations;
    MeasureHost();
    return Own().allocate(instance, bytes);
  };
  def.allocate_host = [](void* instance, size_t bytes) {
    const Inside inside;
    ++Counts().allocations;
    return Own().allocate_host(instance, bytes);
  };
  def.create_stream = [](void* instance, OndaStatus* status) {
    const Inside inside;
    ++Counts().allocations;
    ++Counts().streams;
    return Own().create_stream(instance, status);
  };
  def.create_event = [](void* instance, OndaStatus* status) {
    const Inside inside;
    ++Counts().allocations;
    return Own().create_event(instance, status);
  };
  def.instantiate = [](void* instance, void* capture, OndaStatus* status) {
    const Inside inside;
    ++Counts().allocations;
    ++Counts().executables;
    return Own().instantiate(instance, capture, status);
  };
  def.begin_capture = [](void* instance, void* stream, OndaStatus* status) {
    ++Counts().captures;
    Own().begin_capture(instance, stream, status);
  };
  def.destroy_executable = [](void* instance, void* executable) {
    --Counts().executables;
    Own().destroy_executable(instance, executable);
  };
  def.copy = [](void* instance, void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream,
                OndaStatus* status) {
    const Inside inside;
    if (kind == kOndaHostToDevice) Counts().uploaded += bytes;
    if (kind == kOndaDeviceToHost) Counts().downloaded += bytes;
    Own().copy(instance, to, from, bytes, kind, stream, status);
    MeasureHost();
  };
  def.launch_executable = [](void* instance, void* executable, void* stream, OndaStatus* status) {
    const Inside inside;
    ++Counts().launched;
    Own().launch_executable(instance, executable, stream, status);
  };
  def.record_event = [](void* instance, void* event, void* stream, OndaStatus* status) {
    const Inside inside;
    Own().record_event(instance, event, stream, status);
  };
  def.wait_event = [](void* instance, void* stream, void* event, OndaStatus* status) {
    const Inside inside;
    Own().wait_event(instance, stream, event, status);
  };
  def.synchronize_stream = [](void* instance, void* stream, OndaStatus* status) {
    const Inside inside;
    Own().synchronize_stream(instance, stream, status);
  };
  return def;
}

}  // namespace

CountHeap::CountHeap() { ++counting; }
CountHeap::~CountHeap() { --counting; }

const OndaProviderDef* WatchedProvider() {
  static const OndaProviderDef def = MakeDef();
  return &def;
}

ProviderCounts& CountAgain() {
  const int64_t executables = Counts().executables;
  Counts() = {.executables = executables, .instance = Counts().instance};
  return Counts();
}

// What new counts, delete gives back.
void* CountedNew(size_t bytes) {
  if (counting > 0) ++Counts().heap;
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace onda::cuda_sim

void* operator new(size_t bytes) { return onda::cuda_sim::CountedNew(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
