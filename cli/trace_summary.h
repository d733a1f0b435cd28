// Traces as Session::EndProfiling writes them, summed up.
#ifndef ONDA_CLI_TRACE_SUMMARY_H_
#define ONDA_CLI_TRACE_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace onda::cli {

// Times are in milliseconds.
struct TraceRow {
  std::string name, op, provider, shapes;  // shapes: of the inputs and outputs, as they were first
  int64_t count = 0;
  double total = 0;
  double bytes = 0;  // read and written
};

struct TraceSummary {
  std::vector<TraceRow> load;     // phases, in order
  std::vector<TraceRow> nodes;    // the longest first
  std::vector<TraceRow> ops;      // the longest first
  std::vector<TraceRow> copies;   // the longest first
  std::vector<TraceRow> threads;  // how long each was busy in loops
  std::vector<double> runs;       // each
  int64_t binds = 0;
  double bind_ms = 0;
  double node_ms = 0;  // of all nodes and copies
};

// Reads a trace. The first `skip` runs, and what happened before they ended, are left out but for loading. Throws
// kInvalidArgument where the text is no trace of Onda's.
TraceSummary SummarizeTrace(const std::string& text, int skip);

// As tables; `top` rows of nodes.
std::string ToText(const TraceSummary& summary, int top);
std::string ToJson(const TraceSummary& summary);

}  // namespace onda::cli

#endif  // ONDA_CLI_TRACE_SUMMARY_H_
