#include "providers/cuda/provider_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace onda::cuda {
namespace {

// CUDA takes smaller uploads out of host memory on its own before the call returns.
constexpr size_t kStagedBytes = size_t{64} << 10;
// Of one piece of an upload.
constexpr size_t kPieceBytes = size_t{4} << 20;
// A download of more is not worth as much pinned memory.
constexpr size_t kMostDeliveredBytes = size_t{16} << 20;

}  // namespace

ProviderStream::ProviderStream(Device& device, Staging& staging, std::unique_ptr<Stream> own)
    : device_(device), staging_(staging) {
  stream = std::move(own);
}

ProviderStream::~ProviderStream() {
  for (Transit& t : transits_) {
    if (!t.under_way) continue;
    try {
      device_.Synchronize(*t.event);
    } catch (const Error&) {  // of a device that is lost
    }
  }
}

void ProviderStream::RefuseInCapture(const char* what) {
  if (recording_) Spoil(what);
}

void ProviderStream::Spoil(const char* what) {
  recording_->work->spoilt = what;
  throw Error(ErrorCode::kNotImplemented, std::string(what) + " cannot be recorded");
}

void ProviderStream::Synchronize() {
  RefuseInCapture("waiting for the stream");
  try {
    device_.Synchronize(*stream);
  } catch (const Error&) {
    deliveries_.clear();
    throw;
  }
  for (Transit& t : transits_) {
    t.under_way = false;
    t.block.reset();
  }
  Deliver(asked_);
}

void ProviderStream::Deliver(uint64_t asked) {
  std::erase_if(deliveries_, [&](const Delivery& d) {
    if (d.asked > asked) return false;
    std::memcpy(d.to, d.block->data, d.bytes);
    return true;
  });
}

void ProviderStream::Record(ProviderEvent& event) {
  device_.Record(*event.event_, *stream);
  event.recording_ = recording_;
  event.stream_ = this;
  event.asked_ = asked_;
}

void ProviderStream::Wait(ProviderEvent& event) {
  const std::shared_ptr<Recording> recording = event.recording_.lock();
  if (recording_ && recording != recording_) Spoil("waiting for an event from outside");
  if (recording && !recording_) {
    recording_ = recording;
    recording->streams.push_back(this);
  }
  device_.Wait(*stream, *event.event_);
}

void ProviderEvent::Synchronize() {
  device_.Synchronize(*event_);
  if (stream_) stream_->Deliver(asked_);
}

void ProviderStream::Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind) {
  if (bytes == 0) return;
  if (recording_) {
    CapturedCopy copy{0, to, from, bytes, kind, nullptr};
    const void* host = copy.to_host() ? to : copy.from_host() ? from : nullptr;
    if (host && !device_.IsPinned(host)) copy.block = staging_.Take(bytes);
    device_.Copy(copy.graph_to(), copy.graph_from(), bytes, kind, *stream);
    copy.node = device_.LastCaptured(*stream);
    recording_->work->copies.push_back(std::move(copy));
    return;
  }
  if (kind == kOndaHostToDevice && bytes > kStagedBytes && !device_.IsPinned(from)) return Upload(to, from, bytes);
  if (kind == kOndaDeviceToHost && bytes > kStagedBytes && bytes <= kMostDeliveredBytes && !device_.IsPinned(to)) {
    // The device would have the host wait for the copy, instead of giving the stream more work.
    std::shared_ptr<Staging::Block> block = staging_.Take(bytes);
    device_.Copy(block->data, from, bytes, kind, *stream);
    deliveries_.push_back({std::move(block), to, bytes, ++asked_});
    return;
  }
  device_.Copy(to, from, bytes, kind, *stream);
}

void ProviderStream::Upload(void* to, const void* from, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const size_t piece = std::min(bytes - done, kPieceBytes);
    Transit& t = transits_[next_transit_++ % transits_.size()];
    if (t.under_way) device_.Synchronize(*t.event);
    t.under_way = false;
    if (!t.block || t.block->bytes < piece) t.block = staging_.Take(piece);
    if (!t.event) t.event = device_.MakeEvent(false);
    std::memcpy(t.block->data, static_cast<const char*>(from) + done, piece);
    device_.Copy(static_cast<char*>(to) + done, t.block->data, piece, kOndaHostToDevice, *stream);
    device_.Record(*t.event, *stream);
    t.under_way = true;
    done += piece;
  }
}

void ProviderStream::FillZero(void* memory, size_t bytes) {
  if (bytes) device_.Fill(memory, 0, bytes, *stream);
}

void ProviderStream::BeginCapture() {
  if (recording_) throw Error(ErrorCode::kInvalidArgument, "the stream is being captured already");
  auto recording = std::make_shared<Recording>(Recording{std::make_unique<CapturedWork>(), {this}});
  device_.BeginCapture(*stream);
  recording_ = std::move(recording);
}

std::unique_ptr<CapturedWork> ProviderStream::EndCapture() {
  if (!recording_) throw Error(ErrorCode::kInvalidArgument, "the stream is not being captured");
  const std::shared_ptr<Recording> recording = recording_;
  for (ProviderStream* joined : recording->streams) joined->recording_ = nullptr;
  std::unique_ptr<CapturedWork> work = std::move(recording->work);
  work->graph = device_.EndCapture(*stream);
  if (!work->spoilt.empty()) throw Error(ErrorCode::kNotImplemented, "spoilt by " + work->spoilt);
  return work;
}

void ProviderStream::Launch(ExecutableWork& work) {
  RefuseInCapture("launching what was captured");
  for (const CapturedCopy& copy : work.copies_)
    if (copy.block && copy.from_host()) std::memcpy(copy.block->data, copy.from, copy.bytes);
  ++asked_;
  device_.LaunchGraph(*work.executable_, *stream);
  for (const CapturedCopy& copy : work.copies_)
    if (copy.block && copy.to_host()) deliveries_.push_back({copy.block, copy.to, copy.bytes, asked_});
}

}  // namespace onda::cuda
