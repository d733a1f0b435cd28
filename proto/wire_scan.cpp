#include "proto/wire_scan.h"

#include <optional>
#include <utility>

#include "onda/types.h"
#include "proto/bytes.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

// Messages on a path from a model to a tensor.
enum class Kind { kModel, kFunction, kGraph, kNode, kAttribute, kSparseTensor, kTensor, kSequence, kMap, kOptional };

constexpr const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"model",         "function", "graph",    "node", "attribute",
                                    "sparse tensor", "tensor",   "sequence", "map",  "optional"};
  return kNames[static_cast<int>(kind)];
}

struct Child {
  Kind parent;
  uint32_t field;
  Kind kind;
};

constexpr Child kChildren[] = {
    {Kind::kModel, 7, Kind::kGraph},

    {Kind::kModel, 25, Kind::kFunction},

    {Kind::kFunction, 7, Kind::kNode},
    {Kind::kFunction, 11, Kind::kAttribute},
    {Kind::kGraph, 1, Kind::kNode},
    {Kind::kGraph, 5, Kind::kTensor},
    {Kind::kGraph, 15, Kind::kSparseTensor},
    {Kind::kNode, 5, Kind::kAttribute},
    {Kind::kAttribute, 5, Kind::kTensor},
    {Kind::kAttribute, 10, Kind::kTensor},
    {Kind::kAttribute, 6, Kind::kGraph},
    {Kind::kAttribute, 11, Kind::kGraph},
    {Kind::kAttribute, 22, Kind::kSparseTensor},
    {Kind::kAttribute, 23, Kind::kSparseTensor},
    {Kind::kSparseTensor, 1, Kind::kTensor},
    {Kind::kSparseTensor, 2, Kind::kTensor},
    {Kind::kSequence, 3, Kind::kTensor},
    {Kind::kSequence, 4, Kind::kSparseTensor},
    {Kind::kSequence, 5, Kind::kSequence},
    {Kind::kSequence, 6, Kind::kMap},
    {Kind::kSequence, 7, Kind::kOptional},
    {Kind::kMap, 5, Kind::kSequence},
    {Kind::kOptional, 3, Kind::kTensor},
    {Kind::kOptional, 4, Kind::kSparseTensor},
    {Kind::kOptional, 5, Kind::kSequence},
    {Kind::kOptional, 6, Kind::kMap},
    {Kind::kOptional, 7, Kind::kOptional},
};

std::optional<Kind> ChildOf(Kind parent, uint32_t field) {
  for (const Child& child : kChildren) {
    if (child.parent == parent && child.field == field) return child.kind;
  }
  return {};
}

// Inputs, outputs and value infos of graphs and functions, and the types of attributes.
bool HoldsTypes(Kind parent, uint32_t field) {
  if (parent == Kind::kGraph) return field >= 11 && field <= 13;
  return (parent == Kind::kFunction && field == 12) || (parent == Kind::kAttribute && (field == 14 || field == 15));
}

// The fields that name a message, for errors: a tensor's 8, a node's 3, others 1 or 2.
uint32_t NameField(Kind kind) {
  switch (kind) {
    case Kind::kTensor:
      return 8;
    case Kind::kNode:
      return 3;
    case Kind::kGraph:
      return 2;
    case Kind::kAttribute:
    case Kind::kFunction:
      return 1;
    default:
      return 0;
  }
}

constexpr uint32_t kSegment = 3, kStringData = 6, kRawData = 9;

bool IsTensorData(uint32_t field) {
  return field == 4 || field == 5 || field == 7 || field == kRawData || field == 10 || field == 11;
}

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  uint32_t type = 0;
  uint64_t begin = 0;  // of the tag
  uint64_t value = 0;  // of the payload: behind the length, where there is one
  uint64_t end = 0;
};

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

class Scanner {
 public:
  Scanner(std::span<const std::byte> bytes, const ScanOptions& options) : bytes_(bytes), options_(options) {}

  ScannedModel Run(WireMessage kind) {
    constexpr Kind kRoots[] = {Kind::kModel,    Kind::kGraph, Kind::kTensor,  Kind::kSparseTensor,
                               Kind::kSequence, Kind::kMap,   Kind::kOptional};
    Message(kRoots[static_cast<int>(kind)], 0, bytes_.size(), 0);
    if (result_.message.size() > kMaxMessage) Fail("has over 2 GiB besides its weights", bytes_.size());
    return std::move(result_);
  }

