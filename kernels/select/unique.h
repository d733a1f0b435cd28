// The kernel of Unique.
#ifndef ONDA_KERNELS_SELECT_UNIQUE_H_
#define ONDA_KERNELS_SELECT_UNIQUE_H_

#include "kernels/select/select.h"

namespace onda::select {

// Sorts the subtensors' numbers and gathers equal neighbours. NaN equals NaN and comes last.
class Unique {
 public:
  explicit Unique(const NodeView& node) : params_(node.attributes()) {}
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const;
  void Launch(const LaunchArgs& args) const;

 private:
  AxisParams params_;
};

}  // namespace onda::select

#endif  // ONDA_KERNELS_SELECT_UNIQUE_H_
