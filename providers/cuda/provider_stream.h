// Streams and events as the engine has them: copies of host memory that is not pinned go through pinned blocks, and
// what a stream is given may be recorded and replayed.
#ifndef ONDA_PROVIDERS_CUDA_PROVIDER_STREAM_H_
#define ONDA_PROVIDERS_CUDA_PROVIDER_STREAM_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "providers/cuda/captured_work.h"
#include "providers/cuda/device.h"
#include "providers/cuda/staging.h"

namespace onda::cuda {

class ProviderEvent;
class ProviderStream;

// A capture under way.
struct Recording {
  std::unique_ptr<CapturedWork> work;
  std::vector<ProviderStream*> streams;  // the one that it began with, then those that joined
};

// Used by one thread at a time.
class ProviderStream : public StreamHandle {
 public:
  ProviderStream(Device& device, Staging& staging, std::unique_ptr<Stream> own);
  ~ProviderStream();

  void Synchronize();
  void Record(ProviderEvent& event);
  void Wait(ProviderEvent& event);
  void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind);
  void FillZero(void* memory, size_t bytes);

  // Events that are recorded meanwhile are recorded in the capture; streams that wait for one of them join it until its
  // end.
  void BeginCapture();
  // Throws what spoilt it; the stream is as before in any case.
  std::unique_ptr<CapturedWork> EndCapture();
  void Launch(ExecutableWork& work);

  // All results that pinned blocks hold of work that was asked for before `asked` go to where they belong: that work is
  // done.
  void Deliver(uint64_t asked);

 private:
  // A piece of an upload that may be on its way.
  struct Transit {
    std::shared_ptr<Staging::Block> block;
    std::unique_ptr<Event> event;
    bool under_way = false;
  };
  struct Delivery {
    std::shared_ptr<Staging::Block> block;
    void* to;
    size_t bytes;
    uint64_t asked;
  };
  void Upload(void* to, const void* from, size_t bytes);
  void RefuseInCapture(const char* what);
  void Spoil(const char* what);

  Device& device_;
  Staging& staging_;
  std::array<Transit, 4> transits_;
  size_t next_transit_ = 0;
  std::vector<Delivery> deliveries_;
  uint64_t asked_ = 0;                    // counts what makes deliveries: copies, and launches of executables
  std::shared_ptr<Recording> recording_;  // of which this stream is one
};

class ProviderEvent {
 public:
  ProviderEvent(Device& device, bool timed) : device_(device), event_(device.MakeEvent(timed)) {}
  void Synchronize();
  Event& get() { return *event_; }

 private:
  friend class ProviderStream;
  Device& device_;
  std::unique_ptr<Event> event_;
  ProviderStream* stream_ = nullptr;    // where it was recorded last
  uint64_t asked_ = 0;                  // what that stream had been asked by then
  std::weak_ptr<Recording> recording_;  // in which it was recorded last
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_PROVIDER_STREAM_H_