 private:
  // protobuf counts the bytes of a message in an int.
  static constexpr uint64_t kMaxMessage = (uint64_t{1} << 31) - 1;
  // The length of a nested message is written in so many bytes, since it is known last.
  static constexpr size_t kLengthBytes = 5;

  [[noreturn]] void Fail(const std::string& what, uint64_t offset) {
    const std::string where = Where();
    throw Error(ErrorCode::kInvalidModel, "not a valid ONNX file: " + (where.empty() ? "it" : where) + " " + what +
                                              " (at byte " + std::to_string(offset) + " of " +
                                              std::to_string(bytes_.size()) + ")");
  }

  // Counts one more of what there may be `most` of.
  void Count(uint64_t& count, uint64_t most, const char* what) {
    if (++count <= most) return;
    throw Error(ErrorCode::kResourceLimit,
                Where() + " has more than " + std::to_string(most) + " " + what + ", over the limit");
  }

  // The messages around the place that is being read.
  std::string Where() const {
    std::string where;
    for (const auto& [kind, begin, end] : path_) {
      where += where.empty() ? "" : ", ";
      where += NameOf(kind);
      if (const std::string name = Name(kind, begin, end); !name.empty()) where += " " + Quoted(name);
    }
    return where;
  }

  // The name of a message that may be broken, or nothing. Never throws.
  std::string Name(Kind kind, uint64_t begin, uint64_t end) const {
    Field field;
    while (begin < end && Next(begin, end, field) == nullptr) {
      if (field.number == NameField(kind) && field.type == kLength) {
        const auto* text = reinterpret_cast<const char*>(bytes_.data() + field.value);
        return std::string(text, std::min<uint64_t>(field.end - field.value, 200));
      }
      begin = field.end;
    }
    return {};
  }

