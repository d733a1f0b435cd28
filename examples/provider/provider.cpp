// The smallest provider that does real work: a "device" with memory of its own (plain heap memory here), one stream on
// which everything runs at once, and two kernels, Relu and Add of equal shapes. A real one would queue its work in
// Launch and Copy; see the README of this folder for what each function promises.
#include "onda/provider.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

class Relu {
 public:
  explicit Relu(const onda::NodeView&) {}
  static std::string Rejects(const onda::NodeView& node) {
    return node.input(0).type() == onda::DType::kFloat ? "" : "only float";
  }
  void Launch(const onda::LaunchArgs& args) const {
    const float* x = args.input(0).as<float>();
    float* y = args.output(0).as<float>();
    for (int64_t i = 0; i < args.input(0).count(); ++i) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;
  }
};

class Add {
 public:
  explicit Add(const onda::NodeView&) {}
  static std::string Rejects(const onda::NodeView& node) {
    const onda::FactView &a = node.input(0), &b = node.input(1);
    if (a.type() != onda::DType::kFloat) return "only float";
    if (!a.static_shape() || !b.static_shape()) return "only shapes that are known";
    return std::equal(a.shape().begin(), a.shape().end(), b.shape().begin(), b.shape().end()) ? "" : "no broadcasting";
  }
  void Launch(const onda::LaunchArgs& args) const {
    const float *a = args.input(0).as<float>(), *b = args.input(1).as<float>();
    float* y = args.output(0).as<float>();
    for (int64_t i = 0; i < args.output(0).count(); ++i) y[i] = a[i] + b[i];
  }
};

constexpr OndaKernelDef kRelu = onda::MakeKernel<Relu>("Relu");
constexpr OndaKernelDef kAdd = onda::MakeKernel<Add>("Add");
constexpr const OndaKernelDef* kKernels[] = {&kRelu, &kAdd};

// Nothing of this device needs a handle; an address that is not null stands for each.
char handle;

const OndaProviderDef kProvider = {
    .size = sizeof(OndaProviderDef),
    .abi = kOndaProviderAbi,
    .name = "example",
    .create = [](const char* const* keys, const char* const*, int32_t count, OndaStatus* status) -> void* {
      onda::GuardStatus(status, [&] {
        if (count > 0)
          throw onda::Error(onda::ErrorCode::kInvalidArgument, "unknown option '" + std::string(keys[0]) + "'");
      });
      return status->code ? nullptr : &handle;
    },
    .destroy = [](void*) {},
    .kernels = [](void*, int32_t* count) -> const OndaKernelDef* const* {
      *count = 2;
      return kKernels;
    },
    .allocate = [](void*, size_t bytes) { return std::aligned_alloc(256, (bytes + 255) / 256 * 256); },
    .free = [](void*, void* memory) { std::free(memory); },
    .create_stream = [](void*, OndaStatus*) -> void* { return &handle; },
    .destroy_stream = [](void*, void*) {},
    .synchronize_stream = [](void*, void*, OndaStatus*) {},
    .create_event = [](void*, OndaStatus*) -> void* { return &handle; },
    .destroy_event = [](void*, void*) {},
    .record_event = [](void*, void*, void*, OndaStatus*) {},
    .wait_event = [](void*, void*, void*, OndaStatus*) {},
    .synchronize_event = [](void*, void*, OndaStatus*) {},
    .copy = [](void*, void* to, const void* from, size_t bytes, OndaCopyKind, void*,
               OndaStatus*) { std::memcpy(to, from, bytes); },
    .fill_zero = [](void*, void* memory, size_t bytes, void*, OndaStatus*) { std::memset(memory, 0, bytes); },
    .launch_microseconds = 0,  // not known: whatever it takes is placed on it
    .copy_microseconds = 0,
    .copy_gigabytes_per_second = 0,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const OndaProviderDef* OndaGetProvider(uint32_t abi) {
  return abi == kOndaProviderAbi ? &kProvider : nullptr;
}
