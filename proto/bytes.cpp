#include "proto/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <istream>
#include <system_error>
#include <utility>

#include "onda/types.h"

namespace onda::proto {
namespace {

constexpr uint64_t kReadChunk = uint64_t{4} << 20;

std::string ErrnoText(int error) { return std::generic_category().message(error); }

[[noreturn]] void RejectFile(const std::string& path, int error) {
  throw Error(error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
              "cannot open '" + path + "': " + ErrnoText(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Anonymous pages that grow by being remapped, so that reading n bytes never takes 2n.
class GrowingRegion {
 public:
  GrowingRegion() = default;
  GrowingRegion(const GrowingRegion&) = delete;
  GrowingRegion& operator=(const GrowingRegion&) = delete;
  ~GrowingRegion() {
    if (base_) munmap(base_, capacity_);
  }

  // Room for at least kReadChunk more bytes behind the `size` already there.
  std::byte* Reserve(uint64_t size) {
    if (capacity_ - size < kReadChunk) {
      const uint64_t wanted = std::max(capacity_ * 2, kReadChunk * 2);
      void* grown = base_ ? mremap(base_, capacity_, wanted, MREMAP_MAYMOVE)
                          : mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (grown == MAP_FAILED) throw Error(ErrorCode::kOutOfMemory, "out of memory while reading a model");
      base_ = grown;
      capacity_ = wanted;
    }
    return static_cast<std::byte*>(base_) + size;
  }

  // Gives the bytes away. Pages behind them were never touched and take no memory.
  Bytes Release(uint64_t size) {
    void* base = base_;
    const uint64_t capacity = capacity_;
    std::shared_ptr<const void> owner(base, [capacity](const void* p) { munmap(const_cast<void*>(p), capacity); });
    base_ = nullptr;
    return {std::move(owner), static_cast<const std::byte*>(base), size};
  }

 private:
  void* base_ = nullptr;
  uint64_t capacity_ = 0;
};

Bytes ReadDescriptor(int fd, const std::string& path, const std::stop_token& stop) {
  GrowingRegion region;
  uint64_t size = 0;
  while (true) {
    CheckStop(stop);
    const ssize_t got = read(fd, region.Reserve(size), kReadChunk);
    if (got == 0) return region.Release(size);
    if (got > 0) {
      size += static_cast<uint64_t>(got);
    } else if (errno != EINTR) {
      throw Error(ErrorCode::kInvalidArgument, "cannot read '" + path + "': " + ErrnoText(errno));
    }
  }
}

}  // namespace

void CheckStop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "loading was cancelled");
}

Bytes MapDescriptor(int descriptor, uint64_t size, const std::string& name) {
  if (size == 0) return {};
  void* base = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (base == MAP_FAILED) {
    throw Error(ErrorCode::kOutOfMemory, "cannot map '" + name + "' into memory: " + ErrnoText(errno));
  }
  return {std::shared_ptr<const void>(base, [size](const void* p) { munmap(const_cast<void*>(p), size); }),
          static_cast<const std::byte*>(base), size};
}

Bytes OpenFile(const std::string& path, const std::stop_token& stop) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) RejectFile(path, errno);
  struct stat info;
  if (fstat(file.get(), &info) != 0) RejectFile(path, errno);
  if (S_ISDIR(info.st_mode)) RejectFile(path, EISDIR);
  if (S_ISREG(info.st_mode)) return MapDescriptor(file.get(), static_cast<uint64_t>(info.st_size), path);
  if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || isatty(file.get())) {
    return ReadDescriptor(file.get(), path, stop);
  }
  throw Error(ErrorCode::kInvalidArgument, "cannot open '" + path + "': it is a device, not a file");
}

Bytes ReadStream(std::istream& stream, const std::stop_token& stop) {
  GrowingRegion region;
  uint64_t size = 0;
  while (stream.good()) {
    CheckStop(stop);
    stream.read(reinterpret_cast<char*>(region.Reserve(size)), static_cast<std::streamsize>(kReadChunk));
    size += static_cast<uint64_t>(stream.gcount());
  }
  if (stream.bad() || !stream.eof()) throw Error(ErrorCode::kInvalidArgument, "the stream of the model cannot be read");
  return region.Release(size);
}

}  // namespace onda::proto
