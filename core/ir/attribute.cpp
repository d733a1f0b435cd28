#include "core/ir/attribute.h"

#include <algorithm>

namespace onda {

AttributeKind KindOf(const AttributeValue& value) {
  constexpr AttributeKind kKinds[] = {
      AttributeKind::kUndefined, AttributeKind::kFloat,        AttributeKind::kInt,           AttributeKind::kString,
      AttributeKind::kTensor,    AttributeKind::kFloats,       AttributeKind::kInts,          AttributeKind::kStrings,
      AttributeKind::kTensors,   AttributeKind::kSparseTensor, AttributeKind::kSparseTensors, AttributeKind::kType,
      AttributeKind::kTypes};
  if (const auto* reference = std::get_if<AttributeReference>(&value)) return reference->kind;
  return kKinds[value.index()];
}

AttributeMap::AttributeMap(std::initializer_list<std::pair<std::string, AttributeValue>> entries) {
  for (const auto& [name, value] : entries) entries_.push_back({name, value, ""});
  Rebuild();
}

AttributeMap::AttributeMap(const AttributeMap& other) : entries_(other.entries_) { Rebuild(); }

AttributeMap& AttributeMap::operator=(const AttributeMap& other) {
  if (this != &other) {
    entries_ = other.entries_;
    Rebuild();
  }
  return *this;
}

void AttributeMap::Set(std::string name, AttributeValue value, std::string doc) {
  auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
  if (it != entries_.end()) {
    it->value = std::move(value);
    it->doc = std::move(doc);
  } else {
    entries_.push_back({std::move(name), std::move(value), std::move(doc)});
  }
  Rebuild();
}

void AttributeMap::Remove(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& e) { return e.name == name; });
  Rebuild();
}

const AttributeValue* AttributeMap::Find(std::string_view name) const {
  for (const Entry& e : entries_)
    if (e.name == name) return &e.value;
  return nullptr;
}

void AttributeMap::Rebuild() {
  view_.clear();
  string_lists_.clear();
  for (const Entry& e : entries_) {
    OndaAttribute a{};
    a.name = e.name.c_str();
    a.count = 1;
    if (const auto* f = std::get_if<float>(&e.value)) {
      a.kind = kOndaFloat;
      a.f = *f;
    } else if (const auto* i = std::get_if<int64_t>(&e.value)) {
      a.kind = kOndaInt;
      a.i = *i;
    } else if (const auto* s = std::get_if<std::string>(&e.value)) {
      a.kind = kOndaString;
      a.s = {s->data(), s->size()};
    } else if (const auto* t = std::get_if<TensorPtr>(&e.value)) {
      a.kind = kOndaTensor;
      a.tensor = (*t)->view();
    } else if (const auto* fs = std::get_if<std::vector<float>>(&e.value)) {
      a.kind = kOndaFloats;
      a.floats = fs->data();
      a.count = fs->size();
    } else if (const auto* is = std::get_if<std::vector<int64_t>>(&e.value)) {
      a.kind = kOndaInts;
      a.ints = is->data();
      a.count = is->size();
    } else if (const auto* ss = std::get_if<std::vector<std::string>>(&e.value)) {
      std::vector<OndaStringView>& list = string_lists_.emplace_back();
      for (const std::string& item : *ss) list.push_back({item.data(), item.size()});
      a.kind = kOndaStrings;
      a.strings = list.data();
      a.count = list.size();
    } else {
      continue;
    }
    view_.push_back(a);
  }
}

}  // namespace onda
