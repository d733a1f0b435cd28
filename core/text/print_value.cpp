#include "core/text/print_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/schema/schema.h"
#include "core/text/cursor.h"
#include "onda/float_formats.h"

namespace onda::text {
namespace {

template <class T>
void AppendNumber(std::string& out, T value) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out.append(buffer, end);
}

// The shortest text that is read back as the same bits.
template <class T, class Bits>
void AppendReal(std::string& out, T value) {
  if (!std::isnan(value)) return AppendNumber(out, value);
  const Bits bits = std::bit_cast<Bits>(value);
  const Bits plain = std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN());
  const Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  if ((bits & ~sign) == plain) {
    out += bits == plain ? "nan" : "-nan";
    return;
  }
  char buffer[20];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), bits, 16);
  out += "nan(0x";
  out.append(buffer, end);
  out += ')';
}

void AppendElement(std::string& out, const Tensor& tensor, int64_t i) {
  const void* data = tensor.data();
  const DType dtype = tensor.dtype();
  switch (dtype) {
    case DType::kString:
      return AppendQuoted(out, tensor.as<std::string>()[i]);
    case DType::kFloat:
      return AppendReal<float, uint32_t>(out, static_cast<const float*>(data)[i]);
    case DType::kDouble:
      return AppendReal<double, uint64_t>(out, static_cast<const double*>(data)[i]);
    case DType::kUint64:
      return AppendNumber(out, static_cast<const uint64_t*>(data)[i]);
    case DType::kComplex64:
    case DType::kComplex128:
      for (int part = 0; part < 2; ++part) {
        if (part == 1) out += ',';
        if (dtype == DType::kComplex64) {
          AppendReal<float, uint32_t>(out, static_cast<const float*>(data)[2 * i + part]);
        } else {
          AppendReal<double, uint64_t>(out, static_cast<const double*>(data)[2 * i + part]);
        }
      }
      return;
    default:
      break;
  }
  if (IsInteger(dtype) || dtype == DType::kBool) return AppendNumber(out, LoadInt64(dtype, data, i));
  const int bits = BitsOf(dtype);  // float formats as bit patterns, as ONNX's own printer has it
  AppendNumber(out, bits == 16  ? static_cast<const uint16_t*>(data)[i]
                    : bits == 8 ? static_cast<const uint8_t*>(data)[i]
                                : LoadPacked(data, bits, i));
}

template <class List, class Write>
void AppendList(std::string& out, const List& list, Write write) {
  const char* separator = "";
  out += '[';
  for (const auto& item : list) {
    out += separator;
    write(item);
    separator = ", ";
  }
  out += ']';
}

// "a.b": each part quoted where it is no identifier.
void AppendDotted(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const size_t end = std::min(name.find('.'), name.size());
    if (end > 0) AppendName(out, name.substr(0, end));
    if (end < name.size()) out += '.';
    name.remove_prefix(std::min(end + 1, name.size()));
  }
}

}  // namespace

