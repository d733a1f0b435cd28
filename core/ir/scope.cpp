#include "core/ir/scope.h"

namespace onda {

ValueId Scope::Use(const std::string& name) {
  if (auto it = names_.find(name); it != names_.end()) return it->second;
  if (auto it = captured_.find(name); it != captured_.end()) return it->second;
  if (!outer_) return kNoValue;
  const ValueId outer = outer_->Use(name);
  if (outer == kNoValue) return kNoValue;
  Fact fact = outer_->graph_->FactOf(outer);
  fact.constant = nullptr;  // the enclosing graph owns the value
  const ValueId inner = graph_->AddValue(name, std::move(fact));
  captures_.push_back({inner, outer});
  captured_[name] = inner;
  return inner;
}

bool Scope::IsDefined(const std::string& name) const { return names_.count(name) > 0; }

std::vector<ValueId> Scope::Finish() {
  std::vector<ValueId> outer;
  for (const Capture& c : captures_) {
    graph_->inputs.push_back(c.inner);
    outer.push_back(c.outer);
  }
  return outer;
}

}  // namespace onda
