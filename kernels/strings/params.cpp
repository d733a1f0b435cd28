#include <algorithm>

#include "kernels/strings/strings.h"

namespace onda::strings {
namespace {

[[noreturn]] void Invalid(const std::string& cause) { throw Error(ErrorCode::kInvalidModel, cause); }

}  // namespace

NormalizerParams::NormalizerParams(const Attributes& a)
    : case_sensitive(a.Int("is_case_sensitive", 0) != 0),
      locale(a.String("locale", "en_US")),
      stopwords(a.Strings("stopwords")) {
  const std::string name = a.String("case_change_action", "NONE");
  if (name != "NONE" && name != "LOWER" && name != "UPPER") Invalid("case_change_action is '" + name + "'");
  action = name == "LOWER" ? Case::kLower : name == "UPPER" ? Case::kUpper : Case::kNone;
}

TfIdfParams::TfIdfParams(const Attributes& a)
    : min_length(a.Int("min_gram_length", 0)),
      max_length(a.Int("max_gram_length", 0)),
      max_skip(a.Int("max_skip_count", 0)),
      counts(a.Ints("ngram_counts")),
      indexes(a.Ints("ngram_indexes")),
      weights(a.Floats("weights")),
      integers(a.Ints("pool_int64s")),
      words(a.Strings("pool_strings")) {
  const std::string name = a.String("mode", "");
  if (name != "TF" && name != "IDF" && name != "TFIDF") Invalid("mode is '" + name + "'");
  mode = name == "TF" ? Mode::kTf : name == "IDF" ? Mode::kIdf : Mode::kTfIdf;
  if (min_length < 1 || max_length < min_length) Invalid("n-gram lengths must be 1 <= min <= max");
  if (max_skip < 0) Invalid("max_skip_count is negative");
  if (integers.empty() == words.empty()) Invalid("one of pool_int64s and pool_strings must be given");
  if (static_cast<int64_t>(counts.size()) < max_length) Invalid("ngram_counts lacks lengths up to max_gram_length");
  int64_t grams = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t end = i + 1 < counts.size() ? counts[i + 1] : pool_size();
    const int64_t length = static_cast<int64_t>(i) + 1;
    if (counts[i] < 0 || end < counts[i] || end > pool_size() || (end - counts[i]) % length != 0)
      Invalid("ngram_counts does not divide the pool into n-grams");
    grams += (end - counts[i]) / length;
  }
  if (static_cast<int64_t>(indexes.size()) != grams)
    Invalid("ngram_indexes has " + std::to_string(indexes.size()) + " entries for " + std::to_string(grams) +
            " n-grams");
  if (!weights.empty() && weights.size() != indexes.size()) Invalid("weights and ngram_indexes differ in length");
  for (int64_t index : indexes)
    if (index < 0 || index >= int64_t{1} << 31) Invalid("an entry of ngram_indexes is out of range");
}

int64_t TfIdfParams::width() const {
  return indexes.empty() ? 0 : *std::max_element(indexes.begin(), indexes.end()) + 1;
}

}  // namespace onda::strings
