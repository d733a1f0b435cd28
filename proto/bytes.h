// Runs of bytes that models and their weights lie in.
#ifndef ONDA_PROTO_BYTES_H_
#define ONDA_PROTO_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

namespace onda::proto {

// Read-only bytes and what keeps them alive; a null owner means that the caller does.
struct Bytes {
  std::shared_ptr<const void> owner;
  const std::byte* data = nullptr;
  uint64_t size = 0;

  std::span<const std::byte> span() const { return {data, static_cast<size_t>(size)}; }
  // The part [offset, offset + length), which must lie inside.
  Bytes Part(uint64_t offset, uint64_t length) const { return {owner, data + offset, length}; }
};

// Maps a file. One that cannot be mapped (a pipe, /dev/stdin) is read to its end instead.
Bytes OpenFile(const std::string& path, const std::stop_token& stop);

// Maps an open regular file; `name` is for the message of an error. The descriptor may be closed afterwards.
Bytes MapDescriptor(int descriptor, uint64_t size, const std::string& name);

// Reads a stream to its end, into memory that grows without being copied.
Bytes ReadStream(std::istream& stream, const std::stop_token& stop);

// Throws kCancelled if a stop was requested.
void CheckStop(const std::stop_token& stop);

}  // namespace onda::proto

#endif  // ONDA_PROTO_BYTES_H_
