// Tensors shared through DLPack, in host memory and on a device whose memory the host cannot touch.
#include "onda/dlpack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "onda/model.h"
#include "tests/providers/late_device.h"

namespace onda {
namespace {

const char kModel[] =
    "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N,M] x) => (float[N,M] y) { a = Exp(x) y = Neg(a) }";

// A tensor of the caller's, which counts how often it is given back.
struct Shared {
  explicit Shared(std::vector<int64_t> dims) : shape(std::move(dims)) {
    int64_t count = 1;
    for (int64_t d : shape) count *= d;
    elements.resize(static_cast<size_t>(count), 0.5f);
    managed.tensor.data = elements.data();
    managed.tensor.device.type = 1;
    managed.tensor.rank = static_cast<int32_t>(shape.size());
    managed.tensor.dtype.code = 2;
    managed.tensor.dtype.bits = 32;
    managed.tensor.dtype.lanes = 1;
    managed.tensor.shape = shape.data();
    managed.context = this;
    managed.deleter = [](DlpackManagedTensor* self) { ++static_cast<Shared*>(self->context)->deleted; };
  }
  std::vector<int64_t> shape, strides;
  std::vector<float> elements;
  DlpackManagedTensor managed{};
  int deleted = 0;
};

std::string Refused(Shared& shared, const Session* session = nullptr) {
  try {
    FromDlpack(&shared.managed, session);
  } catch (const Error& e) {
    EXPECT_EQ(shared.deleted, 0) << "a refused tensor is still the caller's";
    return e.what();
  }
  return "";
}

TEST(Dlpack, HostTensorsAreReadWhereTheyLie) {
  Env env{LoggingLevel::kError};
  const Session session(env, Model::FromText(kModel));
  Shared x({2, 3});
  {
    Value value = FromDlpack(&x.managed, &session);
    EXPECT_EQ(value.GetTensorRawData(), x.elements.data());
    IoBinding binding(session);
    binding.BindInput("x", value);
    value = Value();
    x.elements[4] = 2;
    binding.BindOutput("y", MemoryInfo());
    session.Run(RunOptions(), binding);
    EXPECT_EQ(x.deleted, 0);
    const std::vector<float> y = binding.GetOutputValues()[0].ToVector<float>();
    EXPECT_FLOAT_EQ(y[4], -std::exp(2.0f));
    EXPECT_FLOAT_EQ(y[0], -std::exp(0.5f));
  }
  EXPECT_EQ(x.deleted, 1);
  // Results are written into it.
  Shared y({2, 3});
  {
    Value to = FromDlpack(&y.managed);
    IoBinding binding(session);
    binding.BindInput("x", Value::FromVector(std::vector<float>(6, 0.0f), {2, 3}));
    binding.BindOutput("y", to);
    session.Run(RunOptions(), binding);
  }
  EXPECT_EQ(y.elements, std::vector<float>(6, -1.0f));
  EXPECT_EQ(y.deleted, 1);
}

TEST(Dlpack, ResultsOutliveTheirSession) {
  DlpackManagedTensor* managed = nullptr;
  {
    Env env{LoggingLevel::kError};
    const Session session(env, Model::FromText(kModel));
    managed = ToDlpack(session.Run({{"x", Value::FromVector(std::vector<float>(6, 0.0f), {2, 3})}})[0]);
  }
  const DlpackTensor& t = managed->tensor;
  EXPECT_EQ(t.device.type, 1);
  EXPECT_EQ(std::vector<int64_t>(t.shape, t.shape + t.rank), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::vector<int64_t>(t.strides, t.strides + t.rank), (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(t.dtype.code, 2);
  EXPECT_EQ(t.dtype.bits, 32);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(static_cast<const float*>(t.data)[i], -1.0f);
  // There and back it is the same memory.
  {
    const Value back = FromDlpack(managed);
    EXPECT_EQ(back.GetTensorRawData(), t.data);
  }
}

TEST(Dlpack, EveryElementTypeGoesThereAndBack) {
  for (const internal::DlpackType& type : internal::kDlpackTypes) {
    const int64_t shape[] = {3};
    const Value value = Value::CreateTensor(type.dtype, shape);
    const Value back = FromDlpack(ToDlpack(value));
    EXPECT_EQ(back.GetTypeInfo().GetElementType(), type.dtype);
    EXPECT_EQ(back.GetTensorRawData(), value.GetTensorRawData());
  }
  const int64_t shape[] = {3};
  EXPECT_THROW(ToDlpack(Value::CreateTensor(DType::kInt4, shape)), Error);
  EXPECT_THROW(ToDlpack(Value::FromVector(std::vector<std::string>{"a"})), Error);
  EXPECT_THROW(ToDlpack(Value::CreateSequence({})), Error);
}

TEST(Dlpack, WhatCannotBeSharedIsRefused) {
  const auto refusal = [](auto change) {
    Shared shared({2, 3});
    change(shared);
    return Refused(shared);
  };
  EXPECT_NE(refusal([](Shared& s) {
              s.strides = {1, 2};
              s.managed.tensor.strides = s.strides.data();
            }).find("shape (2, 3), has strides (1, 2); only dense tensors in row-major order"),
            std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.managed.tensor.dtype.lanes = 4; }).find("32 bits and 4 lanes"),
            std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.managed.tensor.dtype.bits = 24; }).find("code 2, 24 bits"), std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.managed.tensor.byte_offset = 2; }).find("multiple of 4 bytes"),
            std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.shape[0] = -1; }).find("below 0"), std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.managed.tensor.data = nullptr; }).find("no memory"), std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.shape[0] = s.shape[1] = int64_t{1} << 40; }).find("larger than any memory"),
            std::string::npos);
  EXPECT_NE(refusal([](Shared& s) { s.managed.tensor.device.type = 2; }).find("CUDA device 0; no session is given"),
            std::string::npos);
  // Strides that do not matter, an offset, nothing at all.
  EXPECT_EQ(refusal([](Shared& s) {
              s.shape = {1, 6};
              s.strides = {77, 1};
              s.managed.tensor.shape = s.shape.data();
              s.managed.tensor.strides = s.strides.data();
            }),
            "");
  Shared part({2, 3});
  part.shape = {2};
  part.managed.tensor.rank = 1;
  part.managed.tensor.byte_offset = 4;
  EXPECT_EQ(FromDlpack(&part.managed).GetTensorRawData(), part.elements.data() + 1);
  Shared empty({0, 3});
  empty.managed.tensor.data = nullptr;
  EXPECT_EQ(FromDlpack(&empty.managed).GetTypeInfo().GetShape(), (std::vector<int64_t>{0, 3}));
  EXPECT_THROW(FromDlpack(static_cast<DlpackManagedTensor*>(nullptr)), Error);
}

