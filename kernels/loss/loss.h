// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#ifndef ONDA_KERNELS_LOSS_LOSS_H_
#define ONDA_KERNELS_LOSS_LOSS_H_

#include <optional>

#include "onda/provider.h"

namespace onda::loss {

enum class Reduction { kNone, kSum, kMean };

struct Params {
  Reduction reduction;
  std::optional<int64_t> ignored;  // a label whose samples lose nothing and have no weight
  explicit Params(const Attributes& a) {
    const std::string name = a.String("reduction", "mean");
    if (name != "none" && name != "sum" && name != "mean")
      throw Error(ErrorCode::kInvalidModel, "attribute 'reduction' is '" + name + "'");
    reduction = name == "none" ? Reduction::kNone : name == "sum" ? Reduction::kSum : Reduction::kMean;
    if (a.Has("ignore_index")) ignored = a.Int("ignore_index", 0);
  }
};

}  // namespace onda::loss

#endif  // ONDA_KERNELS_LOSS_LOSS_H_
