// Resolves names to values while a graph is read, across nested bodies.
#ifndef ONDA_CORE_IR_SCOPE_H_
#define ONDA_CORE_IR_SCOPE_H_

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ir/graph.h"

namespace onda {

// The names of one graph. A name that only an enclosing graph defines becomes a capture: an input of this graph, added
// behind all others once the graph is complete (see Finish).
class Scope {
 public:
  Scope(Graph* graph, Scope* outer) : graph_(graph), outer_(outer) {}

  // The value that the name stands for here, a new capture included; kNoValue where nothing defines it.
  ValueId Use(const std::string& name);
  // The name must be new in this scope (see IsDefined).
  void Define(const std::string& name, ValueId value) { names_[name] = value; }
  // By this graph itself, not by an enclosing one.
  bool IsDefined(const std::string& name) const;
  Graph* graph() { return graph_; }
  // Appends the captured values to the graph's inputs and gives their handles in the enclosing graph.
  std::vector<ValueId> Finish();

 private:
  Graph* graph_;
  Scope* outer_;
  std::unordered_map<std::string, ValueId> names_;
  struct Capture {
    ValueId inner;
    ValueId outer;
  };
  std::vector<Capture> captures_;
  std::unordered_map<std::string, ValueId> captured_;
};

}  // namespace onda

#endif  // ONDA_CORE_IR_SCOPE_H_
