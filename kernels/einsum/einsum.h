// Einsum: sums of products of elements chosen by labels. An equation of one or two terms at a time becomes Transpose,
// ReduceSum, Mul and MatMul where ranks are known; the kernel here is for what is left (diagonals, small integers).
#ifndef ONDA_KERNELS_EINSUM_EINSUM_H_
#define ONDA_KERNELS_EINSUM_EINSUM_H_

#include <algorithm>
#include <string>
#include <vector>

#include "onda/provider.h"

namespace onda::einsum {

// One label per dimension: letters, and for the dimensions of an ellipsis the characters 1, 2, ... counted from its
// right end, so that shorter ellipses broadcast.
struct Equation {
  std::vector<std::string> terms;
  std::string output;
};

// ranks: one per operand; -1 where not known, which is an error beside an ellipsis. Throws kInvalidModel.
inline Equation ParseEquation(std::string text, const std::vector<int>& ranks) {
  auto fail = [&](const std::string& cause) {
    throw Error(ErrorCode::kInvalidModel, "equation '" + text + "': " + cause);
  };
  std::string packed;
  for (char ch : text)
    if (ch != ' ') packed += ch;
  const size_t arrow = packed.find("->");
  std::string left = packed.substr(0, arrow), right = arrow == std::string::npos ? "" : packed.substr(arrow + 2);

  int longest = 0;  // dimensions of the longest ellipsis
  auto is_label = [](char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'); };
  // Labels of a term, its ellipsis as '.'
  auto labels_of = [&](const std::string& term) {
    std::string labels;
    for (size_t i = 0; i < term.size(); ++i) {
      if (is_label(term[i])) {
        labels += term[i];
      } else if (term.compare(i, 3, "...") == 0 && labels.find('.') == std::string::npos) {
        labels += '.';
        i += 2;
      } else {
        fail("'" + term + "' is not a term");
      }
    }
    return labels;
  };
  auto expand = [](const std::string& labels, int dims) {
    const size_t dot = labels.find('.');
    if (dot == std::string::npos) return labels;
    std::string ellipsis;
    for (int k = dims; k > 0; --k) ellipsis += static_cast<char>(k);
    return labels.substr(0, dot) + ellipsis + labels.substr(dot + 1);
  };

  Equation e;
  for (size_t begin = 0; begin <= left.size();) {
    const size_t comma = std::min(left.find(',', begin), left.size()), i = e.terms.size();
    if (i >= ranks.size()) fail("has more terms than there are inputs");
    std::string labels = labels_of(left.substr(begin, comma - begin));
    const int letters = static_cast<int>(std::count_if(labels.begin(), labels.end(), is_label));
    if (labels.find('.') == std::string::npos) {
      if (ranks[i] >= 0 && letters != ranks[i])
        fail("term " + std::to_string(i) + " has " + std::to_string(letters) + " labels for rank " +
             std::to_string(ranks[i]));
    } else {
      if (ranks[i] < 0) fail("has an ellipsis for an input of unknown rank");
      if (letters > ranks[i]) fail("term " + std::to_string(i) + " has more labels than its input has dimensions");
      if (ranks[i] - letters > 30) fail("an ellipsis stands for more than 30 dimensions");
      longest = std::max(longest, ranks[i] - letters);
      labels = expand(labels, ranks[i] - letters);
    }
    e.terms.push_back(std::move(labels));
    begin = comma + 1;
  }
  if (e.terms.size() != ranks.size()) fail("has fewer terms than there are inputs");

  if (arrow != std::string::npos) {
    e.output = expand(labels_of(right), longest);
  } else {
    for (int k = longest; k > 0; --k) e.output += static_cast<char>(k);
    std::string all;
    for (const std::string& term : e.terms) all += term;
    std::sort(all.begin(), all.end());
    for (char ch : all)
      if (is_label(ch) && std::count(all.begin(), all.end(), ch) == 1) e.output += ch;
  }
  for (char ch : e.output) {
    bool found = false;
    for (const std::string& term : e.terms) found = found || term.find(ch) != std::string::npos;
    if (!found && is_label(ch)) fail(std::string("output label '") + ch + "' is in no input");
    if (!found) fail("the output has an ellipsis and no input has");
    if (std::count(e.output.begin(), e.output.end(), ch) > 1)
      fail(std::string("output label '") + ch + "' is repeated");
  }
  return e;
}

}  // namespace onda::einsum

#endif  // ONDA_KERNELS_EINSUM_EINSUM_H_
