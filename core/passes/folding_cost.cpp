#include "core/passes/folding_cost.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace onda {
namespace {

// Operators whose work is a product of sizes, and not a sum.
constexpr std::string_view kMatrixProducts[] = {"MatMul",      "Gemm",          "FusedMatMul",   "FusedGemm",
                                                "MatMulNBits", "QLinearMatMul", "MatMulInteger", "QGemm"};
constexpr std::string_view kConvolutions[] = {"Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "FusedConv"};
constexpr std::string_view kAllPairs[] = {
    "Einsum",         "LSTM", "GRU",     "RNN",        "Attention",  "NonMaxSuppression",  "DFT",
    "STFT",           "Det",  "Inverse", "GridSample", "DeformConv", "MultiHeadAttention", "GroupQueryAttention",
    "LinearAttention"};
constexpr std::string_view kSorts[] = {"TopK", "Unique"};

template <class List>
bool IsOneOf(const Node& node, const List& list) {
  return std::find(std::begin(list), std::end(list), node.op_type) != std::end(list);
}

double Elements(const Fact& fact) { return fact.static_shape() ? static_cast<double>(CountOf(fact.static_dims())) : 0; }

}  // namespace

std::chrono::nanoseconds FoldingCost(const Node& node, std::span<const TensorPtr> inputs,
                                     std::span<const Fact> outputs) {
  double in = 0, out = 0;
  for (const TensorPtr& t : inputs)
    if (t) in += static_cast<double>(t->count()) * (t->dtype() == DType::kString ? 50 : 1);
  for (const Fact& fact : outputs) out += Elements(fact) * (fact.dtype == DType::kString ? 50 : 1);
  double work = in + out;  // about a nanosecond each
  const Tensor* const first = inputs.empty() ? nullptr : inputs[0].get();
  const Tensor* const second = inputs.size() < 2 ? nullptr : inputs[1].get();
  if (IsOneOf(node, kMatrixProducts) && first && !first->dims().empty()) {
    const int64_t inner =
        *std::max_element(first->dims().end() - std::min<ptrdiff_t>(2, std::ssize(first->dims())), first->dims().end());
    work += out * static_cast<double>(inner) / 8;
  } else if (IsOneOf(node, kConvolutions) && second && !second->dims().empty()) {
    work += std::max(in, out) * static_cast<double>(second->count()) /
            static_cast<double>(std::max<int64_t>(1, second->dims()[0])) / 4;
  } else if (IsOneOf(node, kAllPairs)) {
    work += in * std::max(out, 1.0);
  } else if (IsOneOf(node, kSorts)) {
    work *= 20;
  }
  return std::chrono::nanoseconds(static_cast<int64_t>(std::clamp(work, 1e3, 1e15)));
}

}  // namespace onda
