#include <span>

#include "kernels/case.h"

namespace onda::sequence {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3] a, float[4,3] b) => (float[6,3] y, int64 n) { s = SequenceConstruct(a, b) "
       "y = ConcatFromSequence<axis = 0>(s) n = SequenceLength(s) }"},
      {"(float[2,3] a, float[2,3] b) => (float[2,2,3] y) { s = SequenceConstruct(a, b) "
       "y = ConcatFromSequence<axis = 1, new_axis = 1>(s) }"},
      {"(float[5,3] x) => (float[N,3] y) { k = Constant<value_int = 2>() s = SplitToSequence<axis = 0>(x, k) "
       "p = Constant<value_int = -1>() y = SequenceAt(s, p) }"},
      {"(float[2,3] a, float[4,3] b) => (float[M,3] y) { e = SequenceEmpty() s = SequenceInsert(e, a) z = "
       "Constant<value_int = 0>() "
       "t = SequenceInsert(s, b, z) u = SequenceErase(t) y = SequenceAt(u, z) }"},
      {"(float[2,3] a) => (float[2,3] y, bool h) { o = Optional(a) h = OptionalHasElement(o) y = OptionalGetElement(o) "
       "}"},
  };
  return cases;
}

}  // namespace onda::sequence
