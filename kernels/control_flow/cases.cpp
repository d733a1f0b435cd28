#include <span>

#include "kernels/case.h"

namespace onda::control_flow {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(bool c, float[3] x) => (float[3] y) { y = If(c) <then_branch = t () => (float[3] a) { a = Neg(x) }, "
       "else_branch = e () => (float[3] b) { b = Identity(x) }> }"},
      {"(float[3] x) => (float[3] y, float[N,3] s) <int64 n = {4}, bool on = {1}> { y, s = Loop(n, on, x) <body = b "
       "(int64 i, bool go, float[3] v) => (bool more, float[3] w, float[3] out) { more = Identity(go) w = Add(v, x) "
       "out "
       "= Mul(w, v) }> }"},
      {"(float[2] h, float[5,2] x) => (float[2] y, float[5,2] s) { y, s = Scan <num_scan_inputs = 1, body = b "
       "(float[2] "
       "a, float[2] t) => (float[2] next, float[2] out) { next = Add(a, t) out = Mul(a, t) }> (h, x) }"},
  };
  return cases;
}

}  // namespace onda::control_flow
