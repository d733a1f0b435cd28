// The cases of all operator families, with their inputs and the comparison that they ask for.
#ifndef ONDA_TESTS_KERNELS_FAMILY_CASES_H_
#define ONDA_TESTS_KERNELS_FAMILY_CASES_H_

#include <string>
#include <vector>

#include "core/session.h"
#include "kernels/case.h"

namespace onda {

struct FamilyCase {
  const char* family;
  int index;
  const Case* test;
};
std::vector<FamilyCase> AllFamilyCases();

// A case's graph as a model of the newest opsets.
Model ModelOfCase(const Case& test);

// Values for what a case's session is fed, of a fixed seed. Fails the running test where an input is not a tensor.
std::vector<std::pair<std::string, RuntimeValue>> FeedsOfCase(const InferenceSession& session, const Case& test);

// What the session makes of those, on one thread.
std::vector<RuntimeValue> OutputsOfCase(const InferenceSession& session, const Case& test);

// Fails the running test where they differ by more than the case allows.
void ExpectClose(const RuntimeValue& actual, const RuntimeValue& expected, const Case& test, const std::string& where);

}  // namespace onda

#endif  // ONDA_TESTS_KERNELS_FAMILY_CASES_H_
