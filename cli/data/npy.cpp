#include "cli/data/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "cli/data/file.h"
#include "cli/data/zip.h"

namespace onda::cli {
namespace {

[[noreturn]] void Reject(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "'" + path + "': " + why);
}

struct Header {
  std::string descr;  // "<f4"
  bool fortran = false;
  std::vector<int64_t> shape;
};

// The header is a Python dictionary with the keys descr, fortran_order and shape: {'descr': '<f4', ...}.
Header ParseHeader(std::string_view text, const std::string& path) {
  Header header;
  const auto value_of = [&](std::string_view key) {
    const std::string quoted = "'" + std::string(key) + "'";
    size_t at = text.find(quoted);
    if (at == std::string_view::npos) Reject(path, "the header has no " + quoted);
    at = text.find(':', at + quoted.size());
    at = at == std::string_view::npos ? at : text.find_first_not_of(' ', at + 1);
    if (at == std::string_view::npos) Reject(path, "the header ends early");
    return text.substr(at);
  };
  const std::string_view descr = value_of("descr");
  if (descr[0] != '\'') Reject(path, "a structured array cannot be an ONNX tensor");
  header.descr = descr.substr(1, descr.find('\'', 1) - 1);
  header.fortran = value_of("fortran_order").substr(0, 4) == "True";
  std::string_view shape = value_of("shape");
  if (shape[0] != '(') Reject(path, "the header has no shape");
  shape = shape.substr(1, shape.find(')') - 1);
  while (!shape.empty()) {
    const size_t begin = shape.find_first_not_of(" ,");
    if (begin == std::string_view::npos) break;
    shape.remove_prefix(begin);
    int64_t dim = 0;
    const auto [stop, error] = std::from_chars(shape.data(), shape.data() + shape.size(), dim);
    if (error != std::errc() || dim < 0) Reject(path, "the header's shape is malformed");
    shape.remove_prefix(static_cast<size_t>(stop - shape.data()));
    if (!shape.empty() && shape[0] == 'L') shape.remove_prefix(1);
    header.shape.push_back(dim);
  }
  return header;
}

struct ElementType {
  DType dtype = DType::kUndefined;
  size_t size = 0;  // of one element in the file
  bool swap = false;
};

ElementType ParseDescr(const std::string& descr, const std::string& path) {
  if (descr.size() < 3) Reject(path, "unknown element type '" + descr + "'");
  const char order = descr[0], kind = descr[1];
  size_t size = 0;
  std::from_chars(descr.data() + 2, descr.data() + descr.size(), size);
  ElementType type{DType::kUndefined, size, order == '>'};
  const auto pick = [&](std::initializer_list<std::pair<size_t, DType>> choices) {
    for (const auto& [bytes, dtype] : choices)
      if (bytes == size) type.dtype = dtype;
  };
  switch (kind) {
    case 'b':
      pick({{1, DType::kBool}});
      break;
    case 'i':
      pick({{1, DType::kInt8}, {2, DType::kInt16}, {4, DType::kInt32}, {8, DType::kInt64}});
      break;
    case 'u':
      pick({{1, DType::kUint8}, {2, DType::kUint16}, {4, DType::kUint32}, {8, DType::kUint64}});
      break;
    case 'f':
      pick({{2, DType::kFloat16}, {4, DType::kFloat}, {8, DType::kDouble}});
      break;
    case 'c':
      pick({{8, DType::kComplex64}, {16, DType::kComplex128}});
      break;
    case 'V':
      pick({{2, DType::kBfloat16}});
      break;  // as packages for bfloat16 save it
    case 'S':
      type.dtype = DType::kString;
      break;
    case 'U':
      type.dtype = DType::kString;
      type.size = 4 * size;
      break;
    case 'O':
      Reject(path, "an array of Python objects cannot be read; store strings as dtype 'U'");
    default:
      break;
  }
  if (type.dtype == DType::kUndefined || type.size > (size_t{1} << 30)) {
    Reject(path, "element type '" + descr + "' is none of ONNX's");
  }
  return type;
}

void AppendUtf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | ((c >> 18) & 7));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

// Code points; bytes that are no UTF-8 stand for themselves.
std::vector<uint32_t> FromUtf8(std::string_view text) {
  std::vector<uint32_t> points;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t more = lead >= 0xf0 && lead < 0xf8 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    uint32_t point = more == 3 ? lead & 7u : more == 2 ? lead & 15u : more == 1 ? lead & 31u : lead;
    bool valid = lead < 0xf8 && i + more < text.size();
    for (size_t k = 1; valid && k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = (next & 0xc0) == 0x80;
      point = (point << 6) | (next & 0x3fu);
    }
    points.push_back(valid ? point : lead);
    i += valid ? more + 1 : 1;
  }
  return points;
}

std::string ReadString(const char* data, const ElementType& type, bool unicode) {
  std::string text;
  if (!unicode) {
    text.assign(data, type.size);
    text.resize(text.find_last_not_of('\0') + 1);
    return text;
  }
  for (size_t i = 0; i < type.size; i += 4) {
    uint32_t point;
    std::memcpy(&point, data + i, 4);
    if (type.swap) point = __builtin_bswap32(point);
    if (point == 0) break;
    AppendUtf8(text, point);
  }
  return text;
}

