// A walk over a serialized model that keeps its weights out of protobuf's own buffers.
#ifndef ONDA_PROTO_WIRE_SCAN_H_
#define ONDA_PROTO_WIRE_SCAN_H_

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace onda::proto {

// The data field of one tensor, as it lies in the scanned bytes: the value of raw_data, or a packed run of numbers.
struct DataPiece {
  int field = 0;  // number of the field in Tensor
  std::span<const std::byte> data;
};

struct ScannedModel {
  // The message without the pieces. A tensor that lost its data has segment.begin, an index into `pieces`, instead.
  std::string message;
  std::vector<DataPiece> pieces;
};

// The messages that a scan can start at.
enum class WireMessage { kModel, kGraph, kTensor, kSparseTensor, kSequence, kMap, kOptional };

struct ScanOptions {
  // Data fields of fewer bytes stay in the message.
  uint64_t min_piece = 1024;
  // Graphs inside graphs, and sequences inside sequences, beyond this are refused.
  int max_nesting = 64;
  // So many nodes, attributes (of the whole, and of one node), and parts that take memory of their own: names, strings,
  // dimensions, entries.
  uint64_t max_nodes = 400'000;
  uint64_t max_attributes = 1'600'000;
  uint64_t max_attributes_of_node = 1'000;
  uint64_t max_parts = 4'000'000;
  std::stop_token stop;
};

// Checks the wire format as deep as tensors lie, with the place and offset of what is wrong, and refuses segments. What
// is too much throws kResourceLimit before memory is taken for it.
ScannedModel ScanWire(WireMessage kind, std::span<const std::byte> bytes, const ScanOptions& options);

// How deep protobuf must be able to recurse to parse a message that ScanWire let through.
int ProtobufRecursionLimit(int max_nesting);

}  // namespace onda::proto

#endif  // ONDA_PROTO_WIRE_SCAN_H_
