// Passes that leave a dump when they fail.
#ifndef ONDA_CORE_PASSES_RUN_PASS_H_
#define ONDA_CORE_PASSES_RUN_PASS_H_

#include <functional>
#include <string>
#include <string_view>

#include "core/ir/graph.h"

namespace onda {

// Calls run(), which changes the graph. Where it throws kInternal, or anything that is no Error, the graph as the pass
// left it is written into a new file as ONNX text, and the error that is thrown on names the pass and the file. folder:
// where the file goes, made if need be; "" is the system's folder for temporary files; "none" writes nothing.
void RunPass(std::string_view pass, const Graph& graph, const std::string& folder, const std::function<void()>& run);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_RUN_PASS_H_
