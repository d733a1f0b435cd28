#include "core/text/print.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/schema/schema.h"
#include "core/text/note.h"
#include "core/text/print_value.h"

namespace onda {
namespace {

using text::AppendName;
using text::AppendPairs;
using text::AppendQuoted;

using Names = std::vector<std::string>;  // by ValueId

constexpr int kIndent = 3;

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : values_(out_, options.max_elements) {}

  void WriteModel(const Model& model);
  // `captured`: the names in the enclosing graph of the values that the last inputs stand for.
  void WriteGraph(const Graph& graph, const Names& captured, int depth);
  std::string Take() { return std::move(out_); }

 private:
  void WriteFunction(const Function& function);
  void WriteOpsets(const std::map<std::string, int>& opsets);
  Names NameValues(const Graph& graph, const Names& captured) const;
  void WriteValueList(const Graph& graph, const std::vector<ValueId>& values, size_t count, const Names& names);
  void WriteInitializersAndHints(const Graph& graph, const Names& captured, const Names& names, int depth);
  void WriteBody(const Graph& graph, const Names& captured, const Names& names, int depth, const text::Note& of_graph);
  void WriteNode(const Node& node, const Names& names, int depth);
  void WriteAttributes(const Node& node, const Names& names, int depth);
  void WriteNote(const text::Note& note, int depth);
  void Break(int depth) {
    out_ += '\n';
    out_.append(static_cast<size_t>(kIndent) * depth, ' ');
  }

  std::string out_;
  text::ValuePrinter values_;
};

void Printer::WriteOpsets(const std::map<std::string, int>& opsets) {
  const char* separator = "";
  out_ += '[';
  for (const auto& [domain, version] : opsets) {
    out_ += separator;
    AppendQuoted(out_, domain);
    out_ += " : " + std::to_string(version);
    separator = ", ";
  }
  out_ += ']';
}

void Printer::WriteModel(const Model& model) {
  out_ += "<\n   ir_version: " + std::to_string(model.ir_version) + ",\n   opset_import: ";
  WriteOpsets(model.opsets);
  const auto field = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    out_ += std::string(",\n   ") + key + ": ";
    AppendQuoted(out_, value);
  };
  field("producer_name", model.producer_name);
  field("producer_version", model.producer_version);
  field("domain", model.domain);
  if (model.model_version != 0) out_ += ",\n   model_version: " + std::to_string(model.model_version);
  field("doc_string", model.doc);
  if (!model.metadata.empty()) {
    out_ += ",\n   metadata_props: ";
    AppendPairs(out_, model.metadata);
  }
  out_ += "\n>\n";
  WriteGraph(*model.graph, {}, 0);
  out_ += '\n';
  for (const Function& function : model.functions) {
    out_ += '\n';
    WriteFunction(function);
  }
}

void Printer::WriteFunction(const Function& function) {
  out_ += "<\n   domain: ";
  AppendQuoted(out_, function.domain);
  if (!function.overload.empty()) {
    out_ += ",\n   overload: ";
    AppendQuoted(out_, function.overload);
  }
  out_ += ",\n   opset_import: ";
  WriteOpsets(function.opsets);
  if (!function.doc.empty()) {
    out_ += ",\n   doc_string: ";
    AppendQuoted(out_, function.doc);
  }
  out_ += "\n>\n";
  AppendName(out_, function.name);
  out_ += ' ';
  if (!function.attributes.empty() || !function.defaults.empty()) {
    const char* separator = "<";
    for (const std::string& name : function.attributes) {
      out_ += separator;
      AppendName(out_, name);
      separator = ", ";
    }
    for (const AttributeMap::Entry& entry : function.defaults.entries()) {
      out_ += separator;
      values_.WriteAttribute(entry.name, entry.value);
      separator = ", ";
    }
    out_ += "> ";
  }
  const Graph& graph = *function.graph;
  const Names names = NameValues(graph, {});
  values_.Count(graph);
  WriteValueList(graph, graph.inputs, graph.inputs.size(), names);
  out_ += " => ";
  WriteValueList(graph, graph.outputs, graph.outputs.size(), names);
  WriteInitializersAndHints(graph, {}, names, 0);
  text::Note note;
  note.subject = "graph";
  note.metadata = function.metadata;
  WriteBody(graph, {}, names, 0, note);
  out_ += '\n';
}

