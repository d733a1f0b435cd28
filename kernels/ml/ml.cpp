#include "kernels/ml/ml.h"

#include <algorithm>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::ml {
namespace {

// The first dimension of [N, F]; 1 for [F].
Dim RowsOf(InferContext& c) {
  if (!c.has_rank(0)) return c.FreshDim();
  const Dims& x = *c.shape(0);
  if (x.empty()) c.Reject("the input must have shape [N, F] or [F]");
  return x.size() > 1 ? x[0] : Dim(1);
}

void InferToFloat(InferContext& c) { c.SetOutput(0, DType::kFloat, c.shape(0)); }

// Lengths of `a` and `b` are 1 or the last dimension.
void CheckFeatures(InferContext& c, const char* name, size_t length) {
  if (!c.has_rank(0) || c.shape(0)->empty() || length == 1) return;
  const Dim& features = c.shape(0)->back();
  if (features.known() && features.value() != static_cast<int64_t>(length))
    c.Reject(std::string(name) + " has " + std::to_string(length) + " entries for " + features.ToString() +
             " features");
}

void InferScaler(InferContext& c) {
  const size_t offsets = c.attributes().Floats("offset").size(), scales = c.attributes().Floats("scale").size();
  if (offsets == 0 || scales == 0) c.Reject("offset and scale must be given");
  CheckFeatures(c, "offset", offsets);
  CheckFeatures(c, "scale", scales);
  InferToFloat(c);
}

void InferImputer(InferContext& c) {
  const bool real = IsFloating(c.dtype(0));
  const size_t values =
      real ? c.attributes().Floats("imputed_value_floats").size() : c.attributes().Ints("imputed_value_int64s").size();
  if (values == 0) c.Reject("there are no imputed values of the input's type");
  CheckFeatures(c, "imputed_value", values);
  InferSameAsInput(c);
}

void InferExtractor(InferContext& c) {
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), std::nullopt);
  Dims dims = *c.shape(0);
  if (dims.empty()) c.Reject("the input is a scalar");
  if (dims.size() == 1) dims.insert(dims.begin(), Dim(1));
  dims.back() = c.has_rank(1) ? Product(*c.shape(1)) : c.FreshDim();
  c.SetOutput(0, c.dtype(0), std::move(dims));
}

void InferCategoryMapper(InferContext& c) {
  if (c.attributes().Ints("cats_int64s").size() != c.attributes().Strings("cats_strings").size())
    c.Reject("cats_int64s and cats_strings differ in length");
  if (c.attributes().Ints("cats_int64s").empty()) c.Reject("there are no categories");
  c.SetOutput(0, c.dtype(0) == DType::kString ? DType::kInt64 : DType::kString, c.shape(0));
}

void InferOneHot(InferContext& c) {
  const size_t count = c.dtype(0) == DType::kString ? c.attributes().Strings("cats_strings").size()
                                                    : c.attributes().Ints("cats_int64s").size();
  if (count == 0) c.Reject("there are no categories of the input's type");
  if (c.attributes().Has("cats_strings") && c.attributes().Has("cats_int64s"))
    c.Reject("cats_strings and cats_int64s exclude each other");
  std::optional<Dims> dims = c.shape(0);
  if (dims) dims->push_back(static_cast<int64_t>(count));
  c.SetOutput(0, DType::kFloat, std::move(dims));
}

void InferFeatureVectorizer(InferContext& c) {
  const std::vector<int64_t> widths = c.attributes().Ints("inputdimensions");
  if (!widths.empty() && widths.size() != c.input_count()) c.Reject("inputdimensions has not one entry for each input");
  Dim width = 0;
  for (size_t i = 0; i < c.input_count(); ++i) {
    if (!widths.empty()) {
      if (widths[i] < 0) c.Reject("an entry of inputdimensions is negative");
      width = width + widths[i];
    } else {
      const auto& shape = c.shape(i);
      width = width + (!shape ? c.FreshDim() : shape->size() > 1 ? Product(*shape, 1, shape->size()) : Product(*shape));
    }
  }
  c.SetOutput(0, DType::kFloat, Dims{RowsOf(c), width});
}

