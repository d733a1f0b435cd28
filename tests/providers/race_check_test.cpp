// The race check reports what is not ordered, by name and bytes, and nothing else.
#include "tests/providers/race_check.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/kernels/family_cases.h"
#include "tests/providers/late_device.h"
#include "tests/providers/placed.h"

namespace onda {
namespace {

using testing::Test;

class RaceCheckTest : public Test {
 protected:
  const char* At(size_t offset) const { return memory_ + offset; }
  size_t Reports() { return races_.TakeReports().size(); }

  RaceCheck races_;
  RaceCheck::Actor a_ = races_.AddStream("a"), b_ = races_.AddStream("b");

 private:
  char memory_[256];
};

TEST_F(RaceCheckTest, OneStreamIsInOrder) {
  races_.Queue(a_);
  races_.Write(a_, At(0), 16, "first");
  races_.Queue(a_);
  races_.Read(a_, At(0), 16, "second");
  races_.Write(a_, At(8), 16, "second");
  EXPECT_EQ(Reports(), 0u);
}

TEST_F(RaceCheckTest, TwoStreamsWithoutAnEventRace) {
  races_.Queue(a_);
  races_.Write(a_, At(0), 16, "first");
  races_.Queue(b_);
  races_.Read(b_, At(12), 16, "second");
  const std::vector<std::string> reports = races_.TakeReports();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(reports[0].find("second on b reads bytes ["), std::string::npos) << reports[0];
  EXPECT_NE(reports[0].find("that first on a writes"), std::string::npos) << reports[0];
}

TEST_F(RaceCheckTest, AnEventOrdersWhatStandsBeforeItsRecord) {
  races_.Queue(a_);
  races_.Write(a_, At(0), 16, "before");
  races_.Queue(a_);
  const RaceCheck::Clock event = races_.At(a_);
  races_.Queue(a_);
  races_.Write(a_, At(16), 16, "after");
  races_.Join(b_, event);
  races_.Queue(b_);
  races_.Read(b_, At(0), 16, "reader");
  EXPECT_EQ(Reports(), 0u);
  races_.Read(b_, At(0), 32, "reader");
  EXPECT_EQ(Reports(), 1u);
}

TEST_F(RaceCheckTest, OrderGoesThroughAThirdStream) {
  const RaceCheck::Actor c = races_.AddStream("c");
  races_.Queue(a_);
  races_.Write(a_, At(0), 16, "writer");
  races_.Join(c, races_.At(a_));
  races_.Queue(c);
  races_.Join(b_, races_.At(c));
  races_.Queue(b_);
  races_.Write(b_, At(0), 16, "reuse");
  EXPECT_EQ(Reports(), 0u);
}

TEST_F(RaceCheckTest, ReadersDoNotRaceButAWriterBehindThemDoes) {
  races_.Write(RaceCheck::kHost, At(0), 16, "upload");
  races_.Queue(a_);
  races_.Read(a_, At(0), 16, "first");
  races_.Queue(b_);
  races_.Read(b_, At(0), 16, "second");
  EXPECT_EQ(Reports(), 0u);
  races_.Queue(b_);
  races_.Write(b_, At(4), 4, "reuse");
  EXPECT_EQ(Reports(), 1u);  // with the first reader; the second is of the same stream
}

TEST_F(RaceCheckTest, TheHostMustWaitForWhatItReads) {
  races_.Queue(a_);
  races_.Write(a_, At(0), 16, "copy");
  races_.Read(RaceCheck::kHost, At(0), 4, "host");
  EXPECT_EQ(Reports(), 1u);
  races_.Join(RaceCheck::kHost, races_.At(a_));
  races_.Read(RaceCheck::kHost, At(0), 4, "host");
  EXPECT_EQ(Reports(), 0u);
}

TEST_F(RaceCheckTest, TheHostMayNotWriteWhatACopyStillReads) {
  races_.Write(RaceCheck::kHost, At(0), 16, "feed");
  races_.Queue(a_);
  races_.Read(a_, At(0), 16, "copy");
  EXPECT_EQ(Reports(), 0u);
  races_.Write(RaceCheck::kHost, At(0), 16, "next feed");
  EXPECT_EQ(Reports(), 1u);
}

TEST_F(RaceCheckTest, MemoryThatWasGivenBackIsNew) {
  races_.Queue(a_);
  races_.Write(a_, At(0), 16, "old");
  races_.Forget(At(0), 16);
  races_.Queue(b_);
  races_.Write(b_, At(0), 16, "new");
  EXPECT_EQ(Reports(), 0u);
}

// Over two devices: x and y to the first, its results to the second and to the host, and back, while both and the host
// go on working.
constexpr char kCrossings[] =
    "(float[64] x, float[64] y) => (float[64] z, float[64] w, float[64] v) "
    "{ a = Add(x, y) b = Mul(a, x) c = Sub(b, y) d = Neg(c) e = Add(a, d) f = Mul(e, e) g = Sub(f, a) h = Abs(b) "
    "k = Exp(h) w = Neg(k) m = Mul(a, b) z = Add(g, m) n = Sub(w, z) v = Mul(n, n) }";

// Nodes of one device, of the other, and of the host.
LoadOptions Split(std::vector<std::pair<std::string, std::string>> faults) {
  LoadOptions options = PlainOptions();
  faults.push_back({"only", "Add,Neg,Exp"});
  options.devices = {Late(4, 1000, "late:0", faults)};
  faults.back().second = "Mul,Sub";
  options.devices.push_back(Late(11, 1000, "late:1", faults));
  return options;
}

struct Outcome {
  bool wrong = false;
  std::string races;
};

Outcome RunWith(const std::vector<std::pair<std::string, std::string>>& faults) {
  const Model model = ModelOfCase({kCrossings});
  const Case test{kCrossings};
  const InferenceSession host(model, PlainOptions());
  const std::vector<RuntimeValue> expected = RunOn(host, FeedsOfCase(host, test));
  Outcome outcome;
  const InferenceSession session(model, Split(faults));
  for (int run = 0; run < 2; ++run)
    outcome.wrong |= !Difference(RunOn(session, FeedsOfCase(host, test)), expected).empty();
  outcome.races = RaceText();
  return outcome;
}

TEST(PlantedRaces, NoneWithoutAFault) {
  const Outcome outcome = RunWith({});
  EXPECT_FALSE(outcome.wrong);
  EXPECT_EQ(outcome.races, "");
}

// Leaves out one after the other. Whatever makes a result wrong must be reported; of the others some are not needed.
void LeaveOutEach(const std::string& fault, int count, int at_least) {
  int reported = 0;
  for (int n = 1; n <= count; ++n) {
    SCOPED_TRACE(fault + "=" + std::to_string(n));
    const Outcome outcome = RunWith({{fault, std::to_string(n)}});
    reported += !outcome.races.empty();
    EXPECT_TRUE(!outcome.wrong || !outcome.races.empty());
  }
  EXPECT_GE(reported, at_least) << "of " << count;
  std::printf("%s: %d of %d reported\n", fault.c_str(), reported, count);
}

TEST(PlantedRaces, AMissingWaitIsReported) { LeaveOutEach("drop_wait", 12, 3); }

TEST(PlantedRaces, AMissingRecordIsReported) { LeaveOutEach("drop_record", 12, 3); }

TEST(PlantedRaces, AHostReadBeforeSynchronisationIsReported) { LeaveOutEach("drop_sync", 12, 3); }

TEST(PlantedRaces, ReportsNameNodesStreamsAndBytes) {
  std::string all;
  for (int n = 1; n <= 12; ++n) all += RunWith({{"drop_wait", std::to_string(n)}}).races;
  EXPECT_NE(all.find("copy between devices of 256 bytes on stream"), std::string::npos) << all;
  EXPECT_NE(all.find(", output 0 on stream"), std::string::npos) << all;
  EXPECT_NE(all.find(" bytes [0x"), std::string::npos) << all;
}

// By hand: the provider's own functions, as a plan would call them.
class HandWritten : public Test {
 protected:
  void SetUp() override {
    const char *keys[] = {"seed"}, *values[] = {"3"};
    device_ = def_.create(keys, values, 1, &status_);
    for (void*& stream : streams_) stream = def_.create_stream(device_, &status_);
    for (void*& buffer : buffers_) buffer = def_.allocate(device_, sizeof(host_));
    event_ = def_.create_event(device_, &status_);
  }
  void TearDown() override {
    TakeRaces();
    for (void* stream : streams_) def_.synchronize_stream(device_, stream, &status_);
    for (void* stream : streams_) def_.destroy_stream(device_, stream);
    def_.destroy_event(device_, event_);
    for (void* buffer : buffers_) def_.free(device_, buffer);
    def_.destroy(device_);
    EXPECT_EQ(status_.code, 0);
    EXPECT_EQ(RaceText(), "");
  }
  void Up(int buffer, int stream) {
    def_.copy(device_, buffers_[buffer], host_, sizeof(host_), kOndaHostToDevice, streams_[stream], &status_);
  }
  void Move(int from, int to, int stream) {
    def_.copy(device_, buffers_[to], buffers_[from], sizeof(host_), kOndaDeviceToDevice, streams_[stream], &status_);
  }
  void Record(int stream) { def_.record_event(device_, event_, streams_[stream], &status_); }
  void Wait(int stream) { def_.wait_event(device_, streams_[stream], event_, &status_); }

