// Streams and events of the simulated device.
#ifndef ONDA_TESTS_CUDA_SIM_SIM_HANDLES_H_
#define ONDA_TESTS_CUDA_SIM_SIM_HANDLES_H_

#include <memory>
#include <string>
#include <utility>

#include "providers/cuda/device.h"
#include "tests/cuda_sim/captured.h"
#include "tests/cuda_sim/world.h"

namespace onda::cuda_sim {

// What CUDA refuses.
[[noreturn]] inline void Refuse(const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "cuda_sim: " + why);
}

class SimStream : public cuda::Stream {
 public:
  SimStream(cuda::Device& device, std::shared_ptr<StreamState> s) : Stream(device), state(std::move(s)) {}
  ~SimStream() override {
    if (capture) capture->broken = "a stream was destroyed during the capture";
  }
  std::shared_ptr<StreamState> state;
  std::shared_ptr<Capture> capture;
  cuda::CapturedNode last = 0;
};

class SimEvent : public cuda::Event {
 public:
  explicit SimEvent(bool is_timed) : timed(is_timed) {}
  std::shared_ptr<EventState> state = std::make_shared<EventState>();
  std::weak_ptr<Capture> capture;              // where it was recorded last, if in a capture
  std::shared_ptr<EventState> captured_state;  // of that record
  bool timed, captured = false;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SIM_HANDLES_H_
