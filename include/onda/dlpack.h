// Tensors shared with other libraries through DLPack, without a copy.
//
//   onda::Value x = onda::FromDlpack(managed, &session);   // takes `managed`; its deleter is called in the end
//   binding.BindInput("x", x);
//   auto* y = onda::ToDlpack<DLManagedTensor>(binding.GetOutputValues()[0], &session);   // whose deleter frees it
//
// The functions take and give DLManagedTensor of <dlpack/dlpack.h>, or the same structure by any name, such as the one
// below. Nobody waits for a device here: who gives a tensor away has its work on it done, as results of Run are.
#ifndef ONDA_DLPACK_H_
#define ONDA_DLPACK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "onda/onda.h"

namespace onda {
inline namespace v1 {

// DLPack's structures, of its versions below 1.0 and of what PyTorch and others call "dltensor".
struct DlpackTensor {
  void* data;
  struct {
    int32_t type;  // 1: host memory, 2: CUDA, 3: host memory that CUDA has pinned, ...
    int32_t number;
  } device;
  int32_t rank;
  struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
  } dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null: row-major
  uint64_t byte_offset;
};
struct DlpackManagedTensor {
  DlpackTensor tensor;
  void* context;
  void (*deleter)(DlpackManagedTensor* self);  // may be null
};

namespace internal {

struct DlpackType {
  DType dtype;
  uint8_t code, bits;
};
inline constexpr DlpackType kDlpackTypes[] = {
    {DType::kInt8, 0, 8},
    {DType::kInt16, 0, 16},
    {DType::kInt32, 0, 32},
    {DType::kInt64, 0, 64},
    {DType::kUint8, 1, 8},
    {DType::kUint16, 1, 16},
    {DType::kUint32, 1, 32},
    {DType::kUint64, 1, 64},
    {DType::kFloat16, 2, 16},
    {DType::kFloat, 2, 32},
    {DType::kDouble, 2, 64},
    {DType::kBfloat16, 4, 16},
    {DType::kComplex64, 5, 64},
    {DType::kComplex128, 5, 128},
    {DType::kBool, 6, 8},
    {DType::kFloat8E4M3FN, 10, 8},
    {DType::kFloat8E4M3FNUZ, 11, 8},
    {DType::kFloat8E5M2, 12, 8},
    {DType::kFloat8E5M2FNUZ, 13, 8},
    {DType::kFloat8E8M0, 14, 8},
};

inline std::string DlpackDeviceText(int32_t type, int32_t number) {
  const std::string kind = type == 1   ? "host memory"
                           : type == 2 ? "CUDA device"
                           : type == 3 ? "pinned host memory"
                                       : "device type " + std::to_string(type);
  return type == 1 || type == 3 ? kind : kind + " " + std::to_string(number);
}

// The name of the session's device that DLPack knows so; "" for host memory.
inline std::string FindDlpackDevice(const Session* session, int32_t type, int32_t number) {
  if (type == 1 || type == 3) return "";
  std::string known = session ? "; the session has" : "; no session is given that could have it";
  for (size_t i = 0; session && i < Api().SessionProviderCount(session->get()); ++i) {
    uint64_t total = 0, free = 0, used = 0;
    const char* name = "";
    Check(Api().SessionProviderMemory(session->get(), i, &name, &total, &free, &used));
    int32_t own_type = 0, own_number = 0;
    Check(Api().SessionDlpackDevice(session->get(), name, &own_type, &own_number));
    if (own_type == type && own_number == number) return name;
    known +=
        std::string(" ") + name + " (" + (own_type ? DlpackDeviceText(own_type, own_number) : "not for DLPack") + "),";
  }
  throw Error(ErrorCode::kInvalidArgument,
              "a DLPack tensor lies in " + DlpackDeviceText(type, number) + known + " and host memory");
}

inline void CheckDlpackLayout(const DlpackTensor& t, DType dtype) {
  auto refuse = [&](const std::string& why) {
    std::string text = "a DLPack tensor of " + std::string(NameOf(dtype)) + ", shape (";
    for (int32_t i = 0; i < t.rank; ++i) text += (i ? ", " : "") + std::to_string(t.shape[i]);
    throw Error(ErrorCode::kInvalidArgument, text + "), " + why);
  };
  bool empty = false;
  for (int32_t i = 0; i < t.rank; ++i) {
    if (t.shape[i] < 0) refuse("has a dimension below 0");
    empty = empty || t.shape[i] == 0;
  }
  if (empty) return;
  uint64_t dense = 1;
  for (int32_t i = t.rank - 1; i >= 0; --i) {
    if (t.strides && t.shape[i] > 1 && t.strides[i] != static_cast<int64_t>(dense)) {
      std::string strides;
      for (int32_t k = 0; k < t.rank; ++k) strides += (k ? ", " : "") + std::to_string(t.strides[k]);
      refuse("has strides (" + strides + "); only dense tensors in row-major order are shared: make it contiguous");
    }
    if (__builtin_mul_overflow(dense, static_cast<uint64_t>(t.shape[i]), &dense) || dense > UINT64_MAX / 128)
      refuse("is larger than any memory");
  }
  if (!t.data) refuse("has no memory");
  const size_t alignment = std::min<size_t>(static_cast<size_t>(BitsOf(dtype)) / 8, 8);
  if ((reinterpret_cast<uintptr_t>(t.data) + t.byte_offset) % alignment != 0)
    refuse("does not lie at a multiple of " + std::to_string(alignment) + " bytes");
}

template <class Managed>
constexpr void CheckDlpackStruct() {
  static_assert(sizeof(Managed) == sizeof(DlpackManagedTensor) && alignof(Managed) == alignof(DlpackManagedTensor),
                "DLManagedTensor of DLPack, not its versioned form");
}

}  // namespace internal

// A value over the tensor's memory, which the tensor's deleter gives back when no value and no run uses it any more.
// session: one of whose devices has the memory; may be null for host memory. The tensor is the callee's unless this
// throws kInvalidArgument: for an element type that Onda has not, for tensors that are not dense in row-major order,
// for a device that the session has not.
template <class Managed>
Value FromDlpack(Managed* given, const Session* session = nullptr) {
  internal::CheckDlpackStruct<Managed>();
  if (!given) throw Error(ErrorCode::kInvalidArgument, "no DLPack tensor is given");
  auto* managed = reinterpret_cast<DlpackManagedTensor*>(given);
  const DlpackTensor& t = managed->tensor;
  DType dtype = DType::kUndefined;
  for (const internal::DlpackType& known : internal::kDlpackTypes)
    if (known.code == t.dtype.code && known.bits == t.dtype.bits && t.dtype.lanes == 1) dtype = known.dtype;
  if (dtype == DType::kUndefined)
    throw Error(ErrorCode::kInvalidArgument, "a DLPack tensor has elements of code " + std::to_string(t.dtype.code) +
                                                 ", " + std::to_string(t.dtype.bits) + " bits and " +
                                                 std::to_string(t.dtype.lanes) +
                                                 " lanes, which no element type of ONNX has");
  if (t.rank < 0 || (t.rank > 0 && !t.shape)) throw Error(ErrorCode::kInvalidArgument, "a DLPack tensor has no shape");
  internal::CheckDlpackLayout(t, dtype);
  const std::string device = internal::FindDlpackDevice(session, t.device.type, t.device.number);
  size_t bytes = static_cast<size_t>(BitsOf(dtype)) / 8;
  for (int32_t i = 0; i < t.rank; ++i) bytes *= static_cast<size_t>(t.shape[i]);
  return Value::CreateTensor(MemoryInfo(device.empty() ? "Cpu" : device), static_cast<char*>(t.data) + t.byte_offset,
                             bytes, {t.shape, static_cast<size_t>(t.rank)}, dtype, [managed] {
                               if (managed->deleter) managed->deleter(managed);
                             });
}

// The value's tensor, dense and in row-major order; the memory stays at least until the deleter is called, also where
// values, sessions and bindings are gone by then. session: whose device has the tensor; may be null for host memory.
// Throws kInvalidArgument for strings, types below 8 bits and what is no tensor.
template <class Managed = DlpackManagedTensor>
Managed* ToDlpack(const Value& value, const Session* session = nullptr) {
  internal::CheckDlpackStruct<Managed>();
  struct Context {
    Value value;
    std::vector<int64_t> shape, strides;
    DlpackManagedTensor managed;
  };
  if (!value || !value.IsTensor()) throw Error(ErrorCode::kInvalidArgument, "only tensors are shared through DLPack");
  auto context = std::make_unique<Context>();
  context->value = value;
  const TypeInfo type = value.GetTypeInfo();
  DlpackTensor& t = context->managed.tensor;
  t = {};
  t.device.type = 1;
  if (const std::string device = value.GetDevice(); !device.empty()) {
    if (!session)
      throw Error(ErrorCode::kInvalidArgument, "the tensor lies in '" + device + "': its session has to be given");
    Check(Api().SessionDlpackDevice(session->get(), device.c_str(), &t.device.type, &t.device.number));
    if (!t.device.type)
      throw Error(ErrorCode::kInvalidArgument, "the tensor lies in '" + device + "', which DLPack has no name for");
  }
  for (const internal::DlpackType& known : internal::kDlpackTypes)
    if (known.dtype == type.GetElementType()) {
      t.dtype.code = known.code;
      t.dtype.bits = known.bits;
    }
  if (!t.dtype.bits)
    throw Error(ErrorCode::kInvalidArgument,
                "DLPack tensors have no elements of " + std::string(NameOf(type.GetElementType())));
  t.dtype.lanes = 1;
  t.data = context->value.GetTensorMutableRawData();
  context->shape = type.GetShape();
  context->strides.resize(context->shape.size());
  int64_t stride = 1;
  for (size_t i = context->shape.size(); i-- > 0;) {
    context->strides[i] = stride;
    stride *= std::max<int64_t>(context->shape[i], 1);
  }
  t.rank = static_cast<int32_t>(context->shape.size());
  t.shape = context->shape.data();
  t.strides = context->strides.data();
  DlpackManagedTensor* const managed = &context->managed;
  managed->deleter = [](DlpackManagedTensor* self) { delete static_cast<Context*>(self->context); };
  managed->context = context.release();
  return reinterpret_cast<Managed*>(managed);
}

}  // namespace v1
}  // namespace onda

#endif  // ONDA_DLPACK_H_