void AppendQuoted(std::string& out, std::string_view value) {
  out += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void AppendName(std::string& out, std::string_view name) {
  if (IsIdentifier(name)) {
    out += name;
  } else {
    AppendQuoted(out, name);
  }
}

void AppendPairs(std::string& out, const StringPairs& pairs) {
  AppendList(out, pairs, [&](const auto& pair) {
    AppendQuoted(out, pair.first);
    out += ": ";
    AppendQuoted(out, pair.second);
  });
}

void ValuePrinter::Count(const Graph& graph) {
  nameless_.clear();
  CountGraph(graph);
}

void ValuePrinter::CountGraph(const Graph& graph) {
  for (const Value& value : graph.values()) CountSymbols(value.fact);
  for (const Node& node : graph.nodes())
    for (const Body& body : node.bodies) CountGraph(*body.graph);
}

void ValuePrinter::CountSymbols(const Fact& fact) {
  if (fact.element) CountSymbols(*fact.element);
  if (!fact.shape) return;
  for (const Dim& dim : *fact.shape) {
    if (dim.known()) continue;
    // Names of symbols in an expression, each of which is then counted twice, so that it keeps its name everywhere.
    const std::string text = dim.ToString();
    const int weight = dim.symbol().empty() ? 2 : 1;
    for (size_t at = text.find('?'); at != std::string::npos; at = text.find('?', at + 1)) {
      size_t end = at + 1;
      while (end < text.size() && IsIdentifier("_" + text.substr(end, 1))) ++end;
      nameless_[text.substr(at, end - at)] += weight;
    }
  }
}

void ValuePrinter::WriteDims(const Dims& dims) {
  const char* separator = "[";
  for (const Dim& dim : dims) {
    out_ += separator;
    separator = ",";
    if (dim.known()) {
      AppendNumber(out_, dim.value());
      continue;
    }
    const auto nameless = nameless_.find(dim.symbol());
    if (nameless != nameless_.end() && nameless->second == 1) {
      out_ += '?';
    } else {
      AppendName(out_, dim.ToString());
    }
  }
  out_ += ']';
}

void ValuePrinter::WriteType(const Fact& fact) {
  switch (fact.kind) {
    case ValueKind::kUnknown:
      return;
    case ValueKind::kOpaque:
      out_ += "opaque(";
      if (fact.shape) {
        const std::string_view domain = fact.shape->at(0).symbol(), name = fact.shape->at(1).symbol();
        AppendDotted(out_, domain);
        if (!domain.empty()) out_ += ',';
        AppendDotted(out_, name);
      }
      out_ += ')';
      return;
    case ValueKind::kSequence:
    case ValueKind::kOptional:
      out_ += fact.kind == ValueKind::kSequence ? "seq(" : "optional(";
      if (fact.element) WriteType(*fact.element);
      out_ += ')';
      return;
    case ValueKind::kMap:
      out_ += "map(" + std::string(NameOf(fact.dtype)) + ", ";
      if (fact.element) WriteType(*fact.element);
      out_ += ')';
      return;
    case ValueKind::kTensor:
    case ValueKind::kSparse:
      break;
  }
  if (fact.kind == ValueKind::kSparse) out_ += "sparse_tensor(";
  out_ += NameOf(fact.dtype);
  if (!fact.shape) {
    out_ += "[]";
  } else if (!fact.shape->empty()) {
    WriteDims(*fact.shape);
  }
  if (fact.kind == ValueKind::kSparse) out_ += ')';
}

void ValuePrinter::WriteTensorType(const Tensor& tensor) {
  out_ += NameOf(tensor.dtype());
  if (!tensor.dims().empty()) WriteDims(Dims(tensor.dims().begin(), tensor.dims().end()));
}

void ValuePrinter::WriteTensorData(const Tensor& tensor) {
  if (tensor.count() > max_elements_) {
    out_ += "{...}";
    return;
  }
  out_ += '{';
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (i > 0) out_ += ',';
    AppendElement(out_, tensor, i);
  }
  out_ += '}';
}

void ValuePrinter::WriteSparse(const SparseTensor& sparse) {
  out_ += "sparse_tensor(" + std::string(NameOf(sparse.values->dtype()));
  if (!sparse.dims.empty()) WriteDims(Dims(sparse.dims.begin(), sparse.dims.end()));
  out_ += ") {";
  WriteTensorType(*sparse.values);
  out_ += ' ';
  WriteTensorData(*sparse.values);
  out_ += ", ";
  WriteTensorType(*sparse.indices);
  out_ += ' ';
  WriteTensorData(*sparse.indices);
  out_ += '}';
}

void ValuePrinter::WriteAttribute(std::string_view name, const AttributeValue& value) {
  AppendName(out_, name);
  if (const AttributeKind kind = KindOf(value); kind != AttributeKind::kUndefined) {
    out_ += ": ";
    out_ += NameOf(kind);
  }
  out_ += " = ";
  const auto tensor = [&](const TensorPtr& t) {
    WriteTensorType(*t);
    out_ += ' ';
    WriteTensorData(*t);
  };
  const auto real = [&](float f) { AppendReal<float, uint32_t>(out_, f); };
  if (const auto* reference = std::get_if<AttributeReference>(&value)) {
    out_ += '@';
    AppendName(out_, reference->name);
  } else if (const auto* f = std::get_if<float>(&value)) {
    real(*f);
  } else if (const auto* i = std::get_if<int64_t>(&value)) {
    AppendNumber(out_, *i);
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    AppendQuoted(out_, *s);
  } else if (const auto* t = std::get_if<TensorPtr>(&value)) {
    tensor(*t);
  } else if (const auto* fs = std::get_if<std::vector<float>>(&value)) {
    AppendList(out_, *fs, real);
  } else if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
    AppendList(out_, *is, [&](int64_t item) { AppendNumber(out_, item); });
  } else if (const auto* ss = std::get_if<std::vector<std::string>>(&value)) {
    AppendList(out_, *ss, [&](const std::string& item) { AppendQuoted(out_, item); });
  } else if (const auto* ts = std::get_if<std::vector<TensorPtr>>(&value)) {
    AppendList(out_, *ts, tensor);
  } else if (const auto* sparse = std::get_if<SparseTensor>(&value)) {
    WriteSparse(*sparse);
  } else if (const auto* list = std::get_if<std::vector<SparseTensor>>(&value)) {
    AppendList(out_, *list, [&](const SparseTensor& item) { WriteSparse(item); });
  } else if (const auto* type = std::get_if<Fact>(&value)) {
    WriteType(*type);
  } else if (const auto* types = std::get_if<std::vector<Fact>>(&value)) {
    AppendList(out_, *types, [&](const Fact& item) { WriteType(item); });
  }
}

}  // namespace onda::text
