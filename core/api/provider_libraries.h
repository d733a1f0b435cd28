// The providers' libraries that are installed beside Onda's own, libonda_provider_NAME.so.
#ifndef ONDA_CORE_API_PROVIDER_LIBRARIES_H_
#define ONDA_CORE_API_PROVIDER_LIBRARIES_H_

#include <string>
#include <vector>

namespace onda {

// Where the library of that provider would be; "" where that is no name of a provider, or the folder is not known.
std::string PathOfProviderLibrary(const std::string& name);
// The names of those that are there, sorted.
const std::vector<std::string>& InstalledProviders();

}  // namespace onda

#endif  // ONDA_CORE_API_PROVIDER_LIBRARIES_H_