TEST(Dlpack, DeviceTensorsStayWhereTheyAre) {
  DlpackManagedTensor* kept = nullptr;
  {
    Env env{LoggingLevel::kError};
    Check(Api().RegisterProvider(env.get(), "late", LateDevice()));
    SessionOptions options;
    options.AppendExecutionProvider("late", {{"seed", "5"}});
    const Session session(env, Model::FromText(kModel), options);
    const MemoryInfo memory("late", 0);
    const int64_t shape[] = {2, 3};
    Value x = session.CreateTensor(memory, DType::kFloat, shape);
    session.CopyTensor(Value::FromVector(std::vector<float>(6, 0.0f), {2, 3}), x);
    void* const where = x.GetTensorMutableRawData();
    DlpackManagedTensor* managed = ToDlpack(x, &session);
    EXPECT_EQ(managed->tensor.data, where);
    EXPECT_NE(managed->tensor.device.type, 1);
    EXPECT_THROW(ToDlpack(x), Error);  // without its session
    x = Value();
    EXPECT_THROW(FromDlpack(managed), Error);
    IoBinding binding(session);
    binding.BindInput("x", FromDlpack(managed, &session));
    binding.BindOutput("y", memory);
    session.Run(RunOptions(), binding);
    kept = ToDlpack(binding.GetOutputValues()[0], &session);
    Value back = Value::CreateTensor<float>(shape);
    session.CopyTensor(FromDlpack(ToDlpack(binding.GetOutputValues()[0], &session), &session), back);
    EXPECT_EQ(back.ToVector<float>(), std::vector<float>(6, -1.0f));
    // A session without that device names what it has.
    const Session host(env, Model::FromText(kModel));
    DlpackManagedTensor* const refused = ToDlpack(binding.GetOutputValues()[0], &session);
    try {
      FromDlpack(refused, &host);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("the session has"), std::string::npos) << e.what();
      refused->deleter(refused);
    }
  }
  // Session and device are gone, the memory is not.
  EXPECT_EQ(ReadLate(kept->tensor.data, 24).size(), 24u);
  kept->deleter(kept);
  EXPECT_EQ(TakeRaces(), std::vector<std::string>());
}

}  // namespace
}  // namespace onda
