#include <span>

#include "kernels/case.h"

namespace onda::einsum {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,4] a, float[4,5] b) => (float[3,5] y) { y = Einsum<equation = \"ij,jk->ik\">(a, b) }"},
      {"(float[2,3,4] a, float[2,4,5] b) => (float[2,3,5] y) { y = Einsum<equation = \"bij, bjk -> bik\">(a, b) }"},
      {"(float[2,3,7,4] a, float[2,3,5,4] b) => (float[2,3,7,5] y) { y = Einsum<equation = \"bhqd,bhkd->bhqk\">(a, b) "
       "}"},
      {"(float[2,7,4] a, float[4,3,5] b) => (float[2,7,3,5] y) { y = Einsum<equation = \"bsd,dhk->bshk\">(a, b) }"},
      {"(float[2,7,3,5] a, float[3,5,4] b) => (float[2,7,4] y) { y = Einsum<equation = \"bshk,hkd->bsd\">(a, b) }"},
      {"(float[2,7,3,5] a, float[2,6,3,5] b) => (float[2,3,7,6] y) { y = Einsum<equation = \"bqhd,bkhd->bhqk\">(a, b) "
       "}"},
      {"(float[3] a, float[4] b) => (float[3,4] y) { y = Einsum<equation = \"i,j\">(a, b) }"},
      {"(float[3,4] a) => (float[4,3] y) { y = Einsum<equation = \"ij->ji\">(a) }"},
      {"(float[3,4] a) => (float[3] y) { y = Einsum<equation = \"ij->i\">(a) }"},
      {"(float[4,4] a) => (float[4] y) { y = Einsum<equation = \"ii->i\">(a) }"},
      {"(float[5,4,4] a) => (float[5] y) { y = Einsum<equation = \"...ii->...\">(a) }"},
      {"(float[5,1,3,4] a, float[2,4,6] b) => (float[5,2,3,6] y) { y = Einsum<equation = \"...ij,...jk->...ik\">(a, b) "
       "}"},
      {"(float[5,4] a, float[5,4] b) => (float[5] y) { y = Einsum<equation = \"bi,bi->b\">(a, b) }"},
      {"(float[3] a, float[3,4] b, float[4] d) => (float y) { y = Einsum<equation = \"i,ij,j->\">(a, b, d) }"},
      {"(int8[3,4] a, int8[4,5] b) => (int8[3,5] y) { y = Einsum<equation = \"ij,jk\">(a, b) }", -3, 3},
      {"(double[2,3] a, double[4,2] b) => (double[4,3] y) { y = Einsum<equation = \"zb,az->ab\">(a, b) }"},
  };
  return cases;
}

}  // namespace onda::einsum
