// Holds a node as read against the signature of its operator version.
#ifndef ONDA_CORE_SCHEMA_CHECK_NODE_H_
#define ONDA_CORE_SCHEMA_CHECK_NODE_H_

#include <span>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/schema/schema.h"

namespace onda {

// The signature that a node stands for under `opset` of its domain. Null where the table does not know the domain at
// all. Throws kInvalidModel where the domain has no such operator, or has it only in a newer opset.
const Schema* SchemaOf(const Node& node, int opset);

// Checks the number of inputs and outputs, omitted ones, and the attributes: known, of the right kind, none required
// missing. Throws kInvalidModel. What is wrong but has a meaning (a deprecated operator) is appended to `warnings`.
void CheckSignature(const Node& node, const Schema& schema, std::vector<std::string>* warnings);

// Throws kInvalidModel where the operator version may not be used any more. The experimental operators of ONNX 1.0,
// which ONNX's checker lets pass, may.
void CheckNotDeprecated(const Node& node, const Schema& schema);

// Whether the operator always has this output, in its newest version: its kernels need not care for its absence.
bool IsRequiredOutput(const Node& node, size_t index);

// Checks the types of inputs and outputs against the type constraints: each type allowed, each type variable bound to
// one type. Facts may be null or unknown in whole or in part; what is unknown is not checked. Throws kInvalidModel.
void CheckTypes(const Node& node, const Schema& schema, std::span<const Fact* const> inputs,
                std::span<const Fact* const> outputs = {});

// Of an operator of Onda's own: throws kInvalidModel where it has not its one output. Where it takes the inputs of an
// operator of the specification, also where one that must be there is not, or is of a type that this does not take.
void CheckOwn(const Node& node, std::span<const Fact* const> inputs);

}  // namespace onda

#endif  // ONDA_CORE_SCHEMA_CHECK_NODE_H_
