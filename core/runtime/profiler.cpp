#include "core/runtime/profiler.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>

namespace onda {
namespace {

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", byte);
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

// "float[1,3,224,224] int64[2]"; adds to the bytes.
std::string Types(std::span<const OndaTensorView> views, int64_t& bytes) {
  std::string text;
  for (const OndaTensorView& view : views) {
    if (!view.dtype) continue;
    if (!text.empty()) text += ' ';
    text += NameOf(static_cast<DType>(view.dtype));
    text += '[';
    int64_t count = 1;
    for (int32_t i = 0; i < view.rank; ++i) {
      text += (i ? "," : "") + std::to_string(view.dims[i]);
      count *= view.dims[i];
    }
    text += ']';
    bytes += static_cast<int64_t>(BytesOf(static_cast<DType>(view.dtype), count));
  }
  return text;
}

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.3f", value);
  return text;
}

// A new file of that name, or of the name with a number.
std::string MakeFile(const std::string& prefix) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char date[32];
  std::strftime(date, sizeof(date), "_%Y-%m-%d_%H-%M-%S", &parts);
  for (int i = 0; i < 1000; ++i) {
    const std::string path = prefix + date + (i ? "_" + std::to_string(i) : "") + ".json";
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file >= 0) {
      ::close(file);
      return path;
    }
    if (errno != EEXIST)
      throw Error(ErrorCode::kInvalidArgument, "cannot write the trace '" + path + "': " + std::strerror(errno));
  }
  throw Error(ErrorCode::kInvalidArgument, "cannot find a free name for the trace '" + prefix + "'");
}

}  // namespace

Profiler::Profiler(std::string prefix) : path_(MakeFile(prefix)) {}

void Profiler::Add(std::string_view category, std::string_view name, Clock::time_point begin, std::string arguments) {
  if (!active_) return;
  using Microseconds = std::chrono::duration<double, std::micro>;
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (events_.size() >= kMaxEvents) {
    ++dropped_;
    return;
  }
  const auto [thread, added] = threads_.emplace(std::this_thread::get_id(), static_cast<int>(threads_.size()) + 1);
  events_.push_back({std::string(category), std::string(name), std::move(arguments),
                     Microseconds(begin - start_).count(), Microseconds(now - begin).count(), thread->second});
}

void Profiler::SetProviders(std::vector<std::string> labels) {
  const std::lock_guard lock(mutex_);
  providers_ = std::move(labels);
}

std::string Profiler::ProviderOf(const Node& node) const {
  // Set before the first run.
  const auto index = static_cast<size_t>(node.instance);
  return index < providers_.size() ? providers_[index] : "cpu";
}

void Profiler::AddNode(const Node& node, std::span<const OndaTensorView> inputs,
                       std::span<const OndaTensorView> outputs, double milliseconds) {
  if (!active_) return;
  const auto took =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(milliseconds));
  const bool copy = node.domain == "onda" && node.op_type.starts_with("Memcpy");
  int64_t read = 0, written = 0;
  const std::string in = Types(inputs, read), out = Types(outputs, written);
  Add(copy ? "copy" : "node", node.name.empty() ? node.op_type : node.name, Clock::now() - took,
      "\"op\":" + Quoted(node.op_type) + ",\"domain\":" + Quoted(node.domain.empty() ? "ai.onnx" : node.domain) +
          ",\"provider\":" + Quoted(ProviderOf(node)) + ",\"inputs\":" + Quoted(in) + ",\"outputs\":" + Quoted(out) +
          ",\"read_bytes\":" + std::to_string(read) + ",\"written_bytes\":" + std::to_string(written));
}

NodeObserver Profiler::Observe(const NodeObserver* then) {
  NodeObserver observer;
  observer.after_node = [this, then](const Graph& graph, const Node& node, std::span<const OndaTensorView> inputs,
                                     std::span<const OndaTensorView> outputs, double milliseconds) {
    AddNode(node, inputs, outputs, milliseconds);
    if (then && then->after_node) then->after_node(graph, node, inputs, outputs, milliseconds);
  };
  observer.after_copy = [this](const Node& node, std::span<const OndaTensorView> views, double milliseconds) {
    AddNode(node, views.first(1), views.last(1), milliseconds);
  };
  observer.after_phase = [this](std::string_view category, std::string_view name, Clock::time_point begin) {
    Add(category, name, begin);
  };
  return observer;
}

std::string Profiler::Text() const {
  std::string text = "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"producer\":\"onda\",\"dropped_events\":" +
                     std::to_string(dropped_) + "},\"traceEvents\":[\n";
  text += "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"onda\"}}";
  for (const auto& [id, number] : threads_)
    text += ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":" + std::to_string(number) +
            ",\"name\":\"thread_name\",\"args\":{\"name\":\"thread " + std::to_string(number) + "\"}}";
  for (const Event& e : events_)
    text += ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":" + std::to_string(e.thread) + ",\"ts\":" + Number(e.begin) +
            ",\"dur\":" + Number(e.duration) + ",\"cat\":" + Quoted(e.category) + ",\"name\":" + Quoted(e.name) +
            ",\"args\":{" + e.arguments + "}}";
  return text + "\n]}\n";
}

const std::string& Profiler::Finish() {
  const std::lock_guard lock(mutex_);
  active_ = false;
  if (written_) return path_;
  written_ = true;
  const std::string text = Text();
  events_.clear();
  std::FILE* file = std::fopen(path_.c_str(), "wb");
  const bool complete = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = file && std::fclose(file) == 0;
  if (!complete || !closed) throw Error(ErrorCode::kInvalidArgument, "cannot write the trace '" + path_ + "'");
  return path_;
}

}  // namespace onda
