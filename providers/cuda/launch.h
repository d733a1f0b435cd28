// How a kernel is called: parameters that say what they do with device memory, and arguments that say how far it
// reaches.
//
//   __global__ void Scale(In<float> x, Out<float> y, int64_t n, float by);
//   Launch(args, {.grid = {blocks}, .block = {256}}, Scale, args.input(0), args.output(0), n, by);
//
// A device sees every piece of memory that a launch names, with its bytes and the direction. A kernel touches nothing
// else in global memory, and reads what it declares as Out only after writing it.
#ifndef ONDA_PROVIDERS_CUDA_LAUNCH_H_
#define ONDA_PROVIDERS_CUDA_LAUNCH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "onda/provider.h"

#ifdef __CUDACC__
#define ONDA_HOST_DEVICE __host__ __device__
#else
#define ONDA_HOST_DEVICE
#endif

namespace onda::cuda {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
};

struct LaunchConfig {
  Dim3 grid;
  Dim3 block;
  uint32_t shared_bytes = 0;  // dynamic shared memory
};

enum class Access : uint8_t { kRead, kWrite, kReadWrite };

// Device memory. data may be null, then there are no bytes.
struct Buffer {
  void* data = nullptr;
  size_t bytes = 0;
};

// Kernel parameters. One pointer each, passed by value.
template <class T>
struct In {
  static constexpr Access kAccess = Access::kRead;
  using Element = T;
  const T* data;
  ONDA_HOST_DEVICE const T& operator[](int64_t i) const { return data[i]; }
  ONDA_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
};
template <class T>
struct Out {
  static constexpr Access kAccess = Access::kWrite;
  using Element = T;
  T* data;
  ONDA_HOST_DEVICE T& operator[](int64_t i) const { return data[i]; }
  ONDA_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
};
// Written in place, accumulated into by atomics, or written in part so that the rest must stay.
template <class T>
struct InOut {
  static constexpr Access kAccess = Access::kReadWrite;
  using Element = T;
  T* data;
  ONDA_HOST_DEVICE T& operator[](int64_t i) const { return data[i]; }
  ONDA_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
};
// Several tensors in one parameter, for operators with a list of inputs or outputs.
inline constexpr int kListCapacity = 16;
template <class T>
struct InList {
  static constexpr Access kAccess = Access::kRead;
  using Element = T;
  const T* data[kListCapacity];
};
template <class T>
struct OutList {
  static constexpr Access kAccess = Access::kWrite;
  using Element = T;
  T* data[kListCapacity];
};

// Memory that a launch names.
struct Touch {
  Buffer buffer;
  Access access;
  int32_t parameter;  // index of the kernel's parameter
};

// A kernel with its arguments, as a device takes it. Everything is read during the call.
struct KernelCall {
  const void* function;                       // the kernel's address in host code
  void (*invoke)(const void*, void* const*);  // calls the function as a host function with these arguments
  std::span<void* const> arguments;           // one address per parameter
  std::span<const size_t> sizes;              // bytes of each parameter
  std::span<const Touch> touches;
};

namespace internal {

template <class P>
concept MemoryParameter = requires { P::kAccess; };
template <class P>
concept ListParameter = MemoryParameter<P> && std::is_array_v<decltype(P::data)>;

inline Buffer ToBuffer(const Buffer& b) { return b; }
inline Buffer ToBuffer(const TensorView& v) {
  if (!v.present() || !v.data) return {};
  return {v.data, v.bytes()};
}

template <class T>
void CheckElement(const TensorView& view) {
  if (view.present() && (BitsOf(view.type()) + 7) / 8 != sizeof(T) && sizeof(T) != 1)
    throw Error(ErrorCode::kInternal, "a kernel's parameter has elements of " + std::to_string(sizeof(T)) +
                                          " bytes, and is given " + std::string(NameOf(view.type())));
}
template <class T>
void CheckElement(const Buffer&) {}

// The value of parameter type P for an argument, noting what memory it names.
template <class P, class A>
P Bind(const A& argument, Touch* touches, size_t& count, int32_t parameter) {
  if constexpr (ListParameter<P>) {
    P value{};
    int i = 0;
    for (const auto& item : argument) {
      if (i == kListCapacity) throw Error(ErrorCode::kInternal, "too many tensors for one kernel parameter");
      CheckElement<typename P::Element>(item);
      const Buffer buffer = ToBuffer(item);
      value.data[i++] = static_cast<typename P::Element*>(buffer.data);
      touches[count++] = {buffer, P::kAccess, parameter};
    }
    return value;
  } else if constexpr (MemoryParameter<P>) {
    CheckElement<typename P::Element>(argument);
    const Buffer buffer = ToBuffer(argument);
    touches[count++] = {buffer, P::kAccess, parameter};
    return P{static_cast<typename P::Element*>(buffer.data)};
  } else {
    static_assert(!std::is_pointer_v<P>, "pointers are passed as In, Out or InOut");
    static_assert(std::is_trivially_copyable_v<P>);
    return static_cast<P>(argument);
  }
}

template <class... P>
constexpr size_t TouchCapacity() {
  return (size_t{1} + ... + (ListParameter<P> ? size_t{kListCapacity} : size_t{1}));
}

// Binds the arguments and hands the call to `run(const KernelCall&)`.
template <class... P, class... A, size_t... I, class Run>
void Call(void (*kernel)(P...), std::index_sequence<I...>, Run&& run, const A&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "as many arguments as the kernel has parameters");
  Touch touches[TouchCapacity<P...>()];
  size_t count = 0;
  std::tuple<P...> values{Bind<P>(arguments, touches, count, static_cast<int32_t>(I))...};
  void* addresses[sizeof...(P) + 1] = {&std::get<I>(values)...};
  const size_t sizes[sizeof...(P) + 1] = {sizeof(P)...};
  auto invoke = [](const void* function, void* const* at) {
    reinterpret_cast<void (*)(P...)>(const_cast<void*>(function))(*static_cast<P*>(at[I])...);
    (void)at;
  };
  run(KernelCall{reinterpret_cast<const void*>(kernel),
                 invoke,
                 {addresses, sizeof...(P)},
                 {sizes, sizeof...(P)},
                 {touches, count}});
}

}  // namespace internal
}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_LAUNCH_H_
