#include "cli/data/random.h"

#include "onda/float_formats.h"

namespace onda::cli {
namespace {

// In [0, 1), from the high bits. Not a standard distribution, whose values differ from library to library.
double Uniform(std::mt19937_64& generator) { return static_cast<double>(generator() >> 11) * 0x1p-53; }

}  // namespace

Data RandomValue(const Type& type, std::mt19937_64& generator) {
  switch (type.kind) {
    case Kind::kTensor:
      break;
    case Kind::kSequence: {
      Data sequence;
      sequence.kind = Kind::kSequence;
      for (int i = 0; i < 2 && type.element; ++i) sequence.elements.push_back(RandomValue(*type.element, generator));
      return sequence;
    }
    case Kind::kOptional:
      if (type.element) return RandomValue(*type.element, generator);
      [[fallthrough]];
    default:
      throw Error(ErrorCode::kInvalidArgument, "no random value can be made for the type " + ToString(type));
  }
  std::vector<int64_t> dims = type.dims;
  for (int64_t& dim : dims)
    if (dim < 0) dim = 1;
  Data data = Data::Tensor(type.dtype, std::move(dims));
  const int64_t count = data.count();
  if (type.dtype == DType::kString) {
    for (std::string& text : data.strings) text = static_cast<char>('a' + generator() % 10);
    return data;
  }
  const bool integer = IsInteger(type.dtype) || type.dtype == DType::kBool;
  const int bits = BitsOf(type.dtype);
  const int64_t limit = type.dtype == DType::kBool ? 2 : bits == 2 ? 2 : bits == 4 ? 8 : 10;
  if (IsComplex(type.dtype)) {
    for (int64_t i = 0; i < 2 * count; ++i) {
      const DType part = type.dtype == DType::kComplex64 ? DType::kFloat : DType::kDouble;
      StoreDouble(part, data.bytes.data(), i, Uniform(generator));
    }
    return data;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (integer) {
      const auto value = static_cast<int64_t>(generator() % static_cast<uint64_t>(limit));
      StoreInt64(type.dtype, data.bytes.data(), i, value);
    } else {
      StoreDouble(type.dtype, data.bytes.data(), i, Uniform(generator));
    }
  }
  return data;
}

}  // namespace onda::cli
