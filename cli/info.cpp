#include "cli/info.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "cli/exit_code.h"
#include "cli/model_file.h"

namespace onda::cli {
namespace {

using nlohmann::json;

json PortsToJson(const std::vector<Port>& ports) {
  json list = json::array();
  for (const Port& port : ports) {
    json entry = {{"name", port.name}, {"type", ToString(port.type)}};
    if (port.type.kind == Kind::kTensor) {
      entry["dtype"] = NameOf(port.type.dtype);
      if (port.type.has_rank) {
        json shape = json::array();
        for (size_t i = 0; i < port.type.dims.size(); ++i) {
          const bool known = port.type.dims[i] >= 0;
          shape.push_back(known                          ? json(port.type.dims[i])
                          : port.type.symbols[i].empty() ? json(nullptr)
                                                         : json(port.type.symbols[i]));
        }
        entry["shape"] = shape;
      }
    }
    if (port.has_default) entry["has_default"] = true;
    list.push_back(std::move(entry));
  }
  return list;
}

void PrintPorts(const char* title, const std::vector<Port>& ports) {
  std::printf("%s\n", title);
  for (const Port& port : ports) {
    std::printf("  %s  %s%s\n", port.name.c_str(), ToString(port.type).c_str(),
                port.has_default ? "  (has a default)" : "");
  }
}

// A line for each node, or for all of an operator that are in a place for the same reason.
void PrintPlacement(const std::vector<NodePlacement>& nodes, bool each) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::string>> groups;
  for (const NodePlacement& node : nodes) groups[{node.provider, node.reason, node.op}].push_back(node.node);
  for (const auto& [place, names] : groups) {
    const auto& [provider, reason, op] = place;
    const auto line = [&, &provider = provider, &reason = reason, &op = op](const std::string& who) {
      std::printf("  %s  %s  %s  %s\n", who.c_str(), op.c_str(), provider.c_str(), reason.c_str());
    };
    if (!each && names.size() > 1) {
      line(std::to_string(names.size()) + " nodes");
    } else {
      for (const std::string& name : names) line(name.empty() ? "-" : name);
    }
  }
}

}  // namespace

int Info(const InfoOptions& options) {
  EngineOptions engine_options = options.engine;
  engine_options.dimensions = ParseDimensions(options.inputs.dimensions);
  engine_options.record_rewrites = options.rewrites;
  const Engine engine(LoadModel(options.model), engine_options);
  const ModelMetadata metadata = engine.session().GetModelMetadata();
  const std::vector<NodePlacement> nodes = engine.session().Placement();
  std::map<std::string, int> operators, providers;
  for (const NodePlacement& node : nodes) {
    ++operators[node.op];
    ++providers[node.provider];
  }
  if (options.run) {
    std::vector<std::string> notes;
    engine.Run(ReadInputs(engine, options.inputs, &notes));
    for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());
  }
  std::vector<std::pair<std::string, int>> rewrites;
  if (options.rewrites) {
    for (const std::string& name : GetRewriteNames()) rewrites.emplace_back(name, 0);
    for (const RewriteRecord& record : engine.session().GetRewrites())
      for (auto& [name, count] : rewrites) count += name == record.rule;
  }
  const MemoryUse memory = engine.session().GetMemoryUse();

  if (options.json) {
    json report = {{"model", options.model},
                   {"ir_version", metadata.ir_version},
                   {"opset", metadata.opset},
                   {"producer_name", metadata.producer_name},
                   {"producer_version", metadata.producer_version},
                   {"domain", metadata.domain},
                   {"model_version", metadata.version},
                   {"graph_name", metadata.graph_name},
                   {"description", metadata.description},
                   {"metadata", metadata.custom},
                   {"inputs", PortsToJson(engine.inputs())},
                   {"outputs", PortsToJson(engine.outputs())},
                   {"operators", operators},
                   {"providers", providers}};
    for (const NodePlacement& node : nodes) {
      report["placement"].push_back(
          {{"node", node.node}, {"op", node.op}, {"provider", node.provider}, {"reason", node.reason}});
    }
    for (const auto& [name, count] : rewrites) report["rewrites"].push_back({{"name", name}, {"count", count}});
    if (options.run) report["activation_bytes"] = memory.peak;
    std::printf("%s\n", report.dump(1, ' ', false, json::error_handler_t::replace).c_str());
    return kExitOk;
  }
  std::printf("%s: IR version %lld, opset %lld", options.model.c_str(), static_cast<long long>(metadata.ir_version),
              static_cast<long long>(metadata.opset));
  if (!metadata.producer_name.empty()) {
    std::printf(", made by %s %s", metadata.producer_name.c_str(), metadata.producer_version.c_str());
  }
  std::printf("\n");
  if (!metadata.description.empty()) std::printf("%s\n", metadata.description.c_str());
  for (const auto& [key, value] : metadata.custom) {
    std::printf("  %s = %s\n", key.c_str(),
                value.size() > 200 ? (value.substr(0, 200) + "...").c_str() : value.c_str());
  }
  PrintPorts("inputs", engine.inputs());
  PrintPorts("outputs", engine.outputs());
  std::printf("operators, after upgrading, folding and fusing (%zu nodes)\n", nodes.size());
  for (const auto& [op, count] : operators) std::printf("  %5d  %s\n", count, op.c_str());
  if (options.rewrites) std::printf("rewrites, in the order in which they are tried\n");
  for (const auto& [name, count] : rewrites) std::printf("  %5d  %s\n", count, name.c_str());
  std::printf("placement\n");
  PrintPlacement(nodes, options.placement);
  if (options.run) {
    std::printf("memory of activations, workspaces and results: %.2f MiB at most\n",
                static_cast<double>(memory.peak) / (1 << 20));
  }
  return kExitOk;
}

}  // namespace onda::cli
