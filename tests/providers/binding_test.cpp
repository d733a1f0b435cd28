// Values bound in device memory. Host code that touches such memory crashes.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "onda/model.h"
#include "tests/providers/late_device.h"

namespace onda {
namespace {

constexpr int64_t kCount = 1000;
const int64_t kShape[] = {kCount};

// Everything that the device can run runs there: two operators in a row.
const char kModel[] =
    "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N] x) => (float[N] y, float[N] z) "
    "{ a = Exp(x) b = Sin(a) y = Cos(b) z = Add(y, y) }";

class Binding : public testing::Test {
 protected:
  Binding() {
    Check(Api().RegisterProvider(env_.get(), "late", LateDevice()));
    options_.AppendExecutionProvider("late", {{"seed", "11"}, {"share", "1000"}});
    session_.emplace(env_, Model::FromText(kModel), options_);
    for (const NodePlacement& p : session_->Placement()) on_device_ += p.provider == "late";
  }
  Value Host(float value) const { return Value::FromVector(std::vector<float>(kCount, value), {kCount}); }
  Value Device() const { return session_->CreateTensor(memory_, DType::kFloat, kShape); }
  Value OnDevice(float value) const {
    Value device = Device();
    session_->CopyTensor(Host(value), device);
    return device;
  }
  std::vector<float> Read(const Value& value) const {
    Value host = Value::CreateTensor<float>(kShape);
    session_->CopyTensor(value, host);
    return host.ToVector<float>();
  }
  std::vector<float> Expected(float value, const char* output) const {
    return session_->Run({{"x", Host(value)}}, {output})[0].ToVector<float>();
  }

  Env env_{LoggingLevel::kError};
  SessionOptions options_;
  std::optional<Session> session_;
  MemoryInfo memory_{"late", 0};
  int on_device_ = 0;
};

TEST_F(Binding, InputsAndOutputsStayOnTheDevice) {
  ASSERT_GE(on_device_, 3) << "this test needs the device to run the operators";
  Value x = OnDevice(0.5f), y = Device();
  EXPECT_EQ(x.GetDevice(), "late:0");
  IoBinding binding(*session_);
  binding.BindInput("x", x);
  binding.BindOutput("y", y);
  binding.BindOutput("z", memory_);
  session_->Run(RunOptions(), binding);
  EXPECT_EQ(Read(y), Expected(0.5f, "y"));
  ASSERT_EQ(binding.GetOutputValues().size(), 2u);
  EXPECT_EQ(binding.GetOutputValues()[1].GetDevice(), "late");
  EXPECT_EQ(Read(binding.GetOutputValues()[1]), Expected(0.5f, "z"));
  // What is bound is read when it runs, and outputs are written again.
  session_->CopyTensor(Host(0.25f), x);
  session_->Run(RunOptions(), binding);
  EXPECT_EQ(Read(y), Expected(0.25f, "y"));
  // No copy to or from the host is left in the plan for these outputs: an output of one run feeds the next.
  binding.BindInput("x", binding.GetOutputValues()[1]);
  session_->Run(RunOptions(), binding);
  EXPECT_EQ(Read(y), Expected(Expected(0.25f, "z")[0], "y"));
}

TEST_F(Binding, DeviceMemoryWhereTheHostReads) {
  // A host session sees the same names; it has no such device.
  const Session host(env_, Model::FromText(kModel));
  const Value x = OnDevice(0.5f);
  try {
    host.Run({{"x", x}});
    ADD_FAILURE() << "device memory was taken";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("late"), std::string::npos) << e.what();
  }
  // Fed from the device, read on the host as well.
  const Session both(env_,
                     Model::FromText("<ir_version: 10, opset_import: [\"\" : 21]> g (float[N] x) => (float[N] x2, "
                                     "float[N] y) { x2 = Identity(x) y = Exp(x) }"),
                     options_);
  const std::vector<Value> results = both.Run({{"x", x}});
  EXPECT_EQ(results[0].ToVector<float>(), std::vector<float>(kCount, 0.5f));
}

TEST_F(Binding, HostAndDeviceOutputsInOneRun) {
  IoBinding binding(*session_);
  binding.BindInput("x", Host(0.75f));
  binding.BindOutput("y", MemoryInfo());
  binding.BindOutput("z", memory_);
  for (int i = 0; i < 3; ++i) {
    session_->Run(RunOptions(), binding);
    EXPECT_EQ(binding.GetOutputValues()[0].ToVector<float>(), Expected(0.75f, "y"));
    EXPECT_EQ(Read(binding.GetOutputValues()[1]), Expected(0.75f, "z"));
  }
}

TEST_F(Binding, ABoundOutputOfAnotherShapeIsRefused) {
  IoBinding binding(*session_);
  binding.BindInput("x", Host(0.75f));
  const int64_t shape[] = {7};
  binding.BindOutput("y", session_->CreateTensor(memory_, DType::kFloat, shape));
  EXPECT_THROW(session_->Run(RunOptions(), binding), Error);
}

TEST_F(Binding, RunAsyncFromManyCallers) {
  std::vector<std::future<std::vector<Value>>> futures;
  for (int i = 0; i < 20; ++i)
    futures.push_back(session_->RunAsync({{"x", Host(0.1f * static_cast<float>(i % 4))}}, {"y"}));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(futures[static_cast<size_t>(i)].get()[0].ToVector<float>(),
              Expected(0.1f * static_cast<float>(i % 4), "y"));
  auto wrong = session_->RunAsync({{"nothing", Host(0)}}, {"y"});
  EXPECT_THROW(wrong.get(), Error);
}

TEST_F(Binding, RunAsyncMayDropTheLastReferenceToItsSession) {
  std::promise<float> promise;
  {
    Env env;
    const Session session(env, Model::FromText(kModel));
    session.RunAsync(RunOptions(), {{"x", Host(0)}}, {"y"}, [&](std::vector<Value> values, const Error* error) {
      promise.set_value(error ? -1 : values[0].ToVector<float>()[0]);
    });
  }
  EXPECT_NEAR(promise.get_future().get(), 0.6664, 1e-3);  // cos(sin(exp(0)))
}

}  // namespace
}  // namespace onda
