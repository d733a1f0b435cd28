// Reading that goes on where a check wants to hear of every problem.
#ifndef ONDA_PROTO_ATTEMPT_H_
#define ONDA_PROTO_ATTEMPT_H_

#include <utility>

#include "core/ir/problem.h"

namespace onda::proto {

// Calls read(). What it throws is told to on_problem where that is set, and goes on its way where not.
template <class Read>
void Attempt(const ProblemSink& on_problem, Read&& read) {
  if (!on_problem) return read();
  try {
    read();
  } catch (const Error& error) {
    if (EndsCheck(error)) throw;
    on_problem(Problem::Of(error));
  }
}

// The same for a part of a node.
template <class Read>
void Attempt(const ProblemSink& on_problem, const Node& node, Read&& read) {
  if (!on_problem) return read();
  try {
    read();
  } catch (const Error& error) {
    if (EndsCheck(error)) throw;
    on_problem(Problem::At(node, error));
  }
}

}  // namespace onda::proto

#endif  // ONDA_PROTO_ATTEMPT_H_
