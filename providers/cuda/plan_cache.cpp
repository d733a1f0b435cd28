#include "providers/cuda/plan_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "onda/types.h"

namespace onda::cuda {
namespace {

// A file: kMagic; u32 version; u32 count; count entries of {u32 key bytes, u32 blob bytes, u32 timed, f32 microseconds,
// key, blob}; u64 checksum of all before it. Little-endian, as the machines are that it is for.
constexpr char kMagic[8] = {'O', 'N', 'D', 'A', 'P', 'L', 'A', 'N'};
constexpr uint32_t kVersion = 1;
constexpr size_t kMostKeyBytes = 4096, kMostBlobBytes = size_t{4} << 20, kMostFileBytes = size_t{512} << 20;
constexpr uint32_t kMostPlans = 65536;
constexpr auto kSaveEvery = std::chrono::seconds(5), kLockPatience = std::chrono::seconds(2);

// FNV-1a.
uint64_t Checksum(const char* data, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ static_cast<unsigned char>(data[i])) * 0x100000001b3u;
  return hash;
}

[[noreturn]] void Damaged(const std::string& how) { throw Error(ErrorCode::kInvalidArgument, how); }

template <class T>
void Append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

class Reader {
 public:
  Reader(const char* data, size_t size) : data_(data), left_(size) {}
  template <class T>
  T Take() {
    T value;
    std::memcpy(&value, Bytes(sizeof(T)), sizeof(T));
    return value;
  }
  std::string Text(size_t size) { return {Bytes(size), size}; }
  size_t left() const { return left_; }

 private:
  const char* Bytes(size_t size) {
    if (size > left_) Damaged("it ends in the middle of a plan");
    left_ -= size;
    return std::exchange(data_, data_ + size);
  }
  const char* data_;
  size_t left_;
};

// A file descriptor that is closed.
struct File {
  explicit File(int d) : descriptor(d) {}
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor;
};

std::string Reason() { return std::generic_category().message(errno); }

}  // namespace

PlanCache::PlanCache(std::string path, Warn warn) : path_(std::move(path)), warn_(std::move(warn)) {}

void PlanCache::Complain(const std::string& what) {
  if (!std::exchange(complained_, true) && warn_) warn_("the cache of plans " + path_ + " " + what);
}

std::optional<StoredPlan> PlanCache::Find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  LoadOnce();
  const auto found = plans_.find(key);
  if (found == plans_.end()) return {};
  return found->second;
}

void PlanCache::Put(const std::string& key, StoredPlan plan) {
  {
    const std::lock_guard lock(mutex_);
    LoadOnce();
    const bool storable = key.size() <= kMostKeyBytes && plan.blob.size() <= kMostBlobBytes;
    if (!storable || (plans_.size() >= kMostPlans && !plans_.contains(key))) return;
    plans_[key] = std::move(plan);
    unsaved_ = true;
    if (std::chrono::steady_clock::now() - saved_ < kSaveEvery) return;
  }
  Save();
}

void PlanCache::LoadOnce() {
  if (!std::exchange(loaded_, true)) plans_ = ReadFile();
}