// Every value that is named in the text gets a name of its own. Captured values keep those of the enclosing graph.
Names Printer::NameValues(const Graph& graph, const Names& captured) const {
  Names names(graph.values().size());
  std::set<std::string> taken(captured.begin(), captured.end());
  const size_t declared = graph.inputs.size() - captured.size();
  std::vector<bool> done(names.size());
  for (size_t i = 0; i < captured.size(); ++i) {
    names[graph.inputs[declared + i]] = captured[i];
    done[graph.inputs[declared + i]] = true;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (done[i]) continue;
    const std::string& own = graph.value(static_cast<ValueId>(i)).name;
    std::string name = own;
    if (own.empty() || taken.count(own)) {
      const std::string stem = own.empty() ? "v" : own + "_";
      for (size_t n = i; name.empty() || taken.count(name); ++n) name = stem + std::to_string(n);
    }
    taken.insert(name);
    names[i] = std::move(name);
  }
  return names;
}

void Printer::WriteValueList(const Graph& graph, const std::vector<ValueId>& list, size_t count, const Names& names) {
  const char* separator = "(";
  if (count == 0) out_ += '(';
  for (size_t i = 0; i < count; ++i) {
    out_ += separator;
    const Fact& fact = graph.FactOf(list[i]);
    if (fact.known()) {
      values_.WriteType(fact);
      out_ += ' ';
    }
    AppendName(out_, names[list[i]]);
    separator = ", ";
  }
  out_ += ')';
}

void Printer::WriteGraph(const Graph& graph, const Names& captured, int depth) {
  if (depth == 0) values_.Count(graph);
  const Names names = NameValues(graph, captured);
  AppendName(out_, graph.name);
  out_ += ' ';
  WriteValueList(graph, graph.inputs, graph.inputs.size() - captured.size(), names);
  out_ += " => ";
  WriteValueList(graph, graph.outputs, graph.outputs.size(), names);
  WriteInitializersAndHints(graph, captured, names, depth);
  text::Note note;
  note.subject = "graph";
  note.doc = graph.doc;
  note.metadata = graph.metadata;
  WriteBody(graph, captured, names, depth, note);
}

void Printer::WriteInitializersAndHints(const Graph& graph, const Names& captured, const Names& names, int depth) {
  std::vector<bool> written(graph.values().size());
  const char* separator = "<";
  const auto begin = [&](ValueId id) {
    if (separator[0] == ',') out_ += ',';
    Break(depth + 1);
    out_ += separator[0] == ',' ? ' ' : '<';
    separator = ",";
    written[id] = true;
  };
  const auto initializer = [&](ValueId id) {
    begin(id);
    const Tensor& tensor = *graph.FactOf(id).constant;
    values_.WriteTensorType(tensor);
    out_ += ' ';
    AppendName(out_, names[id]);
    out_ += " = ";
    values_.WriteTensorData(tensor);
  };
  for (ValueId id : graph.initializers)
    if (graph.FactOf(id).constant) initializer(id);
  const size_t declared = graph.inputs.size() - captured.size();
  for (size_t i = 0; i < declared; ++i) written[graph.inputs[i]] = true;
  for (size_t i = declared; i < graph.inputs.size(); ++i) written[graph.inputs[i]] = true;
  for (size_t i = 0; i < written.size(); ++i) {
    const Value& value = graph.value(static_cast<ValueId>(i));
    if (!written[i] && value.producer == kNoNode && value.fact.constant) initializer(static_cast<ValueId>(i));
  }
  for (ValueId id : graph.outputs) written[id] = true;
  for (const Node& node : graph.nodes()) {
    for (ValueId id : node.outputs) {
      if (id == kNoValue || written[id] || !graph.FactOf(id).known()) continue;
      begin(id);
      values_.WriteType(graph.FactOf(id));
      out_ += ' ';
      AppendName(out_, names[id]);
    }
  }
  if (separator[0] == ',') {
    out_ += '>';
    Break(depth);
  } else {
    out_ += ' ';
  }
}

