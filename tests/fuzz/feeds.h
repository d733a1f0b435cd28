// Inputs for a model that may declare anything.
#ifndef ONDA_TESTS_FUZZ_FEEDS_H_
#define ONDA_TESTS_FUZZ_FEEDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/session.h"

namespace onda::fuzz {

// Small numbers of that seed for every input; free dimensions get sizes from 0 to 4 by their names. nullopt where an
// input would be large, or is of a kind that is not made here.
std::optional<std::vector<std::pair<std::string, RuntimeValue>>> MakeFeeds(const InferenceSession& session,
                                                                           uint64_t seed);

}  // namespace onda::fuzz

#endif  // ONDA_TESTS_FUZZ_FEEDS_H_
