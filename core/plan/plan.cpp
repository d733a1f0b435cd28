#include "core/plan/plan.h"

#include <cstring>

#include "core/plan/runtime_value.h"

namespace onda {
namespace {

bool Holds(const Plan& plan, const std::vector<RuntimeValue>& frame) {
  for (const Plan::ShapeKey& key : plan.shapes) {
    const RuntimeValue& v = frame[key.id];
    if (v.dtype != key.dtype || v.dims != key.dims || v.instance != key.instance) return false;
  }
  for (const Plan::ContentKey& key : plan.contents) {
    const RuntimeValue& v = frame[key.id];
    if (v.bytes() != 0 && std::memcmp(v.data, key.elements.data(), v.bytes()) != 0) return false;
  }
  return true;
}

}  // namespace

std::shared_ptr<const Plan> PlanCache::Find(int32_t position, const std::vector<RuntimeValue>& frame) {
  std::lock_guard lock(mutex_);
  const auto at = plans_.find(position);
  if (at == plans_.end()) return nullptr;
  auto& plans = at->second;
  for (auto it = plans.begin(); it != plans.end(); ++it) {
    if (!Holds(**it, frame)) continue;
    plans.splice(plans.begin(), plans, it);
    return plans.front();
  }
  return nullptr;
}

void PlanCache::Add(std::shared_ptr<const Plan> plan) {
  std::lock_guard lock(mutex_);
  auto& plans = plans_[plan->begin];
  plans.push_front(std::move(plan));
  if (plans.size() > capacity_) plans.pop_back();
}

std::vector<std::shared_ptr<const Plan>> PlanCache::All() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Plan>> all;
  for (const auto& [position, plans] : plans_) all.insert(all.end(), plans.begin(), plans.end());
  return all;
}

}  // namespace onda
