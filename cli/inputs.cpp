#include "cli/inputs.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "cli/data/npy.h"
#include "cli/data/random.h"
#include "onda/types.h"

namespace onda::cli {
namespace {

[[noreturn]] void Reject(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, why); }

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

const Port* FindInput(const Engine& engine, const std::string& name) {
  for (const Port& port : engine.inputs())
    if (port.name == name) return &port;
  return nullptr;
}

std::string NamesOfInputs(const Engine& engine) {
  std::string text;
  for (const Port& port : engine.inputs()) text += (text.empty() ? "" : ", ") + port.name;
  return text.empty() ? "none" : text;
}

// NumPy has no names for some of ONNX's types: an array of a wider type stands for them.
Data Adapted(Data data, const Type& type) {
  const bool no_numpy_name = type.kind == Kind::kTensor && BitsOf(type.dtype) <= 16 && type.dtype != DType::kFloat16 &&
                             type.dtype != DType::kBool && (!IsInteger(type.dtype) || BitsOf(type.dtype) < 8) &&
                             type.dtype != DType::kString;
  const bool wider = data.dtype == DType::kFloat || data.dtype == DType::kDouble || data.dtype == DType::kInt8 ||
                     data.dtype == DType::kUint8;
  if (no_numpy_name && wider) return Converted(data, type.dtype);
  return data;
}

class Reader {
 public:
  Reader(const Engine& engine, const InputOptions& options, std::vector<std::string>* notes)
      : engine_(engine), options_(options), notes_(notes) {}

  void Add(const std::string& argument) {
    // A name may contain '=': the longest one that is an input's counts.
    size_t at = argument.find('=');
    for (size_t next = at; next != std::string::npos; next = argument.find('=', next + 1))
      if (FindInput(engine_, argument.substr(0, next))) at = next;
    std::string name = at == std::string::npos ? "" : argument.substr(0, at);
    const std::string file = at == std::string::npos ? argument : argument.substr(at + 1);
    const std::string extension = Lower(file.substr(std::min(file.rfind('.'), file.size())));
    if (name.empty() && extension == ".npz") {
      for (auto& [key, data] : ReadNpz(file)) AddData(key, std::move(data));
      return;
    }
    if (name.empty()) {
      if (engine_.inputs().size() != 1) {
        Reject("'" + argument + "' does not say which input it is for; write NAME=FILE, where NAME is one of: " +
               NamesOfInputs(engine_));
      }
      name = engine_.inputs().front().name;
    }
    const Port* port = FindInput(engine_, name);
    if (!port) Reject("the model has no input '" + name + "'; its inputs are: " + NamesOfInputs(engine_));
    AddData(name, ReadOne(*port, file, extension));
  }

  void AddDataSet(const std::string& folder) {
    for (size_t i = 0; i < engine_.inputs().size(); ++i) {
      const std::string file = folder + "/input_" + std::to_string(i) + ".pb";
      if (!std::filesystem::exists(file)) {
        if (i == 0) throw Error(ErrorCode::kNotFound, "no input_0.pb in '" + folder + "'");
        return;
      }
      Data data = ReadProtoFile(file, engine_.inputs()[i]);
      if (data.kind != Kind::kNone) feeds_.emplace_back(engine_.inputs()[i].name, std::move(data));
    }
  }

  Feeds Take() { return std::move(feeds_); }
  bool Has(const std::string& name) const {
    return std::any_of(feeds_.begin(), feeds_.end(), [&](const auto& feed) { return feed.first == name; });
  }

 private:
  Data ReadOne(const Port& port, const std::string& file, const std::string& extension) {
    if (extension == ".npy") return ReadNpy(file);
    if (extension == ".pb") return ReadProtoFile(file, port);
    if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") {
      bool resized = false;
      Data picture = ReadPicture(file, port.type, options_.picture, &resized);
      if (resized) notes_->push_back("'" + file + "' was resized to fit " + Describe(picture));
      return picture;
    }
    if (extension == ".npz") {
      std::vector<std::pair<std::string, Data>> arrays = ReadNpz(file);
      for (auto& [name, data] : arrays)
        if (name == port.name || arrays.size() == 1) return std::move(data);
      Reject("'" + file + "' has no array '" + port.name + "'");
    }
    Reject("'" + file + "' is of no kind that can be read as an input (.npy, .npz, .pb, .png, .jpg)");
  }

  void AddData(const std::string& name, Data data) {
    const Port* port = FindInput(engine_, name);
    if (!port) Reject("the model has no input '" + name + "'; its inputs are: " + NamesOfInputs(engine_));
    if (Has(name)) Reject("input '" + name + "' is given twice");
    feeds_.emplace_back(name, Adapted(std::move(data), port->type));
  }

  const Engine& engine_;
  const InputOptions& options_;
  std::vector<std::string>* notes_;
  Feeds feeds_;
};

}  // namespace

std::map<std::string, int64_t> ParseDimensions(const std::vector<std::string>& dimensions) {
  std::map<std::string, int64_t> sizes;
  for (const std::string& text : dimensions) {
    const size_t at = text.rfind('=');
    int64_t size = -1;
    if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), size);
    if (size < 0 || at == 0) Reject("'" + text + "' is not NAME=SIZE");
    if (!sizes.emplace(text.substr(0, at), size).second)
      Reject("dimension '" + text.substr(0, at) + "' is given twice");
  }
  return sizes;
}

Feeds ReadInputs(const Engine& engine, const InputOptions& options, std::vector<std::string>* notes) {
  Reader reader(engine, options, notes);
  if (!options.data_set.empty()) reader.AddDataSet(options.data_set);
  for (const std::string& file : options.files) reader.Add(file);
  std::vector<const Port*> missing;
  for (const Port& port : engine.inputs())
    if (!port.has_default && !reader.Has(port.name) && port.type.kind != Kind::kOptional) missing.push_back(&port);
  Feeds feeds = reader.Take();
  if (missing.empty()) return feeds;
  if (!options.random && (!options.files.empty() || !options.data_set.empty())) {
    Reject("input '" + missing.front()->name + "' (" + ToString(missing.front()->type) +
           ") is not given; --random fills what is missing");
  }
  std::mt19937_64 generator(options.seed);
  for (const Port* port : missing) {
    Data data = RandomValue(port->type, generator);
    notes->push_back("input '" + port->name + "' is random " + Describe(data));
    feeds.emplace_back(port->name, std::move(data));
  }
  return feeds;
}

}  // namespace onda::cli
