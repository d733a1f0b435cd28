#include "core/passes/declared.h"

namespace onda {
namespace {

// Made by the importer or by inference for what nothing is known of.
bool IsNameless(const Dim& dim) { return dim.symbol().starts_with('?') || dim.symbol().starts_with('_'); }

}  // namespace

std::string DeclaredMismatch(const Fact& declared, const Fact& inferred) {
  if (!declared.known() || !inferred.known()) return "";
  if (declared.kind != inferred.kind) return "the kinds of value differ";
  const bool both_typed = declared.dtype != DType::kUndefined && inferred.dtype != DType::kUndefined;
  if (both_typed && declared.dtype != inferred.dtype) return "the element types differ";
  if (declared.element && inferred.element) {
    if (const std::string inside = DeclaredMismatch(*declared.element, *inferred.element); !inside.empty()) {
      return "inside, " + inside;
    }
  }
  if (!declared.has_rank() || !inferred.has_rank()) return "";
  if (declared.rank() != inferred.rank()) return "the ranks differ";
  for (int i = 0; i < declared.rank(); ++i) {
    const Dim &a = (*declared.shape)[i], &b = (*inferred.shape)[i];
    if (a.known() && b.known() && !(a == b)) return "dimension " + std::to_string(i) + " differs";
  }
  return "";
}

Fact WithDeclared(Fact inferred, const Fact& declared) {
  if (!inferred.known()) return declared;
  if (!declared.known() || declared.kind != inferred.kind) return inferred;
  if (inferred.dtype == DType::kUndefined) inferred.dtype = declared.dtype;
  if (!inferred.element) {
    inferred.element = declared.element;
  } else if (declared.element) {
    inferred.element = std::make_shared<const Fact>(WithDeclared(*inferred.element, *declared.element));
  }
  if (!declared.has_rank()) return inferred;
  if (!inferred.has_rank()) {
    inferred.shape = declared.shape;
    return inferred;
  }
  for (int i = 0; i < inferred.rank() && i < declared.rank(); ++i) {
    Dim& dim = (*inferred.shape)[i];
    const Dim& wanted = (*declared.shape)[i];
    if (wanted.known() ? !dim.known() : IsNameless(dim) && !IsNameless(wanted)) dim = wanted;
  }
  return inferred;
}

}  // namespace onda
