// What a model declares of a value beside what inference knows of it.
#ifndef ONDA_CORE_PASSES_DECLARED_H_
#define ONDA_CORE_PASSES_DECLARED_H_

#include <string>

#include "core/ir/fact.h"

namespace onda {

// Why both cannot be true of one value; "" where they can.
std::string DeclaredMismatch(const Fact& declared, const Fact& inferred);

// The inferred fact, with what is declared where it knows nothing. Both can be true of the value.
Fact WithDeclared(Fact inferred, const Fact& declared);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_DECLARED_H_
