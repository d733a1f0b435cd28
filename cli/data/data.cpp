#include "cli/data/data.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "onda/float_formats.h"

namespace onda::cli {
namespace {

std::string DimsText(const std::vector<int64_t>& dims) {
  std::string text;
  for (int64_t d : dims) text += (text.empty() ? "[" : ",") + std::to_string(d);
  return text.empty() ? text : text + "]";
}

template <class T>
std::string RealText(T value) {
  char buffer[40];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end);
}

}  // namespace

int64_t CountOf(const std::vector<int64_t>& dims) {
  int64_t count = 1;
  for (int64_t d : dims) {
    if (d < 0) throw Error(ErrorCode::kInvalidArgument, "a shape has the negative dimension " + std::to_string(d));
    if (__builtin_mul_overflow(count, d, &count)) throw Error(ErrorCode::kResourceLimit, "a shape is too large");
  }
  return count;
}

size_t BytesOf(DType dtype, int64_t count) {
  const int bits = BitsOf(dtype);
  if (bits != 0 && count > (std::numeric_limits<int64_t>::max() - 7) / bits) {
    throw Error(ErrorCode::kResourceLimit, "a shape is too large");
  }
  return static_cast<size_t>((count * bits + 7) / 8);
}

Data Data::Tensor(DType dtype, std::vector<int64_t> dims) {
  Data data;
  data.kind = Kind::kTensor;
  data.dtype = dtype;
  data.dims = std::move(dims);
  const int64_t count = data.count();
  if (dtype == DType::kString) {
    data.strings.resize(static_cast<size_t>(count));
  } else {
    data.bytes.resize(BytesOf(dtype, count));
  }
  return data;
}

int64_t Data::count() const { return CountOf(dims); }

std::string ToString(const Type& type) {
  const std::string element = type.element ? ToString(*type.element) : "unknown";
  switch (type.kind) {
    case Kind::kNone:
    case Kind::kOther:
      return "unknown";
    case Kind::kSequence:
      return "seq(" + element + ")";
    case Kind::kOptional:
      return "optional(" + element + ")";
    case Kind::kMap:
      return "map(" + std::string(NameOf(type.dtype)) + ", " + element + ")";
    case Kind::kTensor:
    case Kind::kSparse:
      break;
  }
  std::string text(NameOf(type.dtype));
  if (!type.has_rank) {
    text += "[...]";
  } else {
    for (size_t i = 0; i < type.dims.size(); ++i) {
      const std::string& symbol = type.symbols[i];
      text += i == 0 ? "[" : ",";
      text += type.dims[i] >= 0 ? std::to_string(type.dims[i]) : symbol.empty() ? "?" : symbol;
    }
    if (!type.dims.empty()) text += "]";
  }
  return type.kind == Kind::kSparse ? "sparse_tensor(" + text + ")" : text;
}

std::string Describe(const Data& data) {
  switch (data.kind) {
    case Kind::kNone:
      return "no value";
    case Kind::kTensor:
      return std::string(NameOf(data.dtype)) + DimsText(data.dims);
    case Kind::kSequence:
      return "a sequence of " + std::to_string(data.elements.size());
    case Kind::kMap:
      return "a map";
    default:
      return "an unknown value";
  }
}

std::string ElementText(const Data& tensor, int64_t i) {
  if (tensor.dtype == DType::kString) return "\"" + tensor.strings[static_cast<size_t>(i)] + "\"";
  const void* data = tensor.bytes.data();
  switch (tensor.dtype) {
    case DType::kFloat:
      return RealText(static_cast<const float*>(data)[i]);
    case DType::kUint64:
      return std::to_string(static_cast<const uint64_t*>(data)[i]);
    case DType::kBool:
      return static_cast<const uint8_t*>(data)[i] ? "true" : "false";
    case DType::kComplex64:
    case DType::kComplex128: {
      const bool wide = tensor.dtype == DType::kComplex128;
      const auto part = [&](int64_t k) {
        return wide ? RealText(static_cast<const double*>(data)[k]) : RealText(static_cast<const float*>(data)[k]);
      };
      return "(" + part(2 * i) + ", " + part(2 * i + 1) + ")";
    }
    default:
      break;
  }
  if (IsInteger(tensor.dtype)) return std::to_string(LoadInt64(tensor.dtype, data, i));
  return RealText(LoadDouble(tensor.dtype, data, i));
}

std::string Preview(const Data& data, int64_t max_elements) {
  if (data.kind == Kind::kSequence || data.kind == Kind::kMap) {
    std::string text = "[";
    for (size_t i = 0; i < data.elements.size() && i < 8; ++i) {
      text += (i ? ", " : "") + Describe(data.elements[i]) + " " + Preview(data.elements[i], max_elements);
    }
    return text + (data.elements.size() > 8 ? ", ...]" : "]");
  }
  if (data.kind != Kind::kTensor) return "-";
  if (data.dims.empty()) return ElementText(data, 0);
  const int64_t count = data.count();
  if (count == 0) return "[]";
  std::string text;
  const size_t rank = data.dims.size();
  const int64_t shown = std::min(count, max_elements);
  // Brackets open and close where an index starts or ends a row of some dimension.
  for (int64_t i = 0; i < shown; ++i) {
    int64_t row = 1;
    size_t starts = 0, ends = 0;
    for (size_t d = rank; d-- > 0;) {
      row *= data.dims[d];
      starts += i % row == 0;
      ends += (i + 1) % row == 0;
    }
    text += (i == 0 ? "" : starts ? ", " : ", ") + std::string(starts, '[') + ElementText(data, i);
    text += std::string(i + 1 < shown || shown == count ? ends : 0, ']');
  }
  return shown < count ? text + ", ..." : text;
}

Data Converted(const Data& tensor, DType dtype) {
  if (tensor.dtype == dtype) return tensor;
  if (tensor.kind != Kind::kTensor || tensor.dtype == DType::kString || dtype == DType::kString ||
      IsComplex(tensor.dtype) || IsComplex(dtype)) {
    throw Error(ErrorCode::kInvalidArgument,
                Describe(tensor) + " cannot be converted to " + std::string(NameOf(dtype)));
  }
  Data out = Data::Tensor(dtype, tensor.dims);
  const int64_t count = tensor.count();
  const bool integers =
      (IsInteger(dtype) || dtype == DType::kBool) && (IsInteger(tensor.dtype) || tensor.dtype == DType::kBool);
  for (int64_t i = 0; i < count; ++i) {
    if (integers) {
      StoreInt64(dtype, out.bytes.data(), i, LoadInt64(tensor.dtype, tensor.bytes.data(), i));
    } else {
      StoreDouble(dtype, out.bytes.data(), i, LoadDouble(tensor.dtype, tensor.bytes.data(), i));
    }
  }
  return out;
}

}  // namespace onda::cli
