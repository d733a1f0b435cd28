#include "cli/trace_summary.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "onda/types.h"

namespace onda::cli {
namespace {

using nlohmann::json;

struct Rows {
  std::map<std::string, TraceRow> by_key;

  TraceRow& At(const std::string& key, const std::string& name) {
    TraceRow& row = by_key[key];
    if (row.name.empty()) row.name = name;
    return row;
  }
  // The longest first.
  std::vector<TraceRow> Sorted() const {
    std::vector<TraceRow> rows;
    for (const auto& [key, row] : by_key) rows.push_back(row);
    std::stable_sort(rows.begin(), rows.end(), [](const TraceRow& a, const TraceRow& b) { return a.total > b.total; });
    return rows;
  }
};

void Count(TraceRow& row, double milliseconds, double bytes = 0) {
  ++row.count;
  row.total += milliseconds;
  row.bytes += bytes;
}

std::string Format(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string Rate(const TraceRow& row) {
  return row.total > 0 && row.bytes > 0 ? Format("%8.2f", row.bytes / row.total / 1e6) : std::string(8, ' ');
}

double Share(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

json ToJson(const std::vector<TraceRow>& rows, double whole) {
  json list = json::array();
  for (const TraceRow& row : rows) {
    json entry = {
        {"name", row.name}, {"count", row.count}, {"total_ms", row.total}, {"share", Share(row.total, whole)}};
    if (!row.op.empty()) entry["op"] = row.op;
    if (!row.provider.empty()) entry["provider"] = row.provider;
    if (!row.shapes.empty()) entry["shapes"] = row.shapes;
    if (row.bytes > 0) entry["bytes"] = row.bytes;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

TraceSummary SummarizeTrace(const std::string& text, int skip) {
  TraceSummary summary;
  Rows nodes, ops, copies, threads;
  try {
    const json trace = json::parse(text);
    std::vector<std::pair<double, double>> runs;  // begin, end
    for (const json& event : trace.at("traceEvents")) {
      if (event.value("cat", "") != "run") continue;
      const double begin = event.at("ts");
      runs.emplace_back(begin, begin + event.at("dur").get<double>());
    }
    std::sort(runs.begin(), runs.end());
    const size_t skipped = std::min(static_cast<size_t>(std::max(skip, 0)), runs.size());
    double from = 0;
    for (size_t i = 0; i < skipped; ++i) from = std::max(from, runs[i].second);
    for (size_t i = skipped; i < runs.size(); ++i) summary.runs.push_back((runs[i].second - runs[i].first) / 1e3);
    for (const json& event : trace.at("traceEvents")) {
      if (event.value("ph", "") != "X") continue;
      const std::string category = event.value("cat", ""), name = event.at("name");
      const double took = event.at("dur").get<double>() / 1e3;
      if (category == "load") {
        TraceRow row;
        row.name = name;
        Count(row, took);
        summary.load.push_back(std::move(row));
        continue;
      }
      if (event.at("ts").get<double>() < from) continue;
      if (category == "bind") {
        ++summary.binds;
        summary.bind_ms += took;
      } else if (category == "loop") {
        const std::string thread = "thread " + std::to_string(event.at("tid").get<int>());
        Count(threads.At(thread, thread), took);
      } else if (category == "node" || category == "copy") {
        const json& about = event.at("args");
        const std::string op = about.at("op"), provider = about.at("provider");
        const double bytes = about.at("read_bytes").get<double>() + about.at("written_bytes").get<double>();
        TraceRow& row = (category == "copy" ? copies : nodes).At(name + "\n" + op + "\n" + provider, name);
        if (row.count == 0) {
          row.op = op;
          row.provider = provider;
          row.shapes = about.at("inputs").get<std::string>() + " -> " + about.at("outputs").get<std::string>();
        }
        Count(row, took, bytes);
        TraceRow& kind = ops.At(op + "\n" + provider, op);
        kind.provider = provider;
        Count(kind, took, bytes);
        summary.node_ms += took;
      }
    }
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("not a trace of Onda's: ") + error.what());
  }
  summary.nodes = nodes.Sorted();
  summary.ops = ops.Sorted();
  summary.copies = copies.Sorted();
  summary.threads = threads.Sorted();
  return summary;
}

std::string ToText(const TraceSummary& s, int top) {
  std::string text;
  double load = 0, run = 0;
  for (const TraceRow& row : s.load) load += row.total;
  for (const double r : s.runs) run += r;
  if (!s.load.empty()) text += Format("loading: %.3f ms\n", load);
  for (const TraceRow& row : s.load) text += Format("  %10.3f ms  %s\n", row.total, row.name.c_str());
  const size_t runs = s.runs.size();
  text += Format("%zu run%s: %.3f ms each; nodes and copies take %.1f%% of it", runs, runs == 1 ? "" : "s",
                 runs ? run / static_cast<double>(runs) : 0.0, Share(s.node_ms, run));
  text += s.binds ? Format("; %lld binds, %.3f ms\n", static_cast<long long>(s.binds), s.bind_ms) : "\n";
  text += "by operator      total ms   share   count      GB/s\n";
  for (const TraceRow& row : s.ops)
    text += Format("  %12.3f  %6.1f%%  %6lld  %s  ", row.total, Share(row.total, s.node_ms),
                   static_cast<long long>(row.count), Rate(row).c_str()) +
            row.name + (row.provider == "cpu" ? "" : " on " + row.provider) + "\n";
  const size_t shown = std::min(s.nodes.size(), static_cast<size_t>(std::max(top, 0)));
  text += Format("by node (%zu of %zu)\n", shown, s.nodes.size());
  for (size_t i = 0; i < shown; ++i) {
    const TraceRow& row = s.nodes[i];
    text += Format("  %12.3f  %6.1f%%  %6lld  %s  ", row.total, Share(row.total, s.node_ms),
                   static_cast<long long>(row.count), Rate(row).c_str()) +
            row.name + " (" + row.op + (row.provider == "cpu" ? "" : " on " + row.provider) + ")  " + row.shapes + "\n";
  }
  if (!s.copies.empty()) text += "copies\n";
  for (const TraceRow& row : s.copies)
    text += Format("  %12.3f  %6lld  %s  ", row.total, static_cast<long long>(row.count), Rate(row).c_str()) +
            row.name + " (" + row.op + ")  " + row.shapes + "\n";
  if (!s.threads.empty()) text += "threads, busy in loops\n";
  for (const TraceRow& row : s.threads)
    text += Format("  %12.3f ms  %6lld parts  %s\n", row.total, static_cast<long long>(row.count), row.name.c_str());
  return text;
}

std::string ToJson(const TraceSummary& s) {
  double run = 0;
  for (const double r : s.runs) run += r;
  const json report = {{"runs_ms", s.runs},
                       {"load", ToJson(s.load, 0)},
                       {"ops", ToJson(s.ops, s.node_ms)},
                       {"nodes", ToJson(s.nodes, s.node_ms)},
                       {"copies", ToJson(s.copies, s.node_ms)},
                       {"threads", ToJson(s.threads, run)},
                       {"binds", s.binds},
                       {"bind_ms", s.bind_ms},
                       {"node_ms", s.node_ms}};
  return report.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace onda::cli
