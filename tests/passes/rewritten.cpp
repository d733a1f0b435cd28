#include "tests/passes/rewritten.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/passes/rules.h"
#include "core/session.h"
#include "core/text/parse.h"
#include "onda/float_formats.h"

namespace onda::testing {
namespace {

TensorPtr RandomFeed(const Fact& fact, const std::map<std::string, int64_t>& sizes, uint32_t& state) {
  std::vector<int64_t> dims;
  for (const Dim& d : *fact.shape) dims.push_back(d.known() ? d.value() : sizes.at(d.ToString()));
  auto tensor = Tensor::Make(fact.dtype, dims);
  for (int64_t i = 0; i < tensor->count(); ++i) {
    state = state * 1664525u + 1013904223u;
    const uint32_t bits = state >> 8;
    if (fact.dtype == DType::kBool || !IsFloating(fact.dtype)) {
      // Mostly true, and true first: a row of a mask that hides everything is its own case.
      StoreInt64(fact.dtype, tensor->mutable_data(), i, i == 0 || bits % 4 != 0);
    } else {
      StoreDouble(fact.dtype, tensor->mutable_data(), i, bits / static_cast<double>(1 << 23) - 1);
    }
  }
  return tensor;
}

std::string AttributesOf(const Node& node) {
  std::string text;
  for (const AttributeMap::Entry& e : node.attributes.entries()) {
    std::string value;
    if (const auto* i = std::get_if<int64_t>(&e.value)) value = std::to_string(*i);
    if (const auto* s = std::get_if<std::string>(&e.value)) value = *s;
    if (const auto* v = std::get_if<std::vector<int64_t>>(&e.value))
      for (int64_t i : *v) value += (value.empty() ? "" : ",") + std::to_string(i);
    if (const auto* f = std::get_if<float>(&e.value)) {
      char digits[32];
      std::snprintf(digits, sizeof digits, "%.4g", static_cast<double>(*f));
      value = digits;
    }
    text += (text.empty() ? "" : " ") + e.name + "=" + value;
  }
  return text.empty() ? "" : "<" + text + ">";
}

void ExpectSame(const RewriteCase& c, const std::vector<RuntimeValue>& given, const std::vector<RuntimeValue>& expected,
                const std::string& rules) {
  ASSERT_EQ(given.size(), expected.size());
  for (size_t i = 0; i < given.size(); ++i) {
    const RuntimeValue &a = given[i], &b = expected[i];
    ASSERT_EQ(a.dims, b.dims) << rules << ": " << c.graph;
    ASSERT_EQ(a.dtype, b.dtype) << rules << ": " << c.graph;
    if (!IsFloating(a.dtype)) {
      EXPECT_EQ(0, std::memcmp(a.data, b.data, a.bytes())) << rules << ": " << c.graph;
      continue;
    }
    for (int64_t k = 0; k < a.count(); ++k) {
      const double x = LoadDouble(a.dtype, a.data, k), y = LoadDouble(b.dtype, b.data, k);
      if (std::isnan(x) && std::isnan(y)) continue;
      EXPECT_NEAR(x, y, c.tolerance) << rules << ", output " << i << " at " << k << " of " << c.graph;
    }
  }
}

// All rules but one are left out.
LoadOptions Alone(const Rule& rule) {
  LoadOptions options;
  for (const RewriteStage& stage : RewriteStages())
    for (const Rule& other : stage.rules)
      if (other.name != rule.name) options.skip_passes.emplace_back(other.name);
  return options;
}

}  // namespace

std::string Rewritten(const RewriteCase& c) {
  const Model model = ParseModel("<ir_version: 10, opset_import: [\"\" : " + std::to_string(c.opset) +
                                 ", \"com.microsoft\" : 1]> " + c.graph);
  LoadOptions plain, all;
  plain.fuse = false;
  all.skip_passes = c.skip;
  all.skip_passes.push_back("fuse-pointwise");  // what is left over would become regions
  const InferenceSession fused(model, all), reference(model, plain);
  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  uint32_t state = 7;
  for (const PortInfo& port : fused.inputs())
    arguments.feeds.emplace_back(port.name, RuntimeValue::FromTensor(RandomFeed(port.fact, c.dims, state)));
  const std::vector<RuntimeValue> expected = reference.Run(arguments);
  ExpectSame(c, fused.Run(arguments), expected, "all rules");
  for (const RewriteStage& stage : RewriteStages())
    for (const Rule& rule : stage.rules) {
      const InferenceSession session(model, Alone(rule));
      ExpectSame(c, session.Run(arguments), expected, "rule " + std::string(rule.name) + " alone");
    }
  std::string text;
  for (const Node& node : fused.graph().nodes()) {
    if (node.op->flags & kOpView) continue;
    text += (text.empty() ? "" : " ") + node.op_type + AttributesOf(node);
  }
  return text;
}

Model ModelOf(const std::string& graph) {
  return ParseModel("<ir_version: 10, opset_import: [\"\" : 21, \"com.microsoft\" : 1, \"onda\" : 1]> g " + graph);
}

std::string OperatorsAfter(const std::string& graph, const std::vector<std::string>& skip) {
  LoadOptions options;
  options.skip_passes = skip;
  const InferenceSession session(ModelOf(graph), options);
  std::string text;
  for (const Node& node : session.graph().nodes()) {
    text += (text.empty() ? "" : " ") + node.op_type;
    const Attributes attributes = node.attributes.view();
    if (const std::string activation = attributes.String("activation", ""); !activation.empty())
      text += ":" + activation;
    if (node.op_type != "Pointwise") continue;
    text += "(";
    for (const std::string& step : attributes.Strings("steps")) text += (text.back() == '(' ? "" : "; ") + step;
    text += ")";
  }
  return text;
}

}  // namespace onda::testing
