// Operators that applications and their libraries add.
#ifndef ONDA_CORE_CUSTOM_CUSTOM_OPS_H_
#define ONDA_CORE_CUSTOM_CUSTOM_OPS_H_

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ir/op_def.h"
#include "onda/custom_op.h"

namespace onda {

// The operators of some libraries. The tables behind them must stay.
class CustomOps {
 public:
  CustomOps() = default;
  CustomOps(const CustomOps& others) { AddAll(others); }
  CustomOps& operator=(const CustomOps&) = delete;
  // Throws kInvalidArgument where a table is malformed, an operator's domain is one of ONNX's own, or its name is
  // taken; nothing is added then. `source` names the library in messages.
  void Add(const OndaCustomOpLibrary* library, const std::string& source);
  // Adds what `others` has; throws as above.
  void AddAll(const CustomOps& others);

  bool empty() const { return ops_.empty(); }
  // nullptr where there is none. Valid as long as this.
  const OpDef* Find(std::string_view domain, std::string_view name) const;
  // The kernels of all operators for a provider, by the name in its table; "cpu" is the host.
  std::vector<const OndaKernelDef*> KernelsFor(std::string_view provider) const;

 private:
  // An OpDef that knows its table; its function for inference finds it through the node.
  struct CustomOp : OpDef {
    OndaCustomOpDef def{};
    std::string source;
  };
  static void Infer(InferContext& c);
  void Insert(const OndaCustomOpDef& def, const std::string& source);

  std::deque<CustomOp> ops_;
  std::map<std::pair<std::string_view, std::string_view>, const CustomOp*> by_name_;
};

}  // namespace onda

#endif  // ONDA_CORE_CUSTOM_CUSTOM_OPS_H_
