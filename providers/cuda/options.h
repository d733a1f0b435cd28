// What users may set of the provider.
#ifndef ONDA_PROVIDERS_CUDA_OPTIONS_H_
#define ONDA_PROVIDERS_CUDA_OPTIONS_H_

#include <cstdint>
#include <string>

#include "onda/make_provider.h"

namespace onda::cuda {

inline constexpr OndaOptionDef kOptionDefs[] = {
    {"device_id", "number of the device, as the CUDA runtime counts them", "0"},
    {"memory_limit", "most bytes of device memory that the session may take, weights included; 0: all there are", "0"},
    {"tf32", "1: products and convolutions in fp32 may round their operands to TF32", "0"},
    {"cuda_graphs", "0: work is never captured and replayed", "1"},
    {"tuning",
     "1: the ways that cuBLASLt and cuDNN offer for an operation are timed at its first run, and the choice kept", "0"},
    {"plan_cache",
     "file of the choices, for processes to share; none: no file. Where none is named, $XDG_CACHE_HOME/onda/plans is "
     "read, "
     "and written when tuning is 1",
     ""},
};

struct Options {
  int device_id = 0;
  uint64_t memory_limit = 0;
  bool tf32 = false;
  bool cuda_graphs = true;
  bool tuning = false;
  std::string plan_cache;  // "": the default one
};

// Throws kInvalidArgument where a value is not what its key takes.
Options ParseOptions(ProviderOptions& given);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_OPTIONS_H_
