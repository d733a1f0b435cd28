// A simulated device with a stream and buffers, for the tests of this folder.
#ifndef ONDA_TESTS_CUDA_SIM_FIXTURE_H_
#define ONDA_TESTS_CUDA_SIM_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/cuda_sim/defects.h"
#include "tests/cuda_sim/sim_device.h"

namespace onda::cuda_sim {

struct Sim {
  explicit Sim(uint64_t seed) : Sim(SimOptions{.seed = seed}) {}
  explicit Sim(const SimOptions& options) : device(MakeSimDevice(options)), stream(device->MakeStream(false)) {}
  ~Sim() {
    for (void* p : memory) device->Free(p);
  }

  cuda::Buffer Make(size_t bytes) {
    memory.push_back(device->Allocate(bytes));
    return {memory.back(), bytes};
  }
  // 0, 1, 2, ...
  template <class T>
  cuda::Buffer Ramp(size_t count) {
    std::vector<T> values(count);
    std::iota(values.begin(), values.end(), T(0));
    const cuda::Buffer b = Make(count * sizeof(T));
    device->Copy(b.data, values.data(), b.bytes, kOndaHostToDevice, *stream);
    device->Synchronize(*stream);
    return b;
  }
  cuda::Buffer Zeros(size_t bytes) {
    const cuda::Buffer b = Make(bytes);
    device->Fill(b.data, 0, bytes, *stream);
    device->Synchronize(*stream);
    return b;
  }
  template <class T>
  std::vector<T> Read(const cuda::Buffer& b) {
    std::vector<T> values(b.bytes / sizeof(T));
    device->Copy(values.data(), b.data, b.bytes, kOndaDeviceToHost, *stream);
    device->Synchronize(*stream);
    return values;
  }

  std::unique_ptr<cuda::Device> device;
  std::unique_ptr<cuda::Stream> stream;
  std::vector<void*> memory;
};

// What fn's work is reported for by the device, or "".
template <class Fn>
std::string ReportOf(Sim& sim, Fn&& fn) {
  try {
    fn();
    sim.device->Synchronize(*sim.stream);
  } catch (const Error& e) {
    WorldOf(*sim.device).TakeFailures();
    return e.what();
  }
  return "";
}

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_FIXTURE_H_
