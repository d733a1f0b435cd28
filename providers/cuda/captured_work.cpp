#include "providers/cuda/captured_work.h"

#include <utility>

namespace onda::cuda {

ExecutableWork::ExecutableWork(Device& device, Staging& staging, CapturedWork& work)
    : device_(device), staging_(staging), executable_(device.Instantiate(*work.graph)) {
  TakeCopies(work);
}

bool ExecutableWork::Update(CapturedWork& work) {
  if (!device_.Update(*executable_, *work.graph)) return false;
  TakeCopies(work);
  return true;
}

void ExecutableWork::TakeCopies(CapturedWork& work) {
  copies_ = work.copies;
  for (size_t i = 0; i < copies_.size(); ++i) {
    CapturedCopy& copy = copies_[i];
    if (!copy.block) continue;
    if (work.copies[i].block.use_count() == 2) continue;  // the capture's and this one's
    copy.block = staging_.Take(copy.bytes);
    device_.PatchCopy(*executable_, copy.node, copy.graph_to(), copy.graph_from(), copy.bytes, copy.kind);
  }
}

void ExecutableWork::UpdateCopy(int32_t index, void* to, const void* from) {
  if (index < 0 || static_cast<size_t>(index) >= copies_.size())
    throw Error(ErrorCode::kInvalidArgument, "the executable has no copy " + std::to_string(index));
  CapturedCopy& copy = copies_[static_cast<size_t>(index)];
  CapturedCopy changed = copy;
  changed.to = to;
  changed.from = from;
  const void* host = changed.to_host() ? to : changed.from_host() ? from : nullptr;
  if (host && !changed.block && !device_.IsPinned(host)) changed.block = staging_.Take(copy.bytes);
  if (changed.graph_to() != copy.graph_to() || changed.graph_from() != copy.graph_from())
    device_.PatchCopy(*executable_, copy.node, changed.graph_to(), changed.graph_from(), copy.bytes, copy.kind);
  copy = std::move(changed);
}

}  // namespace onda::cuda
