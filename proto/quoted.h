// Names out of a file, made fit for an error message.
#ifndef ONDA_PROTO_QUOTED_H_
#define ONDA_PROTO_QUOTED_H_

#include <string>
#include <string_view>

namespace onda::proto {

// The name in single quotes: control characters are escaped, and what is long is cut.
std::string Quoted(std::string_view name);

}  // namespace onda::proto

#endif  // ONDA_PROTO_QUOTED_H_
