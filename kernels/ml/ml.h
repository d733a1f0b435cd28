// Classical machine learning: the operators of the domain ai.onnx.ml.
#ifndef ONDA_KERNELS_ML_ML_H_
#define ONDA_KERNELS_ML_ML_H_

#include <string>
#include <vector>

#include "onda/provider.h"

namespace onda::ml {

inline constexpr const char* kDomain = "ai.onnx.ml";

// What is done to a row of scores at the end.
enum class PostTransform {
  kNone,
  kSoftmax,
  kLogistic,
  kSoftmaxZero,
  kProbit
};  // numbered as TreeEnsemble numbers them
PostTransform PostTransformOf(const Attributes& attributes);
void Apply(PostTransform transform, double* scores, int64_t n);
// 1 / (1 + exp(-x)).
double Logistic(double x);

// Class labels: strings, or integers; 0, 1, 2, ... where none are given.
struct Labels {
  std::vector<int64_t> integers;
  std::vector<std::string> names;
  Labels(const Attributes& attributes, std::string_view integers_name)
      : integers(attributes.Ints(integers_name)), names(attributes.Strings("classlabels_strings")) {}
  int64_t count() const { return static_cast<int64_t>(names.empty() ? integers.size() : names.size()); }
  DType type() const { return names.empty() ? DType::kInt64 : DType::kString; }
  // y[i] = the label of class `index`.
  void Store(const TensorView& y, int64_t i, int64_t index) const;
};

// (rows, columns) of an input [N, F] or [F], which is one row.
struct Matrix {
  int64_t rows, columns;
  explicit Matrix(const TensorView& x)
      : rows(x.rank > 1 ? x.dim(0) : 1), columns(x.rank > 1 ? x.count(1, x.rank) : x.count()) {}
};

// How many scores a classifier gives per row: a lone score of two classes becomes two.
inline int64_t ScoresOf(int64_t own, int64_t labels) { return own == 1 && labels == 2 ? 2 : own; }

// Columns of the scores of an SVMClassifier.
int64_t SvmScores(const Attributes& attributes);

std::span<const OndaKernelDef> FeatureKernels();
std::span<const OndaKernelDef> LabelEncoderKernels();
std::span<const OndaKernelDef> LinearKernels();
std::span<const OndaKernelDef> SvmKernels();
std::span<const OndaKernelDef> TreeKernels();

}  // namespace onda::ml

#endif  // ONDA_KERNELS_ML_ML_H_
