#include "core/text/note.h"

#include <charconv>
#include <optional>
#include <utility>

namespace onda::text {
namespace {

void AppendQuoted(std::string& out, std::string_view value) {
  constexpr char kHex[] = "0123456789abcdef";
  out += " \"";
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32 || byte == 127) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

class NoteLine {
 public:
  explicit NoteLine(std::string_view line) : rest_(line) {}

  std::string_view Word() {
    SkipBlanks();
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \""));
    rest_.remove_prefix(word.size());
    return word;
  }

  std::optional<std::string> Quoted() {
    SkipBlanks();
    if (rest_.empty() || rest_[0] != '"') return {};
    std::string value;
    size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] != '\\') {
        value += rest_[i];
        continue;
      }
      ++i;
      unsigned byte = 0;
      if (i + 2 < rest_.size() && rest_[i] == 'x' &&
          std::from_chars(&rest_[i + 1], &rest_[i + 1] + 2, byte, 16).ec == std::errc()) {
        value += static_cast<char>(byte);
        i += 2;
      } else if (i < rest_.size()) {
        value += rest_[i];
      }
    }
    if (i >= rest_.size()) return {};
    rest_.remove_prefix(i + 1);
    return value;
  }

 private:
  void SkipBlanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\r')) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace

std::string FormatNote(const Note& note) {
  std::string out = "#@ " + note.subject;
  if (!note.name.empty()) AppendQuoted(out, note.name);
  const auto field = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    out += std::string(" ") + key;
    AppendQuoted(out, value);
  };
  field("doc_string", note.doc);
  field("denotation", note.denotation);
  field("device_configuration", note.device_configuration);
  for (const auto& [key, value] : note.metadata) {
    out += " metadata";
    AppendQuoted(out, key);
    AppendQuoted(out, value);
  }
  return out;
}

Note ParseNote(std::string_view line) {
  Note note;
  NoteLine in(line);
  note.subject = in.Word();
  if (note.subject == "value" || note.subject == "attribute") {
    std::optional<std::string> name = in.Quoted();
    if (!name) return {};
    note.name = std::move(*name);
  }
  while (true) {
    const std::string_view key = in.Word();
    if (key.empty()) return note;
    std::optional<std::string> value = in.Quoted();
    if (!value) return {};
    if (key == "doc_string") {
      note.doc = std::move(*value);
    } else if (key == "denotation") {
      note.denotation = std::move(*value);
    } else if (key == "device_configuration") {
      note.device_configuration = std::move(*value);
    } else if (key == "metadata") {
      std::optional<std::string> second = in.Quoted();
      if (!second) return {};
      note.metadata.emplace_back(std::move(*value), std::move(*second));
    } else {
      return {};
    }
  }
}

}  // namespace onda::text
