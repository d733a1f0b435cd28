// What checks find wrong with a model.
#ifndef ONDA_CORE_IR_PROBLEM_H_
#define ONDA_CORE_IR_PROBLEM_H_

#include <functional>
#include <string>

#include "core/ir/graph.h"
#include "onda/types.h"

namespace onda {

struct Problem {
  ErrorCode code = ErrorCode::kInvalidModel;
  bool warning = false;  // legal, and yet suspicious
  std::string place;     // the function or body that it is in; "" for the main graph
  std::string node, op, domain;
  int opset = 0;
  std::string cause;
  std::string hint;

  // An error that a node met. Its message may begin with what Describe says of the node.
  static Problem At(const Node& node, const Error& error) {
    Problem problem;
    problem.code = error.code();
    problem.node = node.origin.name.empty() ? node.name : node.origin.name;
    problem.op = node.origin.op.empty() ? node.op_type : node.origin.op;
    problem.domain = node.origin.op.empty() ? node.domain : node.origin.domain;
    problem.opset = node.origin.opset;
    problem.cause = error.what();
    if (const std::string prefix = Describe(node) + ": "; problem.cause.starts_with(prefix)) {
      problem.cause.erase(0, prefix.size());
    }
    return problem;
  }
  static Problem Of(const Error& error) {
    Problem problem;
    problem.code = error.code();
    problem.cause = error.what();
    return problem;
  }
};

// Where it is set, what is wrong is told and reading or checking goes on; where not, the first error is thrown.
using ProblemSink = std::function<void(Problem)>;

// Whether an error ends a check, since it is not about one place of the model.
inline bool EndsCheck(const Error& error) {
  return error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kOutOfMemory;
}

}  // namespace onda

#endif  // ONDA_CORE_IR_PROBLEM_H_
