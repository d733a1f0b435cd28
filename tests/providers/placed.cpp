#include "tests/providers/placed.h"

#include <cstring>

#include "tests/providers/late_device.h"

namespace onda {
namespace {

void NoteRead(const RuntimeValue& value, const std::string& what) {
  if (value.elements) {
    for (const RuntimeValue& e : *value.elements) NoteRead(e, what);
  } else if (value.is_tensor() && value.dtype != DType::kString) {
    NoteHostRead(value.data, value.bytes(), what);
  }
}

}  // namespace

std::shared_ptr<const ProviderInstance> Late(uint64_t seed, int share, const std::string& label,
                                             const std::vector<std::pair<std::string, std::string>>& options,
                                             const OndaProviderDef* provider) {
  std::vector<std::pair<std::string, std::string>> all{{"seed", std::to_string(seed % INT64_MAX)},
                                                       {"share", std::to_string(share)}};
  all.insert(all.end(), options.begin(), options.end());
  return std::make_shared<const ProviderInstance>(provider ? provider : LateDevice(), label, all);
}

LoadOptions PlainOptions() {
  LoadOptions options;
  options.host_kernels = WatchedReferenceKernels;
  options.fuse = false;
  options.place.by_cost = false;
  return options;
}

std::vector<RuntimeValue> RunOn(const InferenceSession& session,
                                std::vector<std::pair<std::string, RuntimeValue>> feeds, const NodeObserver* observer) {
  static ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.feeds = std::move(feeds);
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  arguments.observer = observer;
  std::vector<RuntimeValue> results = session.Run(std::move(arguments));
  for (size_t i = 0; i < results.size(); ++i) NoteRead(results[i], "the caller, output " + std::to_string(i));
  return results;
}

std::string Difference(const RuntimeValue& a, const RuntimeValue& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.dims != b.dims)
    return a.ToFact().ToString() + " instead of " + b.ToFact().ToString();
  if (!a.elements != !b.elements) return "one has no elements";
  if (a.elements) {
    const std::string inside = Difference(*a.elements, *b.elements);
    return inside.empty() ? "" : "element " + inside;
  }
  if (a.dtype == DType::kString) {
    for (int64_t i = 0; i < a.count(); ++i)
      if (static_cast<std::string*>(a.data)[i] != static_cast<std::string*>(b.data)[i])
        return "string " + std::to_string(i) + " differs";
    return "";
  }
  const char *first = static_cast<const char*>(a.data), *second = static_cast<const char*>(b.data);
  for (size_t i = 0; i < a.bytes(); ++i)
    if (first[i] != second[i]) return a.ToFact().ToString() + " differs from byte " + std::to_string(i) + " on";
  return "";
}

std::string Difference(const std::vector<RuntimeValue>& a, const std::vector<RuntimeValue>& b) {
  if (a.size() != b.size()) return std::to_string(a.size()) + " values instead of " + std::to_string(b.size());
  for (size_t i = 0; i < a.size(); ++i)
    if (const std::string inside = Difference(a[i], b[i]); !inside.empty()) return std::to_string(i) + ": " + inside;
  return "";
}

std::string RaceText() {
  std::string text;
  for (const std::string& race : TakeRaces()) text += race + "\n";
  return text;
}

}  // namespace onda
