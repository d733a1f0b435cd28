// The order of nodes in a graph, and of functions among each other.
#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <utility>

#include "onda/types.h"
#include "proto/attempt.h"
#include "proto/import_graph.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

// The values of its graph that a node needs: its inputs, and what its bodies capture.
template <class Visit>
void ForEachUse(const Node& node, Visit visit) {
  for (const ValueId value : node.inputs) {
    if (value != kNoValue) visit(value);
  }
  for (const Body& body : node.bodies) {
    for (const ValueId value : body.captures) visit(value);
  }
}

// A cycle among the nodes that could not be ordered, each of which waits for another one of them.
[[noreturn]] void RejectCycle(const std::vector<Node>& nodes, const std::vector<int>& producer,
                              const std::vector<int>& waits_for) {
  const auto blocker = [&](int at) {
    int found = -1;
    ForEachUse(nodes[at], [&](ValueId value) {
      const int from = producer[value];
      if (found < 0 && from >= 0 && waits_for[from] > 0) found = from;
    });
    return found;
  };
  int at = static_cast<int>(std::find_if(waits_for.begin(), waits_for.end(), [](int n) { return n > 0; }) -
                            waits_for.begin());
  std::vector<bool> seen(nodes.size());
  for (; !seen[at]; at = blocker(at)) seen[at] = true;
  std::vector<int> cycle{at};
  for (int next = blocker(at); next != at; next = blocker(next)) cycle.push_back(next);
  constexpr size_t kShown = 8;
  std::string text = Describe(nodes[at]);
  for (size_t i = 0; i < cycle.size(); ++i) {
    if (i == kShown) text += " <- " + std::to_string(cycle.size() - kShown) + " more";
    if (i < kShown || i + 1 == cycle.size()) text += " <- " + Describe(nodes[cycle[(i + 1) % cycle.size()]]);
  }
  throw Error(ErrorCode::kInvalidModel, "nodes need each other in a cycle: " + text);
}

}  // namespace

void AddInOrder(std::vector<Node> nodes, Graph& graph, const ProblemSink& on_problem) {
  const int n = static_cast<int>(nodes.size());
  std::vector<int> producer(graph.values().size(), -1);
  for (int i = 0; i < n; ++i) {
    for (const ValueId value : nodes[i].outputs) {
      if (value != kNoValue) producer[value] = i;
    }
  }
  std::vector<int> waits_for(nodes.size());
  std::vector<std::vector<int>> readers(nodes.size());
  for (int i = 0; i < n; ++i) {
    ForEachUse(nodes[i], [&](ValueId value) {
      if (producer[value] < 0) return;
      ++waits_for[i];
      readers[producer[value]].push_back(i);
    });
  }
  // The first ready node in the order given goes next, so that a sorted graph stays as it is.
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < n; ++i) {
    if (waits_for[i] == 0) ready.push(i);
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const int reader : readers[i]) {
      if (--waits_for[reader] == 0) ready.push(reader);
    }
  }
  if (on_problem) {
    for (int i = 0; i < n; ++i) {
      ForEachUse(nodes[i], [&](ValueId value) {
        if (producer[value] < i) return;
        Problem problem =
            Problem::At(nodes[i], Error(ErrorCode::kInvalidModel,
                                        "uses " + Quoted(graph.value(value).name) + ", which " +
                                            (producer[value] == i ? "it makes itself" : "only a later node makes")));
        problem.hint = "nodes stand behind those that they need; `onda convert FROM TO` writes them so";
        on_problem(std::move(problem));
      });
    }
  }
  if (static_cast<int>(order.size()) < n) {
    Attempt(on_problem, [&] { RejectCycle(nodes, producer, waits_for); });
    for (int i = 0; i < n; ++i) {
      if (waits_for[i] > 0) order.push_back(i);
    }
  }
  for (const int i : order) graph.AddNode(std::move(nodes[i]));
}

namespace {

using FunctionIndex = std::map<std::vector<std::string>, size_t>;

void CollectCalls(const Graph& graph, const FunctionIndex& index, std::vector<size_t>& calls) {
  for (const Node& node : graph.nodes()) {
    const auto callee = index.find({node.domain, node.op_type, node.overload});
    if (callee != index.end()) calls.push_back(callee->second);
    for (const Body& body : node.bodies) CollectCalls(*body.graph, index, calls);
  }
}

}  // namespace

void RejectRecursion(const std::vector<Function>& functions) {
  FunctionIndex index;
  for (size_t i = 0; i < functions.size(); ++i) {
    index[{functions[i].domain, functions[i].name, functions[i].overload}] = i;
  }
  std::vector<std::vector<size_t>> calls(functions.size());
  std::vector<int> waits_for(functions.size());
  std::vector<std::vector<size_t>> callers(functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    CollectCalls(*functions[i].graph, index, calls[i]);
    waits_for[i] = static_cast<int>(calls[i].size());
    for (const size_t callee : calls[i]) callers[callee].push_back(i);
  }
  std::vector<size_t> ready;
  for (size_t i = 0; i < functions.size(); ++i) {
    if (waits_for[i] == 0) ready.push_back(i);
  }
  for (size_t done = 0; done < ready.size(); ++done) {
    for (const size_t caller : callers[ready[done]]) {
      if (--waits_for[caller] == 0) ready.push_back(caller);
    }
  }
  for (size_t i = 0; i < functions.size(); ++i) {
    if (waits_for[i] == 0) continue;
    const std::string domain = functions[i].domain.empty() ? "ai.onnx" : functions[i].domain;
    throw Error(ErrorCode::kInvalidModel,
                "function " + Quoted(domain + "." + functions[i].name) + " calls itself, or a function that does");
  }
}

}  // namespace onda::proto
