#include "core/plan/plan.h"

#include <algorithm>
#include <cstring>

#include "core/plan/runtime_value.h"

namespace onda {
namespace {

bool Holds(const Plan& plan, const std::vector<RuntimeValue>& frame) {
  for (const Plan::ShapeKey& key : plan.shapes) {
    const RuntimeValue& v = frame[key.id];
    if (v.dtype != key.dtype || v.dims != key.dims) return false;
  }
  for (const Plan::ContentKey& key : plan.contents) {
    const RuntimeValue& v = frame[key.id];
    if (std::memcmp(v.data, key.elements.data(), v.bytes()) != 0) return false;
  }
  return true;
}

}  // namespace

std::shared_ptr<const Plan> PlanCache::Find(int32_t position, const std::vector<RuntimeValue>& frame) {
  std::lock_guard lock(mutex_);
  for (auto& [begin, plans] : plans_) {
    if (begin != position) continue;
    for (auto it = plans.begin(); it != plans.end(); ++it) {
      if (!Holds(**it, frame)) continue;
      plans.splice(plans.begin(), plans, it);
      return plans.front();
    }
  }
  return nullptr;
}

void PlanCache::Add(std::shared_ptr<const Plan> plan) {
  std::lock_guard lock(mutex_);
  auto it = std::find_if(plans_.begin(), plans_.end(), [&](const auto& entry) { return entry.first == plan->begin; });
  if (it == plans_.end()) it = plans_.insert(plans_.end(), {plan->begin, {}});
  it->second.push_front(std::move(plan));
  if (it->second.size() > capacity_) it->second.pop_back();
}

std::vector<std::shared_ptr<const Plan>> PlanCache::All() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Plan>> all;
  for (const auto& [position, plans] : plans_) all.insert(all.end(), plans.begin(), plans.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->begin < b->begin; });
  return all;
}

}  // namespace onda
