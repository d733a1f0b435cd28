#include "proto/external_data.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "onda/types.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

[[noreturn]] void RejectExternal(std::string_view tensor, const std::string& location, const std::string& why,
                                 ErrorCode code = ErrorCode::kInvalidModel) {
  throw Error(code, "tensor " + Quoted(tensor) + ": external data " + Quoted(location) + " " + why);
}

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// The components of a relative path below the folder.
std::vector<std::string> SplitLocation(const std::string& location, std::string_view tensor) {
  if (location.empty()) RejectExternal(tensor, location, "has an empty location");
  if (location.front() == '/')
    RejectExternal(tensor, location, "is an absolute path; it must lie in the model's folder");
  if (location.find('\0') != std::string::npos) RejectExternal(tensor, location, "has a zero byte in its location");
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= location.size();) {
    const size_t end = std::min(location.find('/', begin), location.size());
    std::string part = location.substr(begin, end - begin);
    if (part == "..") RejectExternal(tensor, location, "leaves the model's folder through '..'");
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    begin = end + 1;
  }
  if (parts.empty() || location.back() == '/') RejectExternal(tensor, location, "names a folder, not a file");
  return parts;
}

}  // namespace

ExternalData::ExternalData(std::optional<std::string> folder, std::map<std::string, Bytes> given)
    : folder_(std::move(folder)), files_(std::move(given)) {}

const Bytes& ExternalData::Open(const std::string& location, std::string_view tensor) {
  if (auto found = files_.find(location); found != files_.end()) return found->second;
  if (!folder_) {
    RejectExternal(tensor, location, "was not given; a model from memory takes its external data from memory too",
                   ErrorCode::kNotFound);
  }
  const std::vector<std::string> parts = SplitLocation(location, tensor);
  const auto reject_errno = [&](int error) {
    if (error == ELOOP) RejectExternal(tensor, location, "is reached through a symbolic link, which is refused");
    RejectExternal(tensor, location, "cannot be opened: " + std::generic_category().message(error),
                   error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidModel);
  };

  Descriptor at(open(folder_->empty() ? "." : folder_->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) reject_errno(errno);
  for (const std::string& part : parts) {
    // Nothing is opened before its kind is known: opening a device or a pipe can already do something.
    struct stat before;
    if (fstatat(at.get(), part.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0) reject_errno(errno);
    if (S_ISLNK(before.st_mode)) reject_errno(ELOOP);
    const bool last = &part == &parts.back();
    if (last && !S_ISREG(before.st_mode)) RejectExternal(tensor, location, "is not a plain file");
    const int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
    Descriptor next(openat(at.get(), part.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) reject_errno(errno);
    at = std::move(next);
  }
  struct stat info;
  if (fstat(at.get(), &info) != 0) reject_errno(errno);
  if (!S_ISREG(info.st_mode)) RejectExternal(tensor, location, "is not a plain file");
  if (info.st_nlink > 1) {
    RejectExternal(tensor, location, "has several hard links, which is refused: its contents may belong elsewhere");
  }
  Bytes mapped = MapDescriptor(at.get(), static_cast<uint64_t>(info.st_size), location);
  mapped_bytes_ += mapped.size;
  return files_.emplace(location, std::move(mapped)).first->second;
}

Bytes ExternalData::Find(const ExternalLocation& where, uint64_t size, std::string_view tensor) {
  const Bytes& file = Open(where.location, tensor);
  if (where.length && *where.length != size) {
    RejectExternal(tensor, where.location,
                   "has length " + std::to_string(*where.length) + ", but the tensor's type and shape need " +
                       std::to_string(size) + " bytes");
  }
  if (where.offset > file.size || size > file.size - where.offset) {
    RejectExternal(tensor, where.location,
                   "ends too early: offset " + std::to_string(where.offset) + " and " + std::to_string(size) +
                       " bytes do not fit in its " + std::to_string(file.size) + " bytes");
  }
  return file.Part(where.offset, size);
}

}  // namespace onda::proto
