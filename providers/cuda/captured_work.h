// What a stream recorded, and the same ready to be launched.
#ifndef ONDA_PROVIDERS_CUDA_CAPTURED_WORK_H_
#define ONDA_PROVIDERS_CUDA_CAPTURED_WORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "providers/cuda/device.h"
#include "providers/cuda/staging.h"

namespace onda::cuda {

// A copy among the recorded work. Where the host's side is not pinned, the graph's copy reads or writes the block.
struct CapturedCopy {
  CapturedNode node;
  void* to;
  const void* from;
  size_t bytes;
  OndaCopyKind kind;
  std::shared_ptr<Staging::Block> block;  // null where the host's side is pinned, or there is none

  bool to_host() const { return kind == kOndaDeviceToHost; }
  bool from_host() const { return kind == kOndaHostToDevice; }
  // The addresses that the graph's copy has.
  void* graph_to() const { return block && to_host() ? block->data : to; }
  const void* graph_from() const { return block && from_host() ? block->data : from; }
};

struct CapturedWork {
  std::unique_ptr<Graph> graph;
  std::vector<CapturedCopy> copies;
  std::string spoilt;  // by what; "" while it is good
};

// Launched once at a time: the next launch comes after what the last one gave was waited for.
class ExecutableWork {
 public:
  // Takes the capture's blocks; an executable that is made of the same capture later has blocks of its own.
  ExecutableWork(Device& device, Staging& staging, CapturedWork& work);

  // False where the executable cannot take the capture, and is as before.
  bool Update(CapturedWork& work);
  // Gives the index-th copy other addresses.
  void UpdateCopy(int32_t index, void* to, const void* from);

 private:
  friend class ProviderStream;
  void TakeCopies(CapturedWork& work);

  Device& device_;
  Staging& staging_;
  std::unique_ptr<GraphExecutable> executable_;
  std::vector<CapturedCopy> copies_;
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_CAPTURED_WORK_H_
