// What a stream of the late device recorded: requests that are made again at each replay.
#ifndef ONDA_TESTS_PROVIDERS_LATE_CAPTURE_H_
#define ONDA_TESTS_PROVIDERS_LATE_CAPTURE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "onda/provider.h"

namespace onda {

// A launch with copies of its views. What lies in host memory is held by value, as it was when it was recorded.
class RecordedLaunch {
 public:
  RecordedLaunch(const OndaLaunch& launch, const std::function<bool(const void*)>& on_device);
  RecordedLaunch(const RecordedLaunch&) = delete;
  RecordedLaunch& operator=(const RecordedLaunch&) = delete;
  // Some output's memory is not known: it cannot be replayed.
  bool allocates() const { return allocates_; }
  OndaLaunch On(void* stream) const {
    OndaLaunch launch = launch_;
    launch.stream = stream;
    return launch;
  }

 private:
  OndaLaunch launch_;
  std::deque<std::vector<int64_t>> dims_;
  std::deque<std::vector<char>> contents_;
  std::vector<OndaTensorView> inputs_, outputs_;
  bool allocates_ = false;
};

struct LateCapture {
  struct Item {
    // Two captures are of the same work where these are equal, item by item.
    const void* kernel = nullptr;
    int kind = 0;  // of a copy: an OndaCopyKind; -1: a fill
    size_t bytes = 0;
    // Addresses of a copy or fill.
    void* to = nullptr;
    const void* from = nullptr;
    std::shared_ptr<const RecordedLaunch> launch;
  };
  std::vector<Item> items;
  std::string spoilt;  // why it cannot be used; "" where it can

  bool SameWork(const LateCapture& other) const {
    if (items.size() != other.items.size()) return false;
    for (size_t i = 0; i < items.size(); ++i)
      if (items[i].kernel != other.items[i].kernel || items[i].kind != other.items[i].kind ||
          items[i].bytes != other.items[i].bytes)
        return false;
    return true;
  }
  // The index-th copy.
  Item& Copy(int32_t index);
};

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_LATE_CAPTURE_H_
