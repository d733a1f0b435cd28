#include "tests/providers/late_replay.h"

#include <memory>
#include <mutex>

#include "onda/types.h"
#include "tests/providers/late_capture.h"
#include "tests/providers/late_device.h"
#include "tests/providers/late_launch.h"
#include "tests/providers/late_world.h"

namespace onda::late {

void AddCapture(OndaProviderDef& def) {
  def.begin_capture = [](void* instance, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("begin_capture");
      static_cast<Stream*>(stream)->recording = std::make_unique<LateCapture>();
    });
  };
  def.end_capture = [](void* instance, void* stream, OndaStatus* status) -> void* {
    LateCapture* capture = nullptr;
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      const std::unique_ptr<LateCapture> recorded = std::move(static_cast<Stream*>(stream)->recording);
      Of(instance)->Count("end_capture");
      if (!recorded->spoilt.empty()) throw Error(ErrorCode::kNotImplemented, "spoilt by " + recorded->spoilt);
      capture = new LateCapture(*recorded);
    });
    return capture;
  };
  def.destroy_capture = [](void*, void* capture) { delete static_cast<LateCapture*>(capture); };
  def.instantiate = [](void* instance, void* capture, OndaStatus* status) -> void* {
    LateCapture* executable = nullptr;
    GuardStatus(status, [&] {
      Of(instance)->Count("instantiate");
      executable = new LateCapture(*static_cast<LateCapture*>(capture));
    });
    return executable;
  };
  def.update_executable = [](void*, void* executable, void* capture, OndaStatus*) -> int32_t {
    LateCapture& old = *static_cast<LateCapture*>(executable);
    const LateCapture& changed = *static_cast<LateCapture*>(capture);
    if (!old.SameWork(changed)) return 1;
    old = changed;
    return 0;
  };
  def.update_copy = [](void*, void* executable, int32_t index, void* to, const void* from, OndaStatus* status) {
    GuardStatus(status, [&] {
      LateCapture::Item& copy = static_cast<LateCapture*>(executable)->Copy(index);
      copy.to = to;
      copy.from = from;
    });
  };
  def.launch_executable = [](void* instance, void* executable, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance)->Count("launch_executable"); });
    for (const LateCapture::Item& item : static_cast<LateCapture*>(executable)->items) {
      if (status->code) return;
      if (item.launch) {
        const OndaLaunch launch = item.launch->On(stream);
        Launch(item.kernel, &launch, status);
      } else if (item.kind > 0) {
        LateDevice()->copy(instance, item.to, item.from, item.bytes, static_cast<OndaCopyKind>(item.kind), stream,
                           status);
      } else {
        LateDevice()->fill_zero(instance, item.to, item.bytes, stream, status);
      }
    }
  };
  def.destroy_executable = [](void*, void* executable) { delete static_cast<LateCapture*>(executable); };
}

}  // namespace onda::late
