#include "tests/providers/late_capture.h"

namespace onda {

RecordedLaunch::RecordedLaunch(const OndaLaunch& launch, const std::function<bool(const void*)>& on_device)
    : launch_(launch) {
  const auto record = [&](const OndaTensorView& from, bool input) {
    OndaTensorView view = from;
    if (from.dims) view.dims = dims_.emplace_back(from.dims, from.dims + from.rank).data();
    allocates_ = allocates_ || (!input && from.dtype && !from.data);
    if (input && from.data && !on_device(from.data)) {
      const char* data = static_cast<const char*>(from.data);
      view.data = contents_.emplace_back(data, data + static_cast<const TensorView&>(from).bytes()).data();
    }
    return view;
  };
  for (int32_t i = 0; i < launch.input_count; ++i) inputs_.push_back(record(launch.inputs[i], true));
  for (int32_t i = 0; i < launch.output_count; ++i) outputs_.push_back(record(launch.outputs[i], false));
  launch_.inputs = inputs_.data();
  launch_.outputs = outputs_.data();
  launch_.host = nullptr;  // of the run that recorded
  launch_.host_state = nullptr;
}

LateCapture::Item& LateCapture::Copy(int32_t index) {
  for (Item& item : items)
    if (item.kind > 0 && index-- == 0) return item;
  throw Error(ErrorCode::kInvalidArgument, "the capture has no such copy");
}

}  // namespace onda
