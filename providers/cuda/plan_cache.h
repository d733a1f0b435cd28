// Library plans that were chosen once, kept in a file that any number of processes share.
//
// A file that is damaged or of another version is as good as none: a warning, and the next save writes it anew. Saving
// merges with what others wrote meanwhile, under a lock, and replaces the file as a whole. Nothing throws.
#ifndef ONDA_PROVIDERS_CUDA_PLAN_CACHE_H_
#define ONDA_PROVIDERS_CUDA_PLAN_CACHE_H_

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace onda::cuda {

struct StoredPlan {
  std::string blob;        // what Device::RestorePlan takes
  bool timed = false;      // chosen by measuring; otherwise kept because it is slow to make
  float microseconds = 0;  // of one execution, where timed
};

class PlanCache {
 public:
  using Warn = std::function<void(const std::string&)>;
  // path "": only for the life of this object.
  PlanCache(std::string path, Warn warn);
  ~PlanCache() { Save(); }
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  // key: everything that the plan depends on, as text.
  std::optional<StoredPlan> Find(const std::string& key);
  // Saves now and then.
  void Put(const std::string& key, StoredPlan plan);
  void Save();

  const std::string& path() const { return path_; }

 private:
  using Plans = std::map<std::string, StoredPlan>;
  void LoadOnce();
  // What the file holds; nothing where it is missing or damaged.
  Plans ReadFile();
  static Plans Parse(const std::string& bytes);  // throws Error
  static std::string Format(const Plans& plans);
  bool WriteFile(const std::string& bytes);
  void Complain(const std::string& what);

  std::string path_;
  Warn warn_;
  std::mutex mutex_;
  bool loaded_ = false;
  bool complained_ = false;
  Plans plans_;
  bool unsaved_ = false;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

// $XDG_CACHE_HOME/onda/plans, or in ~/.cache; "" where neither is known.
std::string DefaultPlanCache();

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_PLAN_CACHE_H_
