#include <locale.h>
#include <re2/re2.h>
#include <wctype.h>

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <vector>

#include "kernels/simd/broadcast.h"
#include "kernels/simd/stop_poll.h"
#include "kernels/strings/strings.h"

namespace onda::strings {
namespace {

// Upper and lower case of UTF-8 text by the named locale, or by Unicode's plain mapping where that is not installed.
class CaseMap {
 public:
  explicit CaseMap(const std::string& name) {
    for (const std::string& candidate : {name + ".UTF-8", name, std::string("C.UTF-8")}) {
      locale_ = newlocale(LC_CTYPE_MASK, candidate.c_str(), nullptr);
      if (locale_) return;
    }
  }
  ~CaseMap() {
    if (locale_) freelocale(locale_);
  }
  CaseMap(const CaseMap&) = delete;
  CaseMap& operator=(const CaseMap&) = delete;

  // Bytes that are no UTF-8 stay as they are.
  std::string Map(const std::string& text, bool upper) const {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
      const auto lead = static_cast<unsigned char>(text[i]);
      const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
      uint32_t code = length == 1 ? lead : length > 1 ? lead & (0x7f >> length) : 0;
      bool valid = length > 0 && lead < 0xf8 && i + length <= text.size();
      for (size_t k = 1; valid && k < length; ++k) {
        const auto next = static_cast<unsigned char>(text[i + k]);
        valid = (next & 0xc0) == 0x80;
        code = code << 6 | (next & 0x3f);
      }
      if (!valid) {
        out += text[i++];
        continue;
      }
      Append(&out, MapOne(code, upper));
      i += length;
    }
    return out;
  }

 private:
  uint32_t MapOne(uint32_t code, bool upper) const {
    if (locale_) return static_cast<uint32_t>(upper ? towupper_l(code, locale_) : towlower_l(code, locale_));
    if (upper) return code >= 'a' && code <= 'z' ? code - 32 : code;
    return code >= 'A' && code <= 'Z' ? code + 32 : code;
  }
  static void Append(std::string* out, uint32_t code) {
    if (code < 0x80) {
      *out += static_cast<char>(code);
      return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *out += static_cast<char>((0xff00 >> (more + 1) & 0xff) | code >> (6 * more));
    for (int k = more - 1; k >= 0; --k) *out += static_cast<char>(0x80 | (code >> (6 * k) & 0x3f));
  }
  locale_t locale_ = nullptr;
};

class NormalizerReference {
 public:
  explicit NormalizerReference(const NodeView& node) : params_(node.attributes()), case_(params_.locale) {
    for (const std::string& word : params_.stopwords)
      stopwords_.insert(params_.case_sensitive ? word : case_.Map(word, false));
  }

  void Launch(const LaunchArgs& args) const {
    using Case = NormalizerParams::Case;
    const TensorView& x = args.input(0);
    if (x.rank < 1 || x.rank > 2 || (x.rank == 2 && x.dim(0) != 1))
      throw Error(ErrorCode::kInvalidArgument, "the input of StringNormalizer must have shape [C] or [1, C]");
    const std::string* words = x.as<std::string>();
    std::vector<std::string> kept;
    StopPoll poll(args);
    for (int64_t i = 0; i < x.count(); ++i) {
      poll.Work(64 + 16 * static_cast<int64_t>(words[i].size()));
      if (!stopwords_.empty() && stopwords_.count(params_.case_sensitive ? words[i] : case_.Map(words[i], false)))
        continue;
      kept.push_back(params_.action == Case::kNone ? words[i] : case_.Map(words[i], params_.action == Case::kUpper));
    }
    if (kept.empty()) kept.emplace_back();
    const int64_t dims[2] = {1, static_cast<int64_t>(kept.size())};
    TensorView y = args.output(0);
    if (!y.data) y = args.AllocateOutput(0, std::span(dims + (x.rank == 1), static_cast<size_t>(x.rank)));
    std::move(kept.begin(), kept.end(), y.as<std::string>());
  }

