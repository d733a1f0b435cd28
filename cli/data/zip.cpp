#include "cli/data/zip.h"

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "cli/data/file.h"
#include "onda/types.h"

namespace onda::cli {
namespace {

[[noreturn]] void Reject(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "'" + path + "': " + why);
}

// Little-endian fields of a run of bytes.
class Fields {
 public:
  Fields(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  template <class T>
  T At(uint64_t offset) const {
    T value;
    std::memcpy(&value, Part(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view Part(uint64_t offset, uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) Reject(path_, "the zip archive ends early");
    return bytes_.substr(offset, length);
  }
  uint64_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  const std::string& path_;
};

constexpr uint64_t kMaxBytes = uint64_t{1} << 34;

std::string Inflate(std::string_view packed, uint64_t size, const std::string& path) {
  std::string out(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error(ErrorCode::kOutOfMemory, "cannot start zlib");
  size_t in = 0, done = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    // zlib counts in 32 bits.
    const auto next = static_cast<uInt>(std::min<uint64_t>(packed.size() - in, 1u << 30));
    const auto room = static_cast<uInt>(std::min<uint64_t>(out.size() - done, 1u << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + in));
    stream.avail_in = next;
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = room;
    status = inflate(&stream, Z_NO_FLUSH);
    in += next - stream.avail_in;
    done += room - stream.avail_out;
    if (status == Z_OK && stream.avail_in == next && stream.avail_out == room) break;  // no progress
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || done != out.size()) Reject(path, "a deflated entry of the archive is damaged");
  return out;
}

}  // namespace

std::vector<ZipEntry> ReadZip(const std::string& path) {
  const std::string bytes = ReadFile(path);
  const Fields file(bytes, path);
  const size_t end = bytes.rfind("PK\x05\x06");
  if (end == std::string::npos) Reject(path, "not a zip archive");
  uint64_t count = file.At<uint16_t>(end + 10), directory = file.At<uint32_t>(end + 16);
  if ((count == 0xffff || directory == 0xffffffff) && end >= 20 && file.At<uint32_t>(end - 20) == 0x07064b50) {
    const uint64_t end64 = file.At<uint64_t>(end - 12);
    count = file.At<uint64_t>(end64 + 32);
    directory = file.At<uint64_t>(end64 + 48);
  }
  std::vector<ZipEntry> entries;
  uint64_t total = 0;
  for (uint64_t at = directory; count-- > 0;) {
    if (file.At<uint32_t>(at) != 0x02014b50) Reject(path, "the archive's directory is damaged");
    const uint16_t flags = file.At<uint16_t>(at + 8), method = file.At<uint16_t>(at + 10);
    uint64_t packed = file.At<uint32_t>(at + 20), size = file.At<uint32_t>(at + 24), local = file.At<uint32_t>(at + 42);
    const uint16_t name_length = file.At<uint16_t>(at + 28), extra_length = file.At<uint16_t>(at + 30);
    ZipEntry entry;
    entry.name = file.Part(at + 46, name_length);
    // The zip64 field holds, in this order, those of the sizes and the offset that did not fit.
    const uint64_t extra = at + 46 + name_length;
    for (uint64_t k = 0; k + 4 <= extra_length;) {
      const uint16_t id = file.At<uint16_t>(extra + k), length = file.At<uint16_t>(extra + k + 2);
      uint64_t field = extra + k + 4;
      if (id == 1) {
        for (uint64_t* value : {&size, &packed, &local}) {
          if (*value != 0xffffffff) continue;
          *value = file.At<uint64_t>(field);
          field += 8;
        }
      }
      k += 4u + length;
    }
    at = extra + extra_length + file.At<uint16_t>(at + 32);
    if (flags & 1) Reject(path, "the archive is encrypted");
    if (size > kMaxBytes || (total += size) > kMaxBytes) Reject(path, "the archive expands to too many bytes");
    const uint64_t data = local + 30 + file.At<uint16_t>(local + 26) + file.At<uint16_t>(local + 28);
    const std::string_view stored = file.Part(data, packed);
    // No method packs better than about a thousand to one.
    if (method == 8 && size / 1100 > packed) Reject(path, "a deflated entry of the archive is damaged");
    if (method != 0 && method != 8) Reject(path, "the archive uses an unknown method of compression");
    entry.bytes = method == 8 ? Inflate(stored, size, path) : std::string(stored);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace onda::cli
