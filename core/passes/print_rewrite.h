// Rewrites as text, for `onda bisect` and `onda info`.
#ifndef ONDA_CORE_PASSES_PRINT_REWRITE_H_
#define ONDA_CORE_PASSES_PRINT_REWRITE_H_

#include <string>

#include "core/passes/patch.h"

namespace onda {

// The replaced node and those ahead of it that lead from what the new nodes read to it: what the rule took for a
// pattern. In ONNX's text syntax, a node per line.
std::string PrintReplaced(const RewriteEvent& event);
// The new nodes; where there are none, which value took the old one's place is in the reason.
std::string PrintAdded(const RewriteEvent& event);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_PRINT_REWRITE_H_
