// Operators on strings: StringNormalizer, StringConcat, StringSplit, RegexFullMatch, TfIdfVectorizer.
#ifndef ONDA_KERNELS_STRINGS_STRINGS_H_
#define ONDA_KERNELS_STRINGS_STRINGS_H_

#include <string>
#include <vector>

#include "onda/provider.h"

namespace onda::strings {

struct NormalizerParams {
  enum class Case { kNone, kLower, kUpper };
  Case action;
  bool case_sensitive;
  std::string locale;
  std::vector<std::string> stopwords;
  explicit NormalizerParams(const Attributes& a);
};

// The n-grams that TfIdfVectorizer counts.
struct TfIdfParams {
  enum class Mode { kTf, kIdf, kTfIdf };
  Mode mode;
  int64_t min_length, max_length, max_skip;
  std::vector<int64_t> counts;   // where the n-grams of length 1, 2, ... start in the pool
  std::vector<int64_t> indexes;  // output coordinate of each n-gram
  std::vector<float> weights;    // one per n-gram, or none
  std::vector<int64_t> integers;
  std::vector<std::string> words;
  // Throws kInvalidModel where the lists contradict each other.
  explicit TfIdfParams(const Attributes& a);
  bool of_strings() const { return !words.empty(); }
  int64_t pool_size() const { return static_cast<int64_t>(of_strings() ? words.size() : integers.size()); }
  // Length of a row of the result.
  int64_t width() const;
};

std::span<const OndaKernelDef> TfIdfKernels();

}  // namespace onda::strings

#endif  // ONDA_KERNELS_STRINGS_STRINGS_H_