 private:
  NormalizerParams params_;
  CaseMap case_;
  std::unordered_set<std::string> stopwords_;
};

class ConcatReference {
 public:
  explicit ConcatReference(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    const BroadcastPlan<2> plan(args.output(0).shape(), {args.input(0).shape(), args.input(1).shape()});
    const std::string *a = args.input(0).as<std::string>(), *b = args.input(1).as<std::string>();
    std::string* y = args.output(0).as<std::string>();
    StopPoll poll(args);
    plan.ForEachRun(0, plan.count(), [&](int64_t begin, const auto& from, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        poll.Work(64);
        y[begin + i] = a[from[0] + i * plan.step(0)] + b[from[1] + i * plan.step(1)];
      }
    });
  }
};

class SplitReference {
 public:
  explicit SplitReference(const NodeView& node)
      : delimiter_(node.attributes().String("delimiter", "")), max_splits_(node.attributes().Int("maxsplit", -1)) {
    if (max_splits_ < 0) max_splits_ = INT64_MAX;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &counts = args.output(1);
    const int64_t n = x.count();
    const std::string* text = x.as<std::string>();
    int64_t longest = 0;
    StopPoll poll(args);
    for (int64_t i = 0; i < n; ++i) {
      poll.Work(32 + 4 * static_cast<int64_t>(text[i].size()));
      const int64_t parts = Split(text[i], [](int64_t, std::string_view) {});
      longest = std::max(longest, parts);
      if (counts.data) counts.as<int64_t>()[i] = parts;
    }
    if (!args.wants_output(0)) return;
    TensorView y = args.output(0);
    if (!y.data) {
      std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
      dims.push_back(longest);
      y = args.AllocateOutput(0, dims);
    }
    std::string* out = y.as<std::string>();
    for (int64_t i = 0; i < n; ++i) {
      poll.Work(64 + 16 * static_cast<int64_t>(text[i].size()));
      Split(text[i], [&](int64_t k, std::string_view part) { out[i * longest + k] = part; });
    }
  }

 private:
  static bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); }

  // Calls put(index, part) for each part and gives their number.
  template <class Put>
  int64_t Split(const std::string& text, Put put) const {
    int64_t parts = 0;
    size_t at = 0;
    if (!delimiter_.empty()) {
      while (parts < max_splits_) {
        const size_t found = text.find(delimiter_, at);
        if (found == std::string::npos) break;
        put(parts++, std::string_view(text).substr(at, found - at));
        at = found + delimiter_.size();
      }
      put(parts++, std::string_view(text).substr(at));
      return parts;
    }
    while (true) {  // blanks: runs of them separate, those at the ends do not count
      while (at < text.size() && IsBlank(text[at])) ++at;
      if (at == text.size()) return parts;
      size_t end = at;
      if (parts == max_splits_) {
        end = text.size();
        while (IsBlank(text[end - 1])) --end;
      } else {
        while (end < text.size() && !IsBlank(text[end])) ++end;
      }
      put(parts++, std::string_view(text).substr(at, end - at));
      at = parts > max_splits_ ? text.size() : end;
    }
  }

  std::string delimiter_;
  int64_t max_splits_;
};

class MatchReference {
 public:
  explicit MatchReference(const NodeView& node) {
    RE2::Options options;
    options.set_log_errors(false);
    pattern_ = std::make_unique<RE2>(node.attributes().String("pattern", ""), options);
    if (!pattern_->ok()) throw Error(ErrorCode::kInvalidModel, "the pattern is not valid: " + pattern_->error());
  }
  void Launch(const LaunchArgs& args) const {
    const std::string* x = args.input(0).as<std::string>();
    bool* y = args.output(0).as<bool>();
    StopPoll poll(args);
    for (int64_t i = 0; i < args.output(0).count(); ++i) {
      poll.Work(256 + 64 * static_cast<int64_t>(x[i].size()));
      y[i] = RE2::FullMatch(x[i], *pattern_);
    }
  }

 private:
  std::unique_ptr<RE2> pattern_;
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all = {
        MakeKernel<NormalizerReference>("StringNormalizer"), MakeKernel<ConcatReference>("StringConcat"),
        MakeKernel<SplitReference>("StringSplit"), MakeKernel<MatchReference>("RegexFullMatch")};
    all.insert(all.end(), TfIdfKernels().begin(), TfIdfKernels().end());
    return all;
  }();
  return kernels;
}

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::strings
