// A value in host memory, as files hold it and commands compare and show it.
#ifndef ONDA_CLI_DATA_DATA_H_
#define ONDA_CLI_DATA_DATA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onda/types.h"

namespace onda::cli {

enum class Kind { kNone, kTensor, kSequence, kOptional, kMap, kSparse, kOther };

// Of an input or output, as the model declares it.
struct Type {
  Kind kind = Kind::kNone;
  DType dtype = DType::kUndefined;      // tensors; maps: of the keys
  bool has_rank = false;                // tensors
  std::vector<int64_t> dims;            // -1 where unknown
  std::vector<std::string> symbols;     // names of unknown dimensions, "" where they have none
  std::shared_ptr<const Type> element;  // sequences, optionals; maps: of the values
};

// "float[N,3]", "seq(int64)".
std::string ToString(const Type& type);

struct Data {
  Kind kind = Kind::kNone;  // kNone: an optional without a value
  DType dtype = DType::kUndefined;
  std::vector<int64_t> dims;
  std::vector<std::byte> bytes;      // row-major, types below 8 bits packed
  std::vector<std::string> strings;  // instead of bytes
  std::vector<Data> elements;        // sequences; maps: the keys, then the values

  static Data Tensor(DType dtype, std::vector<int64_t> dims);
  int64_t count() const;
};

// "float[2,3]".
std::string Describe(const Data& data);
// Element i as text.
std::string ElementText(const Data& tensor, int64_t i);
// The first elements, nested like the dimensions; "..." for the others.
std::string Preview(const Data& data, int64_t max_elements);

// The same numbers in another type: exact, or rounded once. Throws kInvalidArgument for strings and complex types.
Data Converted(const Data& tensor, DType dtype);

// Product, with an Error where it overflows or a dimension is negative.
int64_t CountOf(const std::vector<int64_t>& dims);
size_t BytesOf(DType dtype, int64_t count);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_DATA_H_
