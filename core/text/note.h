// Notes: comment lines "#@ ..." that carry what ONNX's text syntax has no place for.
#ifndef ONDA_CORE_TEXT_NOTE_H_
#define ONDA_CORE_TEXT_NOTE_H_

#include <string>
#include <string_view>

#include "core/ir/graph.h"

namespace onda::text {

// subject: "graph" (or the function around), "value" NAME, and of the node that follows "node" or "attribute" NAME.
struct Note {
  std::string subject;
  std::string name;
  std::string doc;
  StringPairs metadata;
  std::string denotation;            // of values
  std::string device_configuration;  // of nodes

  bool empty() const { return doc.empty() && metadata.empty() && denotation.empty() && device_configuration.empty(); }
};

// One line: #@ value "x" doc_string "..." metadata "key" "value" denotation "IMAGE". Bytes that are not printable are
// written as \xHH.
std::string FormatNote(const Note& note);

// `line` is what follows "#@". A line that is no note gives one without a subject.
Note ParseNote(std::string_view line);

}  // namespace onda::text

#endif  // ONDA_CORE_TEXT_NOTE_H_