PlanCache::Plans PlanCache::ReadFile() {
  if (path_.empty()) return {};
  try {
    const File file(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.descriptor < 0) {
      if (errno != ENOENT && errno != ENOTDIR) Complain("cannot be read: " + Reason());
      return {};
    }
    struct stat info;
    if (fstat(file.descriptor, &info) != 0 || !S_ISREG(info.st_mode)) Damaged("is not a file");
    if (static_cast<uint64_t>(info.st_size) > kMostFileBytes) Damaged("is too large");
    std::string bytes(static_cast<size_t>(info.st_size), '\0');
    size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t got = read(file.descriptor, bytes.data() + have, bytes.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    bytes.resize(have);
    return Parse(bytes);
  } catch (const std::exception& e) {
    Complain(std::string("is not used: ") + e.what());
    return {};
  }
}

PlanCache::Plans PlanCache::Parse(const std::string& bytes) {
  constexpr size_t kHead = sizeof(kMagic) + 2 * sizeof(uint32_t), kTail = sizeof(uint64_t);
  if (bytes.size() < kHead + kTail || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0)
    Damaged("it is no cache of plans");
  Reader reader(bytes.data() + sizeof(kMagic), bytes.size() - sizeof(kMagic) - kTail);
  if (const auto version = reader.Take<uint32_t>(); version != kVersion)
    Damaged("it is of version " + std::to_string(version) + ", not " + std::to_string(kVersion));
  uint64_t checksum;
  std::memcpy(&checksum, bytes.data() + bytes.size() - kTail, kTail);
  if (checksum != Checksum(bytes.data(), bytes.size() - kTail)) Damaged("its checksum is wrong");
  const auto count = reader.Take<uint32_t>();
  if (count > kMostPlans) Damaged("it has too many plans");
  Plans plans;
  for (uint32_t i = 0; i < count; ++i) {
    const auto key_bytes = reader.Take<uint32_t>(), blob_bytes = reader.Take<uint32_t>();
    if (key_bytes > kMostKeyBytes || blob_bytes > kMostBlobBytes) Damaged("it has a plan of impossible size");
    StoredPlan plan;
    plan.timed = reader.Take<uint32_t>() != 0;
    plan.microseconds = reader.Take<float>();
    std::string key = reader.Text(key_bytes);
    plan.blob = reader.Text(blob_bytes);
    plans[std::move(key)] = std::move(plan);
  }
  if (reader.left() != 0) Damaged("it goes on after its plans");
  return plans;
}

std::string PlanCache::Format(const Plans& plans) {
  std::string bytes(kMagic, sizeof(kMagic));
  Append(bytes, kVersion);
  Append(bytes, static_cast<uint32_t>(plans.size()));
  for (const auto& [key, plan] : plans) {
    Append(bytes, static_cast<uint32_t>(key.size()));
    Append(bytes, static_cast<uint32_t>(plan.blob.size()));
    Append(bytes, static_cast<uint32_t>(plan.timed));
    Append(bytes, plan.microseconds);
    bytes += key;
    bytes += plan.blob;
  }
  Append(bytes, Checksum(bytes.data(), bytes.size()));
  return bytes;
}

void PlanCache::Save() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(unsaved_, false)) return;
  saved_ = std::chrono::steady_clock::now();
  if (path_.empty()) return;
  try {
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
    // The lock is a file of its own, which is never replaced.
    const File guard(open((path_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (guard.descriptor < 0) return Complain("cannot be written: " + Reason());
    while (flock(guard.descriptor, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return Complain("cannot be locked: " + Reason());
      if (std::chrono::steady_clock::now() - saved_ > kLockPatience) {
        unsaved_ = true;
        return Complain("is locked by another process");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    Plans merged = ReadFile();
    for (const auto& [key, plan] : plans_) {
      const auto other = merged.find(key);
      if (other == merged.end() ? merged.size() < kMostPlans : plan.timed || !other->second.timed) merged[key] = plan;
    }
    const std::string bytes = Format(merged);
    if (bytes.size() > kMostFileBytes) return Complain("would be too large");
    if (WriteFile(bytes)) plans_ = std::move(merged);
  } catch (const std::exception& e) {
    Complain(std::string("cannot be written: ") + e.what());
  }
}

bool PlanCache::WriteFile(const std::string& bytes) {
  const std::string temporary = path_ + "." + std::to_string(getpid()) + ".tmp";
  bool good = false;
  {
    const File file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    size_t done = 0;
    while (file.descriptor >= 0 && done < bytes.size()) {
      const ssize_t put = write(file.descriptor, bytes.data() + done, bytes.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) break;
      done += static_cast<size_t>(put);
    }
    good = file.descriptor >= 0 && done == bytes.size() && fsync(file.descriptor) == 0;
  }
  good = good && rename(temporary.c_str(), path_.c_str()) == 0;
  if (!good) {
    Complain("cannot be written: " + Reason());
    unlink(temporary.c_str());
  }
  return good;
}

std::string DefaultPlanCache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return std::string(cache) + "/onda/plans";
  const char* home = std::getenv("HOME");
  return home && *home == '/' ? std::string(home) + "/.cache/onda/plans" : "";
}

}  // namespace onda::cuda
