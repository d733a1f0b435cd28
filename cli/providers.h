// onda providers: what this build can run on.
#ifndef ONDA_CLI_PROVIDERS_H_
#define ONDA_CLI_PROVIDERS_H_

namespace onda::cli {

int Providers(bool json);

}  // namespace onda::cli

#endif  // ONDA_CLI_PROVIDERS_H_
