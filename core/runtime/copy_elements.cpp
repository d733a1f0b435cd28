// Copies of sequences and optionals between memories: element by element.
#include "core/runtime/host_op.h"

namespace onda {
namespace {

class ElementCopier {
 public:
  ElementCopier(const HostOpContext& c, int32_t from, int32_t to)
      : c_(c), from_(from), to_(to), provider_(c.provider(to == 0 ? from : to)), lane_(provider_.TakeLane(0)) {}
  ~ElementCopier() {
    if (lane_) provider_.ReturnLane(std::move(lane_), false);
  }

  RuntimeValue Copy(const RuntimeValue& value) {
    if (value.elements) {
      std::vector<RuntimeValue> elements;
      for (const RuntimeValue& element : *value.elements) elements.push_back(Copy(element));
      RuntimeValue copy = value;
      copy.elements = std::make_shared<const std::vector<RuntimeValue>>(std::move(elements));
      return copy;
    }
    RuntimeValue copy = c_.NewTensor(value.dtype, value.dims, to_);
    const OndaCopyKind kind = to_ == 0 ? kOndaDeviceToHost : from_ == 0 ? kOndaHostToDevice : kOndaPeerToPeer;
    if (value.bytes()) provider_.Copy(copy.data, value.data, value.bytes(), kind, lane_->stream);
    return copy;
  }

  void Finish() {
    provider_.Synchronize(lane_->stream);
    provider_.ReturnLane(std::move(lane_), true);
  }

 private:
  const HostOpContext& c_;
  const int32_t from_, to_;
  const ProviderInstance& provider_;
  std::unique_ptr<ProviderInstance::Lane> lane_;  // null once all is done
};

// Where all elements lie that hold anything; `none` where there are none.
int32_t MemoryOf(const RuntimeValue& value, int32_t none) {
  if (value.is_tensor()) return value.instance;
  if (value.elements)
    for (const RuntimeValue& element : *value.elements)
      if (const int32_t found = MemoryOf(element, -1); found >= 0) return found;
  return none;
}

void RunCopy(HostOpContext& c) {
  const int32_t to = c.output_instance(0), from = MemoryOf(c.input(0), to);
  if (from == to) {  // nothing is in it
    c.outputs[0] = c.input(0);
    return;
  }
  ElementCopier copier(c, from, to);
  c.outputs[0] = copier.Copy(c.input(0));
  copier.Finish();
}

constexpr HostOpEntry kEntries[] = {
    {"onda", "MemcpyToDevice", RunCopy}, {"onda", "MemcpyToHost", RunCopy}, {"onda", "MemcpyPeer", RunCopy}};

}  // namespace

std::span<const HostOpEntry> CopyHostOps() { return kEntries; }

}  // namespace onda
