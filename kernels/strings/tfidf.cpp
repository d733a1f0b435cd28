#include <algorithm>
#include <unordered_map>

#include "kernels/simd/stop_poll.h"
#include "kernels/strings/strings.h"
#include "onda/float_formats.h"

namespace onda::strings {
namespace {

// An n-gram as one key: the bytes of its integers, or its words, each behind its length.
void AppendKey(std::string* key, int64_t value) { key->append(reinterpret_cast<const char*>(&value), sizeof(value)); }
void AppendKey(std::string* key, const std::string& word) {
  AppendKey(key, static_cast<int64_t>(word.size()));
  key->append(word);
}

class TfIdfReference {
 public:
  explicit TfIdfReference(const NodeView& node) : params_(node.attributes()), maps_(params_.counts.size()) {
    int64_t gram = 0;
    for (size_t i = 0; i < params_.counts.size(); ++i) {
      const int64_t length = static_cast<int64_t>(i) + 1;
      const int64_t end = i + 1 < params_.counts.size() ? params_.counts[i + 1] : params_.pool_size();
      for (int64_t at = params_.counts[i]; at < end; at += length, ++gram) {
        std::string key;
        for (int64_t k = at; k < at + length; ++k)
          params_.of_strings() ? AppendKey(&key, params_.words[k]) : AppendKey(&key, params_.integers[k]);
        maps_[i].emplace(std::move(key), gram);
      }
    }
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t length = x.dim(x.rank - 1), rows = x.rank == 2 ? x.dim(0) : 1, width = params_.width();
    if (y.count() == 0) return;
    args.ParallelFor(rows, 1 + 256 / std::max<int64_t>(length, 1), [&](int64_t begin, int64_t end) {
      std::string key;
      StopPoll poll(args);
      for (int64_t r = begin; r < end; ++r) Row(x, r * length, length, y.as<float>() + r * width, &key, &poll);
    });
  }

 private:
  void Row(const TensorView& x, int64_t begin, int64_t length, float* y, std::string* key, StopPoll* poll) const {
    std::fill(y, y + params_.width(), 0.0f);
    for (int64_t n = params_.min_length; n <= params_.max_length; ++n) {
      const auto& map = maps_[static_cast<size_t>(n - 1)];
      if (map.empty()) continue;
      // A single item skips nothing: counted once.
      const int64_t last_skip = n == 1 ? 0 : std::min(params_.max_skip, length);
      for (int64_t step = 1; step <= last_skip + 1; ++step) {
        for (int64_t first = 0; first + (n - 1) * step < length; ++first) {
          poll->Work(64 * n);
          key->clear();
          for (int64_t k = 0; k < n; ++k) {
            const int64_t at = begin + first + k * step;
            x.type() == DType::kString ? AppendKey(key, x.as<std::string>()[at])
                                       : AppendKey(key, LoadInt64(x.type(), x.data, at));
          }
          const auto found = map.find(*key);
          if (found != map.end()) Count(found->second, y);
        }
      }
    }
  }

  void Count(int64_t gram, float* y) const {
    const float weight = params_.weights.empty() ? 1.0f : params_.weights[gram];
    float& cell = y[params_.indexes[gram]];
    switch (params_.mode) {
      case TfIdfParams::Mode::kTf:
        cell += 1;
        return;
      case TfIdfParams::Mode::kTfIdf:
        cell += weight;
        return;
      case TfIdfParams::Mode::kIdf:
        cell = weight;
        return;
    }
  }

  TfIdfParams params_;
  std::vector<std::unordered_map<std::string, int64_t>> maps_;  // by length - 1: key to number in the pool
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<TfIdfReference>("TfIdfVectorizer")};

}  // namespace

std::span<const OndaKernelDef> TfIdfKernels() { return kKernels; }

}  // namespace onda::strings