// Coefficients beyond those of the input's features are not used.
void CheckCoefficients(InferContext& c, int64_t features) {
  if (!c.has_rank(0) || c.shape(0)->size() != 2) return;
  const Dim& own = (*c.shape(0))[1];
  if (own.known() && own.value() > features)
    c.Reject("there are coefficients for " + std::to_string(features) + " of " + own.ToString() + " features");
}

void InferLinearClassifier(InferContext& c) {
  const Labels labels(c.attributes(), "classlabels_ints");
  (void)PostTransformOf(c.attributes());
  const std::vector<float> intercepts = c.attributes().Floats("intercepts");
  const int64_t weights = static_cast<int64_t>(c.attributes().Floats("coefficients").size());
  int64_t own = static_cast<int64_t>(intercepts.size());
  if (own == 0) own = std::max<int64_t>(labels.count(), 1);
  CheckCoefficients(c, weights / own);
  const Dim rows = RowsOf(c);
  c.SetOutput(0, labels.type(), Dims{rows});
  c.SetOutput(1, DType::kFloat, Dims{rows, ScoresOf(own, labels.count())});
}

void InferLinearRegressor(InferContext& c) {
  const int64_t targets = c.attributes().Int("targets", 1);
  const int64_t weights = static_cast<int64_t>(c.attributes().Floats("coefficients").size());
  const size_t intercepts = c.attributes().Floats("intercepts").size();
  (void)PostTransformOf(c.attributes());
  if (targets < 1) c.Reject("targets must be positive");
  if (intercepts != 0 && intercepts != static_cast<size_t>(targets))
    c.Reject("intercepts and targets differ in number");
  CheckCoefficients(c, weights / targets);
  c.SetOutput(0, DType::kFloat, Dims{RowsOf(c), targets});
}

void InferSvmClassifier(InferContext& c) {
  const Labels labels(c.attributes(), "classlabels_ints");
  (void)PostTransformOf(c.attributes());
  const Dim rows = RowsOf(c);
  c.SetOutput(0, labels.type(), Dims{rows});
  c.SetOutput(1, DType::kFloat, Dims{rows, SvmScores(c.attributes())});
}

void InferSvmRegressor(InferContext& c) { c.SetOutput(0, DType::kFloat, Dims{RowsOf(c), 1}); }

void InferTreeClassifier(InferContext& c) {
  const Labels labels(c.attributes(), "classlabels_int64s");
  if (labels.count() == 0) c.Reject("there are no class labels");
  const Dim rows = RowsOf(c);
  c.SetOutput(0, labels.type(), Dims{rows});
  c.SetOutput(1, DType::kFloat, Dims{rows, labels.count()});
}

void InferTreeRegressor(InferContext& c) {
  const int64_t targets = c.attributes().Int("n_targets", 1);
  if (targets < 1) c.Reject("n_targets must be positive");
  c.SetOutput(0, c.node().op_type == "TreeEnsemble" ? c.dtype(0) : DType::kFloat, Dims{RowsOf(c), targets});
}

// Version 1 maps between strings and their places in one list.
void UpgradeLabelEncoder(RewriteContext& c) {
  if (c.version() >= 2) return;
  const std::vector<std::string> classes = c.attributes().Strings("classes_strings");
  std::vector<int64_t> places;
  for (size_t i = 0; i < classes.size(); ++i) places.push_back(static_cast<int64_t>(i));
  const bool from_strings = c.fact(0).dtype == DType::kString;
  c.node().attributes.Remove("classes_strings");
  c.node().attributes.Set(from_strings ? "keys_strings" : "values_strings", classes);
  c.node().attributes.Set(from_strings ? "values_int64s" : "keys_int64s", places);
}

