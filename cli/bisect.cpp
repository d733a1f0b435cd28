#include "cli/bisect.h"

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/data/compare.h"
#include "cli/exit_code.h"
#include "cli/model_file.h"

namespace onda::cli {
namespace {

using nlohmann::json;

class Bisection {
 public:
  Bisection(const BisectOptions& options, Model model)
      : model_(std::move(model)), engine_(options.engine), tolerance_{options.rtol, options.atol, false} {
    engine_.dimensions = ParseDimensions(options.inputs.dimensions);
    engine_.record_rewrites = true;
    const Engine plain = Make(0);
    std::vector<std::string> notes;
    feeds_ = ReadInputs(plain, options.inputs, &notes);
    for (const std::string& note : notes) std::fprintf(stderr, "onda: %s\n", note.c_str());
    for (const Port& port : plain.outputs()) names_.push_back(port.name);
    expected_ = plain.Run(feeds_);
  }

  Engine Make(int64_t rewrites) const {
    EngineOptions options = engine_;
    options.max_rewrites = rewrites;
    return Engine(model_, options);
  }

  // What differs after so many rewrites; "" where nothing does.
  std::string Difference(int64_t rewrites) const {
    try {
      const std::vector<Data> actual = Make(rewrites).Run(feeds_);
      for (size_t i = 0; i < expected_.size(); ++i) {
        const std::string what = Compare(expected_[i], actual[i], tolerance_);
        if (!what.empty()) return "output '" + names_[i] + "': " + what;
      }
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  // How many rewrites there are up to `limit`. Where a rewrite fails, as many as there are ahead of it, and one.
  int64_t Count(int64_t limit) const {
    try {
      return static_cast<int64_t>(Make(limit).session().GetRewrites().size());
    } catch (const Error&) {
    }
    int64_t works = 0, fails = 1;
    while (fails < limit && Loads(fails)) fails = std::min(limit, 2 * fails);
    while (fails - works > 1) {
      const int64_t middle = works + (fails - works) / 2;
      (Loads(middle) ? works : fails) = middle;
    }
    return fails;
  }

 private:
  bool Loads(int64_t rewrites) const {
    try {
      Make(rewrites);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  Model model_;
  EngineOptions engine_;
  Tolerance tolerance_;
  Feeds feeds_;
  std::vector<std::string> names_;
  std::vector<Data> expected_;
};

}  // namespace

int Bisect(const BisectOptions& options) {
  const Bisection bisection(options, LoadModel(options.model));
  const int64_t total = bisection.Count(options.engine.max_rewrites);
  std::string difference = bisection.Difference(total);
  if (difference.empty()) {
    if (options.json) {
      std::printf("%s\n", json{{"rewrites", total}, {"first", nullptr}}.dump(1).c_str());
    } else {
      std::printf("outputs agree after all %lld rewrites\n", static_cast<long long>(total));
    }
    return kExitOk;
  }
  int64_t good = 0, bad = total;
  while (bad - good > 1) {
    const int64_t middle = good + (bad - good) / 2;
    if (std::string what = bisection.Difference(middle); what.empty()) {
      good = middle;
    } else {
      bad = middle;
      difference = std::move(what);
    }
  }
  RewriteRecord rewrite;
  try {
    const std::vector<RewriteRecord> all = bisection.Make(bad).session().GetRewrites();
    if (!all.empty()) rewrite = all.back();
  } catch (const Error&) {  // the rewrite itself failed, as `difference` says
  }
  if (options.json) {
    std::printf("%s\n", json{{"rewrites", total},
                             {"first", bad},
                             {"rule", rewrite.rule},
                             {"reason", rewrite.reason},
                             {"node", rewrite.node},
                             {"before", rewrite.before},
                             {"after", rewrite.after},
                             {"difference", difference}}
                            .dump(1, ' ', false, json::error_handler_t::replace)
                            .c_str());
    return kExitDifferent;
  }
  std::printf("rewrite %lld of %lld is the first after which outputs differ: %s\n", static_cast<long long>(bad),
              static_cast<long long>(total), difference.c_str());
  if (!rewrite.rule.empty()) {
    std::printf("%s (%s) at node '%s'\nbefore:\n%s\nafter:\n%s\n", rewrite.rule.c_str(), rewrite.reason.c_str(),
                rewrite.node.c_str(), rewrite.before.c_str(), rewrite.after.c_str());
  }
  return kExitDifferent;
}

}  // namespace onda::cli
