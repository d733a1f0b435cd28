// Tensors as ONNX serializes them, turned into plain elements.
#ifndef ONDA_PROTO_TENSOR_DATA_H_
#define ONDA_PROTO_TENSOR_DATA_H_

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/ir/attribute.h"
#include "core/ir/tensor.h"
#include "onda/types.h"
#include "proto/bytes.h"
#include "proto/wire_scan.h"

namespace onda::wire {
class Tensor;
class SparseTensor;
}  // namespace onda::wire

namespace onda::proto {

class ExternalData;

struct TensorLimits {
  uint64_t max_bytes = uint64_t{1} << 40;  // of one tensor, dense
  size_t max_rank = 64;
};

// Reads the tensors of one scanned message.
class TensorReader {
 public:
  // `file` holds the bytes that were scanned, which `pieces` point into. Where it has no owner, data is copied out of
  // it.
  TensorReader(const Bytes& file, std::span<const DataPiece> pieces, ExternalData* external, TensorLimits limits,
               std::stop_token stop)
      : file_(file), pieces_(pieces), external_(external), limits_(limits), stop_(std::move(stop)) {}

  // Strings are moved out of the message.
  TensorPtr Read(wire::Tensor& tensor) const;
  // With indices and values checked against the dimensions, which are all positive.
  SparseTensor ReadSparse(wire::SparseTensor& sparse) const;
  // The dense tensor that a sparse one, as ReadSparse gives it, stands for.
  TensorPtr Densify(const SparseTensor& sparse) const;

 private:
  // What a tensor of this type and shape must hold.
  struct Form {
    const std::string& name;
    DType dtype;
    std::vector<int64_t> dims;
    uint64_t count;
  };

  static int64_t LinearIndex(const SparseTensor& sparse, int64_t i);
  Bytes RawBytes(const wire::Tensor& tensor, const Form& form, const DataPiece* piece) const;
  TensorPtr FromRaw(const wire::Tensor& tensor, const Form& form, const DataPiece* piece) const;
  TensorPtr FromTyped(const wire::Tensor& tensor, const Form& form, const DataPiece* piece) const;

  const Bytes& file_;
  std::span<const DataPiece> pieces_;
  ExternalData* external_;
  TensorLimits limits_;
  std::stop_token stop_;
};

// The element type that a number in a file stands for. Throws where it is none of ONNX's; `what` names its place.
DType CheckedDType(int32_t value, const std::string& what);

}  // namespace onda::proto

#endif  // ONDA_PROTO_TENSOR_DATA_H_