  // Reads a varint in [at, end) and moves `at` behind it; false where it has no end.
  bool Varint(uint64_t& at, uint64_t end, uint64_t& value) const {
    value = 0;
    for (int shift = 0; shift < 64 && at < end; shift += 7) {
      const auto byte = static_cast<uint64_t>(bytes_[at++]);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  // Reads the field at `begin`; returns what is wrong with it, or null.
  const char* Next(uint64_t begin, uint64_t end, Field& field) const {
    uint64_t at = begin, tag = 0, value = 0;
    if (!Varint(at, end, tag)) return "breaks off inside a tag";
    field.begin = begin;
    field.number = static_cast<uint32_t>(tag >> 3);
    field.type = static_cast<uint32_t>(tag & 7);
    if (tag >> 32 || field.number == 0) return "has a field with an impossible number";
    field.value = at;
    switch (field.type) {
      case kVarint:
        if (!Varint(at, end, value)) return "breaks off inside a number";
        field.end = at;
        return nullptr;
      case kFixed64:
      case kFixed32: {
        const uint64_t size = field.type == kFixed64 ? 8 : 4;
        if (size > end - at) return "breaks off inside a number";
        field.end = at + size;
        return nullptr;
      }
      case kLength:
        if (!Varint(at, end, value)) return "breaks off inside a length";
        if (value > end - at) return "has a field that is longer than what is left of it";
        field.value = at;
        field.end = at + value;
        return nullptr;
      default:
        return "has a field of a kind that ONNX does not use";
    }
  }

  void CountPart() { Count(parts_, options_.max_parts, "parts"); }

  // Counts what may be messages inside a type or its name, which protobuf builds one by one. What is malformed is left
  // to protobuf.
  void CountParts(uint64_t begin, uint64_t end, int depth) {
    constexpr int kDeepest = 16;  // a dimension of a tensor of a sequence of an optional is at depth 8
    Field field;
    for (uint64_t at = begin; at < end && Next(at, end, field) == nullptr; at = field.end) {
      if (field.type != kLength) continue;
      CountPart();
      if (depth < kDeepest) CountParts(field.value, field.end, depth + 1);
    }
  }

  void Copy(uint64_t begin, uint64_t end) {
    result_.message.append(reinterpret_cast<const char*>(bytes_.data() + begin), end - begin);
  }

  void Message(Kind kind, uint64_t begin, uint64_t end, int nesting) {
    path_.push_back({kind, begin, end});
    if (kind == Kind::kGraph || kind == Kind::kSequence || kind == Kind::kOptional) {
      if (++nesting > options_.max_nesting) {
        Fail("nests deeper than " + std::to_string(options_.max_nesting) + " levels", begin);
      }
    }
    if (kind == Kind::kTensor) {
      ScanTensor(begin, end);
    } else {
      Field field;
      uint64_t own_attributes = 0;
      for (uint64_t at = begin; at < end; at = field.end) {
        if ((++fields_ & 0xfff) == 0) CheckStop(options_.stop);
        if (const char* wrong = Next(at, end, field)) Fail(wrong, at);
        const std::optional<Kind> child = field.type == kLength ? ChildOf(kind, field.number) : std::nullopt;
        if (field.type == kLength) CountPart();
        if (child == Kind::kNode) Count(nodes_, options_.max_nodes, "nodes in all");
        if (child == Kind::kAttribute) {
          Count(attributes_, options_.max_attributes, "attributes in all");
          Count(own_attributes, options_.max_attributes_of_node, "attributes");
        }
        if (!child) {
          if (field.type == kLength && HoldsTypes(kind, field.number)) CountParts(field.value, field.end, 0);
          Copy(field.begin, field.end);
          continue;
        }
        AppendVarint(result_.message, uint64_t{field.number} << 3 | kLength);
        const size_t length_at = result_.message.size();
        result_.message.append(kLengthBytes, '\0');
        Message(*child, field.value, field.end, nesting);
        uint64_t length = result_.message.size() - length_at - kLengthBytes;
        if (length > kMaxMessage) Fail("has over 2 GiB besides its weights", field.begin);
        for (size_t i = 0; i < kLengthBytes; ++i, length >>= 7) {
          const uint64_t more = i + 1 < kLengthBytes ? 0x80 : 0;
          result_.message[length_at + i] = static_cast<char>((length & 0x7f) | more);
        }
      }
    }
    path_.pop_back();
  }

  // One large run of data is taken out; several runs of one field, which protobuf would join, stay.
  void ScanTensor(uint64_t begin, uint64_t end) {
    Field field, data;
    int runs = 0;
    for (uint64_t at = begin; at < end; at = field.end) {
      if ((++fields_ & 0xfff) == 0) CheckStop(options_.stop);
      if (const char* wrong = Next(at, end, field)) Fail(wrong, at);
      if (field.number == kSegment) Fail("is split into segments, which is not supported", at);
      if (field.number == kStringData) CountPart();
      if (IsTensorData(field.number)) {
        ++runs;
        data = field;
      }
    }
    const bool take = runs == 1 && data.type == kLength && data.end - data.value >= options_.min_piece;
    if (!take) return Copy(begin, end);
    Copy(begin, data.begin);
    Copy(data.end, end);
    std::string segment(1, static_cast<char>(1 << 3 | kVarint));
    AppendVarint(segment, result_.pieces.size());
    AppendVarint(result_.message, uint64_t{kSegment} << 3 | kLength);
    AppendVarint(result_.message, segment.size());
    result_.message += segment;
    result_.pieces.push_back({static_cast<int>(data.number), bytes_.subspan(data.value, data.end - data.value)});
  }

  struct Step {
    Kind kind;
    uint64_t begin, end;
  };

  std::span<const std::byte> bytes_;
  const ScanOptions& options_;
  ScannedModel result_;
  std::vector<Step> path_;
  uint64_t fields_ = 0;
  uint64_t parts_ = 0, nodes_ = 0, attributes_ = 0;
};

}  // namespace

ScannedModel ScanWire(WireMessage kind, std::span<const std::byte> bytes, const ScanOptions& options) {
  return Scanner(bytes, options).Run(kind);
}

int ProtobufRecursionLimit(int max_nesting) {
  // Graph, node, attribute per level, then a type in the innermost one, and the messages around the outermost graph.
  return 3 * max_nesting + 2 * max_nesting + 16;
}

}  // namespace onda::proto