void Printer::WriteNote(const text::Note& note, int depth) {
  if (note.empty()) return;
  Break(depth);
  out_ += text::FormatNote(note);
}

void Printer::WriteBody(const Graph& graph, const Names& captured, const Names& names, int depth,
                        const text::Note& of_graph) {
  out_ += '{';
  WriteNote(of_graph, depth + 1);
  std::vector<bool> outer(graph.values().size());
  for (size_t i = graph.inputs.size() - captured.size(); i < graph.inputs.size(); ++i) outer[graph.inputs[i]] = true;
  for (size_t i = 0; i < names.size(); ++i) {
    const Value& value = graph.value(static_cast<ValueId>(i));
    text::Note note{"value", names[i], value.doc, value.metadata, value.denotation, ""};
    if (!outer[i]) WriteNote(note, depth + 1);
  }
  for (const Node& node : graph.nodes()) WriteNode(node, names, depth + 1);
  Break(depth);
  out_ += '}';
}

void Printer::WriteNode(const Node& node, const Names& names, int depth) {
  WriteNote({"node", "", node.doc, node.metadata, "", node.device_configuration}, depth);
  for (const AttributeMap::Entry& entry : node.attributes.entries())
    WriteNote({"attribute", entry.name, entry.doc, {}, "", ""}, depth);
  Break(depth);
  if (!node.name.empty()) {
    out_ += '[';
    AppendName(out_, node.name);
    out_ += "] ";
  }
  const auto write_names = [&](const std::vector<ValueId>& values) {
    const char* separator = "";
    for (ValueId id : values) {
      out_ += separator;
      if (id == kNoValue) {
        out_ += "\"\"";
      } else {
        AppendName(out_, names[id]);
      }
      separator = ", ";
    }
  };
  write_names(node.outputs);
  out_ += node.outputs.empty() ? "= " : " = ";
  for (size_t from = 0; from < node.domain.size();) {
    const size_t dot = std::min(node.domain.find('.', from), node.domain.size());
    AppendName(out_, std::string_view(node.domain).substr(from, dot - from));
    out_ += '.';
    from = dot + 1;
  }
  AppendName(out_, node.op_type);
  if (!node.overload.empty()) {
    out_ += ':';
    AppendName(out_, node.overload);
  }
  // Short attributes ahead of the inputs, graphs behind them.
  if (node.bodies.empty()) WriteAttributes(node, names, depth);
  out_ += " (";
  write_names(node.inputs);
  out_ += ')';
  if (!node.bodies.empty()) WriteAttributes(node, names, depth);
}

void Printer::WriteAttributes(const Node& node, const Names& names, int depth) {
  if (node.attributes.empty() && node.bodies.empty()) return;
  const char* separator = " <";
  for (const AttributeMap::Entry& entry : node.attributes.entries()) {
    if (std::holds_alternative<std::monostate>(entry.value)) continue;
    out_ += separator;
    values_.WriteAttribute(entry.name, entry.value);
    separator = ", ";
  }
  std::set<std::string_view> seen;
  for (const Body& first : node.bodies) {
    if (!seen.insert(first.attribute).second) continue;
    out_ += separator;
    separator = ", ";
    AppendName(out_, first.attribute);
    std::vector<const Body*> all;
    for (const Body& body : node.bodies)
      if (body.attribute == first.attribute) all.push_back(&body);
    const bool list = all.size() > 1;
    out_ += list ? ": graphs = [" : ": graph = ";
    for (size_t i = 0; i < all.size(); ++i) {
      if (i > 0) out_ += ", ";
      Names captured;
      for (ValueId id : all[i]->captures) captured.push_back(names[id]);
      WriteGraph(*all[i]->graph, captured, depth);
    }
    if (list) out_ += ']';
  }
  if (separator[0] == ',') out_ += '>';
}

}  // namespace

std::string Print(const Model& model, const PrintOptions& options) {
  Printer printer(options);
  printer.WriteModel(model);
  return printer.Take();
}

std::string Print(const Graph& graph, const PrintOptions& options) {
  Printer printer(options);
  printer.WriteGraph(graph, {}, 0);
  return printer.Take() + "\n";
}

}  // namespace onda