Data Parse(std::string_view bytes, const std::string& path) {
  if (bytes.size() < 10 || bytes.substr(0, 6) != "\x93NUMPY") Reject(path, "not a .npy file");
  const int version = static_cast<unsigned char>(bytes[6]);
  const size_t length_size = version == 1 ? 2 : 4, start = 8 + length_size;
  if (version < 1 || version > 3 || bytes.size() < start) Reject(path, "not a .npy file of version 1 to 3");
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, length_size);
  if (length > bytes.size() - start) Reject(path, "the header ends early");
  const Header header = ParseHeader(bytes.substr(start, length), path);
  const ElementType type = ParseDescr(header.descr, path);
  const std::string_view data = bytes.substr(start + length);
  const int64_t count = CountOf(header.shape);
  if (type.size != 0 && static_cast<uint64_t>(count) > data.size() / type.size) {
    Reject(path, "has " + std::to_string(data.size()) + " bytes of data, too few for its shape");
  }
  Data tensor = Data::Tensor(type.dtype, header.shape);
  // Position in the file of element i (in C order).
  std::vector<int64_t> strides(header.shape.size());
  int64_t stride = 1;
  for (size_t d = 0; d < strides.size(); ++d) {
    strides[d] = stride;
    stride *= header.shape[d];
  }
  const auto position = [&](int64_t i) {
    if (!header.fortran) return i;
    int64_t at = 0;
    for (size_t d = strides.size(); d-- > 0;) {
      at += i % header.shape[d] * strides[d];
      i /= header.shape[d];
    }
    return at;
  };
  if (type.dtype == DType::kString) {
    for (int64_t i = 0; i < count; ++i) {
      tensor.strings[static_cast<size_t>(i)] =
          ReadString(data.data() + static_cast<size_t>(position(i)) * type.size, type, header.descr[1] == 'U');
    }
    return tensor;
  }
  if (!header.fortran && !type.swap) {
    if (!tensor.bytes.empty()) std::memcpy(tensor.bytes.data(), data.data(), tensor.bytes.size());
    return tensor;
  }
  const size_t part = IsComplex(type.dtype) ? type.size / 2 : type.size;  // what is swapped
  for (int64_t i = 0; i < count; ++i) {
    std::byte* to = tensor.bytes.data() + static_cast<size_t>(i) * type.size;
    std::memcpy(to, data.data() + static_cast<size_t>(position(i)) * type.size, type.size);
    if (type.swap)
      for (size_t k = 0; k < type.size; k += part) std::reverse(to + k, to + k + part);
  }
  return tensor;
}

std::string DescrOf(const Data& tensor) {
  switch (tensor.dtype) {
    case DType::kBool:
      return "|b1";
    case DType::kInt8:
      return "|i1";
    case DType::kUint8:
      return "|u1";
    case DType::kInt16:
      return "<i2";
    case DType::kUint16:
      return "<u2";
    case DType::kInt32:
      return "<i4";
    case DType::kUint32:
      return "<u4";
    case DType::kInt64:
      return "<i8";
    case DType::kUint64:
      return "<u8";
    case DType::kFloat16:
      return "<f2";
    case DType::kFloat:
      return "<f4";
    case DType::kDouble:
      return "<f8";
    case DType::kComplex64:
      return "<c8";
    case DType::kComplex128:
      return "<c16";
    default:
      return "";
  }
}

}  // namespace

Data ReadNpy(const std::string& path) { return Parse(ReadFile(path), path); }

std::vector<std::pair<std::string, Data>> ReadNpz(const std::string& path) {
  std::vector<std::pair<std::string, Data>> arrays;
  for (const ZipEntry& entry : ReadZip(path)) {
    if (!entry.name.ends_with(".npy")) continue;
    arrays.emplace_back(entry.name.substr(0, entry.name.size() - 4), Parse(entry.bytes, path + ":" + entry.name));
  }
  return arrays;
}

void WriteNpy(const std::string& path, const Data& given) {
  if (given.kind != Kind::kTensor) throw Error(ErrorCode::kInvalidArgument, "only tensors can be written as .npy");
  Data tensor = given;
  std::string descr, body;
  if (given.dtype == DType::kString) {
    std::vector<std::vector<uint32_t>> strings;
    size_t longest = 1;
    for (const std::string& text : given.strings) {
      strings.push_back(FromUtf8(text));
      longest = std::max(longest, strings.back().size());
    }
    descr = "<U" + std::to_string(longest);
    for (std::vector<uint32_t>& points : strings) {
      points.resize(longest);
      body.append(reinterpret_cast<const char*>(points.data()), 4 * longest);
    }
  } else {
    if (DescrOf(tensor).empty()) {
      const bool integer = IsInteger(given.dtype);
      tensor = Converted(given, !integer ? DType::kFloat : IsSigned(given.dtype) ? DType::kInt8 : DType::kUint8);
    }
    descr = DescrOf(tensor);
    body.assign(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  std::string shape;
  for (int64_t d : tensor.dims) shape += std::to_string(d) + ", ";
  if (tensor.dims.size() > 1) shape.resize(shape.size() - 2);
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  WriteFile(path, file + header + body);
}

}  // namespace onda::cli
