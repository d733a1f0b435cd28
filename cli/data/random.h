// Random inputs, the same for the same seed on every machine.
#ifndef ONDA_CLI_DATA_RANDOM_H_
#define ONDA_CLI_DATA_RANDOM_H_

#include <cstdint>
#include <random>

#include "cli/data/data.h"

namespace onda::cli {

// A value of the type: floating-point numbers uniform in [0, 1), integers in [0, 10) as far as the type holds them,
// bools fair, strings "a" to "j". Open dimensions become 1, an open rank 0; sequences get two elements, optionals one.
Data RandomValue(const Type& type, std::mt19937_64& generator);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_RANDOM_H_
