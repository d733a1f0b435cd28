#include "tests/passes/rewritten.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

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

std::string Attributes(const Node& node) {
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

}  // namespace

std::string Rewritten(const RewriteCase& c) {
  const Model model = ParseModel("<ir_version: 10, opset_import: [\"\" : " + std::to_string(c.opset) +
                                 ", \"com.microsoft\" : 1]> " + c.graph);
  LoadOptions plain, all;
  plain.fuse = false;
  all.skip_passes = c.skip;
  const InferenceSession fused(model, all), reference(model, plain);
  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  uint32_t state = 7;
  for (const PortInfo& port : fused.inputs())
    arguments.feeds.emplace_back(port.name, RuntimeValue::FromTensor(RandomFeed(port.fact, c.dims, state)));
  const auto a = fused.Run(arguments), b = reference.Run(arguments);
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    EXPECT_EQ(a[i].dims, b[i].dims) << c.graph;
    EXPECT_EQ(a[i].dtype, b[i].dtype) << c.graph;
    if (a[i].dims != b[i].dims || a[i].dtype != b[i].dtype) continue;
    if (!IsFloating(a[i].dtype)) {
      EXPECT_EQ(0, std::memcmp(a[i].data, b[i].data, a[i].bytes())) << c.graph;
      continue;
    }
    for (int64_t k = 0; k < a[i].count(); ++k)
      EXPECT_NEAR(LoadDouble(a[i].dtype, a[i].data, k), LoadDouble(b[i].dtype, b[i].data, k), c.tolerance)
          << "output " << i << " at " << k << " of " << c.graph;
  }
  std::string text;
  for (const Node& node : fused.graph().nodes()) {
    if (node.op->flags & kOpView) continue;
    text += (text.empty() ? "" : " ") + node.op_type + Attributes(node);
  }
  return text;
}

}  // namespace onda::testing
