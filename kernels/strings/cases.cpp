#include <span>

#include "kernels/case.h"

namespace onda::strings {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(int64[2,9] x) => (float[2,7] y) { y = TfIdfVectorizer<mode = \"TF\", min_gram_length = 1, max_gram_length = "
       "2, "
       "max_skip_count = 2, ngram_counts = [0, 4], ngram_indexes = [0, 1, 2, 3, 4, 5, 6], "
       "pool_int64s = [0, 1, 2, 3, 1, 2, 0, 0, 3, 1]>(x) }",
       0, 3},
      {"(int32[9] x) => (float[7] y) { y = TfIdfVectorizer<mode = \"IDF\", min_gram_length = 2, max_gram_length = 2, "
       "max_skip_count = 0, ngram_counts = [0, 4], ngram_indexes = [0, 1, 2, 3, 4, 5, 6], "
       "weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], pool_int64s = [0, 1, 2, 3, 1, 2, 0, 0, 3, 1]>(x) }",
       0, 3},
      {"(int64[5] x) => (bool[5] y) { t = Cast<to = 8>(x) y = RegexFullMatch<pattern = \"-?1.*\">(t) }", -200, 200},
      {"(int64[5] x, int64[3,1] z) => (int64[3,5] y) { a = Cast<to = 8>(x) b = Cast<to = 8>(z) c = StringConcat(a, b) "
       "y = Cast<to = 7>(c) }",
       1, 99},
      {"(int64[2,3] x) => (int64[2,3] n) { t = Cast<to = 8>(x) y, n = StringSplit<delimiter = \"1\">(t) }", 0, 1e6},
  };
  return cases;
}

}  // namespace onda::strings
