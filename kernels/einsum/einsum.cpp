#include "kernels/einsum/einsum.h"

#include <map>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/einsum/contract.h"

namespace onda::einsum {
namespace {

void Infer(InferContext& c) {
  const std::string text = c.attributes().String("equation", "");
  std::vector<int> ranks;
  bool all_known = true;
  for (size_t i = 0; i < c.input_count(); ++i) {
    ranks.push_back(c.has_rank(i) ? c.input(i).rank() : -1);
    all_known = all_known && c.has_rank(i);
  }
  if (!all_known && text.find('.') != std::string::npos) return c.SetOutput(0, c.dtype(0), {});
  const Equation e = ParseEquation(text, ranks);
  std::map<char, Dim> dims;
  for (size_t i = 0; i < e.terms.size(); ++i) {
    for (size_t k = 0; k < e.terms[i].size(); ++k) {
      const Dim d = c.has_rank(i) ? (*c.shape(i))[k] : c.FreshDim();
      const auto [it, added] = dims.emplace(e.terms[i][k], d);
      if (added) continue;
      const Dims merged = Broadcast(c, {it->second}, {d});  // 1 goes with everything
      // Labels that are not provably equal are the same all the same, unless one of them is 1.
      it->second = merged[0].known() || it->second == Dim(1) || d == Dim(1) ? merged[0] : it->second;
    }
  }
  Dims out;
  for (char ch : e.output) out.push_back(dims.at(ch));
  c.SetOutput(0, c.dtype(0), std::move(out));
}

constexpr OpDef kOps[] = {{.name = "Einsum", .infer = Infer, .upgrade = Contract}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::einsum
