#include "cli/run.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/data/npy.h"
#include "cli/exit_code.h"
#include "cli/model_file.h"
#include "onda/float_formats.h"

namespace onda::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Elements in row-major order. JSON has no words for NaN and infinity: they are strings.
json Elements(const Data& tensor) {
  json list = json::array();
  const int64_t count = tensor.count();
  for (int64_t i = 0; i < count; ++i) {
    if (tensor.dtype == DType::kString) {
      list.push_back(tensor.strings[static_cast<size_t>(i)]);
    } else if (tensor.dtype == DType::kUint64) {
      list.push_back(reinterpret_cast<const uint64_t*>(tensor.bytes.data())[i]);
    } else if (tensor.dtype == DType::kBool) {
      list.push_back(LoadInt64(tensor.dtype, tensor.bytes.data(), i) != 0);
    } else if (IsInteger(tensor.dtype)) {
      list.push_back(LoadInt64(tensor.dtype, tensor.bytes.data(), i));
    } else if (IsComplex(tensor.dtype)) {
      list.push_back(ElementText(tensor, i));
    } else {
      const double value = LoadDouble(tensor.dtype, tensor.bytes.data(), i);
      list.push_back(std::isfinite(value) ? json(value) : json(ElementText(tensor, i)));
    }
  }
  return list;
}

json ToJson(const Data& data) {
  if (data.kind == Kind::kTensor) {
    return {{"dtype", NameOf(data.dtype)}, {"shape", data.dims}, {"data", Elements(data)}};
  }
  if (data.kind == Kind::kNone) return nullptr;
  json elements = json::array();
  for (const Data& element : data.elements) elements.push_back(ToJson(element));
  return {{data.kind == Kind::kMap ? "map" : "sequence", elements}};
}

// A name of an output as that of a file.
std::string FileName(const std::string& name) {
  std::string file = name;
  for (char& c : file) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!plain) c = '_';
  }
  if (file.empty() || file[0] == '.') file.insert(0, "_");
  return file;
}

void Store(const std::string& folder, const std::string& name, const Data& data, const std::string& format,
           std::vector<std::string>* files) {
  const std::string stem = (std::filesystem::path(folder) / FileName(name)).string();
  if (format == "pb") {
    files->push_back(stem + ".pb");
    WriteProtoFile(files->back(), name, data);
    return;
  }
  if (data.kind == Kind::kTensor) {
    files->push_back(stem + ".npy");
    WriteNpy(files->back(), data);
    return;
  }
  // The elements of a sequence or map, one by one.
  for (size_t i = 0; i < data.elements.size(); ++i) {
    Store(folder, name + "." + std::to_string(i), data.elements[i], format, files);
  }
}

}  // namespace

int Run(const RunOptions& options) {
  const Clock::time_point begin = Clock::now();
  EngineOptions engine_options = options.engine;
  engine_options.dimensions = ParseDimensions(options.inputs.dimensions);
  const Engine engine(LoadModel(options.model), engine_options);
  const double load_ms = Milliseconds(begin);
  std::vector<std::string> notes;
  const Feeds feeds = ReadInputs(engine, options.inputs, &notes);
  for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());
  const Clock::time_point run_begin = Clock::now();
  const std::vector<Data> results = engine.Run(feeds, options.outputs, options.timeout);
  const double run_ms = Milliseconds(run_begin);

  std::vector<std::string> names = options.outputs;
  if (names.empty())
    for (const Port& port : engine.outputs()) names.push_back(port.name);
  json report = {{"load_ms", load_ms}, {"run_ms", run_ms}, {"outputs", json::array()}};
  if (!options.output_dir.empty()) std::filesystem::create_directories(options.output_dir);
  for (size_t i = 0; i < results.size(); ++i) {
    json entry = {{"name", names[i]}};
    if (!options.output_dir.empty()) {
      std::vector<std::string> files;
      Store(options.output_dir, names[i], results[i], options.format, &files);
      entry["files"] = files;
      if (!options.json) {
        for (const std::string& file : files) std::printf("%s: %s\n", file.c_str(), Describe(results[i]).c_str());
      }
    } else if (options.json) {
      entry["value"] = ToJson(results[i]);
    } else {
      std::printf("%s: %s\n  %s\n", names[i].c_str(), Describe(results[i]).c_str(),
                  Preview(results[i], options.max_elements).c_str());
    }
    report["outputs"].push_back(std::move(entry));
  }
  if (options.json) {
    std::printf("%s\n", report.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "loaded in %.1f ms, ran in %.2f ms\n", load_ms, run_ms);
  }
  return kExitOk;
}

}  // namespace onda::cli