void InferLabelEncoder(InferContext& c) {
  const Attributes a = c.attributes();
  const TensorView* tensor = a.Tensor("values_tensor");
  const DType type = tensor                    ? tensor->type()
                     : a.Has("values_strings") ? DType::kString
                     : a.Has("values_int64s")  ? DType::kInt64
                     : a.Has("values_floats")  ? DType::kFloat
                                               : DType::kUndefined;
  if (type == DType::kUndefined) c.Reject("one of the values_* attributes must be given");
  if (const TensorView* other = a.Tensor("default_tensor"); other && (other->type() != type || other->count() != 1))
    c.Reject("default_tensor must be one element of the values' type");
  c.SetOutput(0, type, c.shape(0));
}

// A sequence of maps from labels to the columns of a row.
void InferZipMap(InferContext& c) {
  Fact values = Fact::Tensor(DType::kFloat, {});
  Fact map;
  map.kind = ValueKind::kMap;
  map.dtype = c.attributes().Has("classlabels_strings") ? DType::kString : DType::kInt64;
  map.element = std::make_shared<const Fact>(std::move(values));
  c.SetOutput(0, Fact::Sequence(std::move(map)));
}

void InferDictVectorizer(InferContext& c) {
  const Attributes a = c.attributes();
  const size_t length =
      a.Has("string_vocabulary") ? a.Strings("string_vocabulary").size() : a.Ints("int64_vocabulary").size();
  const Fact& x = c.input(0);
  c.SetOutput(0, x.element ? x.element->dtype : DType::kFloat, Dims{1, static_cast<int64_t>(length)});
}

void InferCastMap(InferContext& c) {
  const std::string to = c.attributes().String("cast_to", "TO_FLOAT"),
                    form = c.attributes().String("map_form", "DENSE");
  if (to != "TO_FLOAT" && to != "TO_STRING" && to != "TO_INT64") c.Reject("cast_to is '" + to + "'");
  if (form != "DENSE" && form != "SPARSE") c.Reject("map_form is '" + form + "'");
  const DType type = to == "TO_FLOAT" ? DType::kFloat : to == "TO_INT64" ? DType::kInt64 : DType::kString;
  c.SetOutput(0, type, Dims{1, form == "SPARSE" ? Dim(c.attributes().Int("max_map", 1)) : c.FreshDim()});
}

constexpr OpDef Ml(std::string_view name, void (*infer)(InferContext&), uint32_t flags = 0) {
  return {.name = name, .domain = "ai.onnx.ml", .infer = infer, .flags = flags};
}

constexpr OpDef kOps[] = {
    Ml("ArrayFeatureExtractor", InferExtractor),
    Ml("Binarizer", InferSameAsInput),
    Ml("CastMap", InferCastMap, kOpHost),
    Ml("CategoryMapper", InferCategoryMapper),
    Ml("DictVectorizer", InferDictVectorizer, kOpHost),
    Ml("FeatureVectorizer", InferFeatureVectorizer),
    Ml("Imputer", InferImputer),
    {.name = "LabelEncoder", .domain = "ai.onnx.ml", .infer = InferLabelEncoder, .upgrade = UpgradeLabelEncoder},
    Ml("LinearClassifier", InferLinearClassifier),
    Ml("LinearRegressor", InferLinearRegressor),
    Ml("Normalizer", InferToFloat),
    Ml("OneHotEncoder", InferOneHot),
    Ml("SVMClassifier", InferSvmClassifier),
    Ml("SVMRegressor", InferSvmRegressor),
    Ml("Scaler", InferScaler),
    Ml("TreeEnsemble", InferTreeRegressor),
    Ml("TreeEnsembleClassifier", InferTreeClassifier),
    Ml("TreeEnsembleRegressor", InferTreeRegressor),
    Ml("ZipMap", InferZipMap, kOpHost),
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::ml
