#include "core/schema/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

#include "core/ir/attribute.h"

namespace onda {
namespace {

auto Key(const Schema& schema) {
  return std::tuple(schema.domain_index, schema.name(), static_cast<int>(schema.since_version));
}

TEST(Schema, HoldsEverySignatureOfTheSpecification) {
  const auto all = AllSchemas();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const Schema& s) { return s.standard; }), 659);
  EXPECT_GE(std::count_if(all.begin(), all.end(), [](const Schema& s) { return s.domain() == "com.microsoft"; }), 150);
}

TEST(Schema, EverySignatureIsFoundByItsOwnVersionAndIsConsistent) {
  const Schema* previous = nullptr;
  for (const Schema& schema : AllSchemas()) {
    const std::string at = std::string(schema.domain()) + "." + std::string(schema.name());
    if (previous) {
      EXPECT_LT(Key(*previous), Key(schema)) << at;
    }
    previous = &schema;
    EXPECT_EQ(FindSchema(schema.domain(), schema.name(), schema.since_version), &schema) << at;
    EXPECT_LE(schema.since_version, NewestOpset(schema.domain())) << at;
    EXPECT_LE(schema.min_inputs, schema.max_inputs) << at;
    EXPECT_LE(schema.min_outputs, schema.max_outputs) << at;
    for (const auto list : {schema.inputs(), schema.outputs()}) {
      for (const SchemaParameter& parameter : list) {
        EXPECT_FALSE(parameter.name().empty()) << at;
        EXPECT_FALSE(Describe(parameter.types()).empty()) << at;
        EXPECT_LT(parameter.constraint, static_cast<int>(schema.constraints().size())) << at;
        if (parameter.constraint >= 0) {
          EXPECT_EQ(Describe(parameter.types()), Describe(schema.constraints()[parameter.constraint].types())) << at;
        }
        if (parameter.option == ParameterOption::kVariadic) {
          EXPECT_EQ(&parameter, &list.back()) << at;
        }
      }
    }
    for (const SchemaAttribute& attribute : schema.attributes()) {
      EXPECT_EQ(schema.FindAttribute(attribute.name()), &attribute) << at;
      EXPECT_NE(NameOf(attribute.kind()), "invalid") << at;
      EXPECT_FALSE(attribute.required && attribute.has_default) << at << " " << attribute.name();
    }
  }
}

TEST(Schema, ChoosesTheNewestVersionThatIsNotNewer) {
  EXPECT_EQ(FindSchema("", "Add", 1)->since_version, 1);
  EXPECT_EQ(FindSchema("", "Add", 6)->since_version, 6);
  EXPECT_EQ(FindSchema("ai.onnx", "Add", 12)->since_version, 7);
  EXPECT_EQ(FindSchema("", "Add", 999)->since_version, 14);
  EXPECT_EQ(FindSchema("", "Resize", 9), nullptr);
  EXPECT_EQ(FindSchema("", "Add", 0), nullptr);
  EXPECT_EQ(FindSchema("", "NoSuchOperator", 28), nullptr);
  EXPECT_EQ(FindSchema("no.such.domain", "Add", 28), nullptr);
  EXPECT_EQ(FindSchema("", "", 28), nullptr);
  EXPECT_EQ(FindSchema("com.microsoft", "FusedMatMul", 1)->domain(), "com.microsoft");
  EXPECT_EQ(FindSchema("ai.onnx.ml", "TreeEnsemble", 4), nullptr);
  EXPECT_NE(FindSchema("ai.onnx.ml", "TreeEnsemble", 5), nullptr);
}

TEST(Schema, Defaults) {
  const Schema& lrn = *FindSchema("", "LRN", 13);
  EXPECT_FLOAT_EQ(lrn.FindAttribute("alpha")->default_float(), 1e-4f);
  EXPECT_TRUE(lrn.FindAttribute("size")->required);
  EXPECT_EQ(lrn.FindAttribute("size")->kind(), AttributeKind::kInt);
  EXPECT_EQ(lrn.FindAttribute("nothing"), nullptr);
  const Schema& pool = *FindSchema("", "MaxPool", 12);
  EXPECT_EQ(pool.FindAttribute("auto_pad")->default_string(), "NOTSET");
  EXPECT_EQ(pool.FindAttribute("ceil_mode")->default_int(), 0);
  EXPECT_FALSE(pool.FindAttribute("pads")->has_default);
  const Schema& lstm = *FindSchema("", "LSTM", 1);
  EXPECT_EQ(lstm.FindAttribute("activations")->kind(), AttributeKind::kStrings);
  int lists = 0;
  for (const Schema& schema : AllSchemas()) {
    for (const SchemaAttribute& attribute : schema.attributes()) {
      if (!attribute.has_default || attribute.kind() != AttributeKind::kStrings) continue;
      ++lists;
      for (int i = 0; i < attribute.default_count; ++i) EXPECT_FALSE(attribute.default_strings(i).empty());
    }
  }
  EXPECT_GT(lists, 0);
}

TEST(Schema, ParametersAndTypes) {
  const Schema& concat = *FindSchema("", "Concat", 13);
  EXPECT_EQ(concat.min_inputs, 1);
  EXPECT_NE(concat.Input(1000), nullptr);
  EXPECT_EQ(concat.Output(1), nullptr);
  const Schema& clip = *FindSchema("", "Clip", 13);
  EXPECT_EQ(clip.Input(2)->option, ParameterOption::kOptional);
  EXPECT_EQ(clip.Input(2)->constraint, clip.Input(0)->constraint);
  EXPECT_TRUE(clip.Input(0)->types().HasTensor(DType::kInt8));
  EXPECT_FALSE(clip.Input(0)->types().HasTensor(DType::kString));
  const Schema& loop = *FindSchema("", "Loop", 16);
  EXPECT_FALSE(loop.inputs().back().homogeneous);
  EXPECT_NE(loop.inputs().back().types().optional_sequence, 0u);
  EXPECT_EQ(Describe(FindSchema("", "RoiAlign", 16)->Input(2)->types()), "tensor(int64)");
  EXPECT_TRUE(FindSchema("", "Upsample", 10)->deprecated);
  EXPECT_EQ(Describe(FindSchema("ai.onnx.ml", "ZipMap", 1)->Output(0)->types()),
            "seq(map(int64, float)), seq(map(string, float))");
}

TEST(Schema, Releases) {
  EXPECT_EQ(NewestOpset(""), 28);
  EXPECT_EQ(NewestOpset("ai.onnx.ml"), 5);
  EXPECT_EQ(NewestOpset("elsewhere"), 0);
  EXPECT_EQ(OldestIrVersion("", 13), 7);
  EXPECT_EQ(OldestIrVersion("", 28), kNewestIrVersion);
  EXPECT_EQ(OldestIrVersion("", 29), 0);
  EXPECT_EQ(OldestIrVersion("", 0), 0);
  EXPECT_EQ(OldestIrVersion("ai.onnx.ml", 3), 8);
}

}  // namespace
}  // namespace onda