  const OndaProviderDef& def_ = *LateDevice();
  OndaStatus status_{};
  void* device_ = nullptr;
  void* streams_[2] = {};
  void* buffers_[2] = {};
  void* event_ = nullptr;
  char host_[512] = {};
};

TEST_F(HandWritten, EventsInOrderAreClean) {
  Up(0, 0);
  Record(0);
  Wait(1);
  Move(0, 1, 1);
  EXPECT_EQ(RaceText(), "");
}

TEST_F(HandWritten, AWaitAheadOfItsRecordIsNone) {
  Up(0, 0);
  Wait(1);
  Record(0);
  Move(0, 1, 1);
  EXPECT_NE(RaceText(), "");
}

TEST_F(HandWritten, ABufferReusedWhileItIsStillReadIsReported) {
  Up(0, 0);
  Record(0);
  Wait(1);
  Move(0, 1, 1);  // stream 1 reads buffer 0
  Up(0, 0);       // stream 0 writes it again
  const std::string races = RaceText();
  EXPECT_NE(races.find("copy to the device of 512 bytes on stream 1"), std::string::npos) << races;
  EXPECT_NE(races.find("copy within the device of 512 bytes on stream 2"), std::string::npos) << races;
}

TEST_F(HandWritten, MemoryGivenBackWhileItIsStillUsedIsReported) {
  void* buffer = def_.allocate(device_, 512);
  def_.copy(device_, buffer, host_, sizeof(host_), kOndaHostToDevice, streams_[0], &status_);
  def_.free(device_, buffer);
  EXPECT_NE(RaceText().find("free on the host writes"), std::string::npos);
}

TEST_F(HandWritten, WhatIsNotGivenBackIsReported) {
  const char *keys[] = {"seed"}, *values[] = {"1"};
  void* device = def_.create(keys, values, 1, &status_);
  def_.allocate(device, 512);
  def_.destroy(device);
  EXPECT_NE(RaceText().find("is destroyed with 1 blocks, 0 streams and 0 events"), std::string::npos);
}

TEST_F(HandWritten, AFeedChangedBeforeItsCopyHasRunIsReported) {
  Up(0, 0);
  NoteHostWrite(host_, sizeof(host_), "the caller");
  EXPECT_NE(RaceText().find("the caller on the host writes"), std::string::npos);
}

}  // namespace
}  // namespace onda
