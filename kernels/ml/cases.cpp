#include <span>

#include "kernels/case.h"

namespace onda::ml {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[4,3] x) => (float[4,3] y) { y = ai.onnx.ml.Scaler<offset = [0.5, 1.0, -1.0], scale = [2.0]>(x) }"},
      {"(float[4,3] x) => (float[4,3] y) { y = ai.onnx.ml.Normalizer<norm = \"L2\">(x) }"},
      {"(int64[4,3] x) => (float[4,3] y) { y = ai.onnx.ml.Normalizer<norm = \"L1\">(x) }", -9, 9},
      {"(int64[4,3] x) => (int64[4,3] y) { y = ai.onnx.ml.Imputer<imputed_value_int64s = [7], replaced_value_int64 = "
       "1>(x) }",
       0, 3},
      {"(double[4,3] x) => (double[4,3] y) { y = ai.onnx.ml.Binarizer<threshold = 0.5>(x) }"},
      {"(int64[5] x) => (float[5,3] y) { y = ai.onnx.ml.OneHotEncoder<cats_int64s = [0, 2, 1]>(x) }", 0, 4},
      {"(float[4,3] x, int64[2] i) => (float[4,2] y) { y = ai.onnx.ml.ArrayFeatureExtractor(x, i) }", 0, 2},
      {"(float[4,3] x, float[4,2] z) => (float[4,6] y) { y = ai.onnx.ml.FeatureVectorizer<inputdimensions = [3, 3]>(x, "
       "z) }"},
      {"(int64[5] x) => (float[5] y) { y = ai.onnx.ml.LabelEncoder<keys_int64s = [0, 1, 2], values_floats = [0.5, 1.5, "
       "2.5], default_float = -1.0>(x) }",
       0, 4},
      {"(float[4,2] x) => (float[4,2] y) { y = ai.onnx.ml.LinearRegressor<targets = 2, coefficients = [0.5, 1.0, -1.0, "
       "2.0], intercepts = [0.25, 0.5]>(x) }"},
      {"(float[4,2] x) => (int64[4] l, float[4,3] y) { l, y = ai.onnx.ml.LinearClassifier<classlabels_ints = [3, 5, "
       "7], "
       "coefficients = [0.5, 1.0, -1.0, 2.0, 1.0, 1.0], intercepts = [0.2, 0.5, 0.1], post_transform = \"SOFTMAX\">(x) "
       "}"},
      {"(float[4,2] x) => (float[4,1] y) { y = ai.onnx.ml.SVMRegressor<kernel_type = \"RBF\", kernel_params = [0.5, "
       "0.0, "
       "3.0], n_supports = 2, coefficients = [1.0, -2.0], support_vectors = [0.0, 1.0, 1.0, 0.0], rho = [0.5]>(x) }"},
      {"(float[5,2] x) => (float[5,1] y) { y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0, 0, "
       "0], "
       "nodes_nodeids = [0, 1, 2], nodes_featureids = [1, 0, 0], nodes_values = [0.1, 0.0, 0.0], nodes_modes = "
       "[\"BRANCH_LEQ\", \"LEAF\", \"LEAF\"], nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2, 0, 0], "
       "target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0], target_weights = [1.5, -2.0]>(x) }"},
      // Two trees: every aggregate, classes by one score and by several, and a set of members.
      {"(double[5,2] x) => (float[5,2] y) { y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 2, aggregate_function = "
       "\"AVERAGE\", post_transform = \"LOGISTIC\", base_values = [0.5, 0.25], nodes_treeids = [0, 0, 0, 1, 1, 1], "
       "nodes_nodeids = [0, 1, 2, 0, 1, 2], nodes_featureids = [1, 0, 0, 0, 0, 0], nodes_values = [0.1, 0.0, 0.0, "
       "-0.2, 0.0, 0.0], nodes_modes = [\"BRANCH_LEQ\", \"LEAF\", \"LEAF\", \"BRANCH_GT\", \"LEAF\", \"LEAF\"], "
       "nodes_truenodeids = [1, 0, 0, 1, 0, 0], nodes_falsenodeids = [2, 0, 0, 2, 0, 0], target_treeids = [0, 0, 1, 1, "
       "1], target_nodeids = [1, 2, 1, 2, 2], target_ids = [0, 1, 0, 0, 1], target_weights = [1.5, -2.0, 0.5, 0.75, "
       "1.0]>(x) }"},
      {"(double[5,2] x) => (float[5,2] y) { y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 2, aggregate_function = "
       "\"MIN\", post_transform = \"NONE\", base_values = [0.5, 0.25], nodes_treeids = [0, 0, 0, 1, 1, 1], "
       "nodes_nodeids = [0, 1, 2, 0, 1, 2], nodes_featureids = [1, 0, 0, 0, 0, 0], nodes_values = [0.1, 0.0, 0.0, "
       "-0.2, 0.0, 0.0], nodes_modes = [\"BRANCH_LEQ\", \"LEAF\", \"LEAF\", \"BRANCH_GT\", \"LEAF\", \"LEAF\"], "
       "nodes_truenodeids = [1, 0, 0, 1, 0, 0], nodes_falsenodeids = [2, 0, 0, 2, 0, 0], target_treeids = [0, 0, 1, 1, "
       "1], target_nodeids = [1, 2, 1, 2, 2], target_ids = [0, 1, 0, 0, 1], target_weights = [1.5, -2.0, 0.5, 0.75, "
       "1.0]>(x) }"},
      {"(double[5,2] x) => (float[5,2] y) { y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 2, aggregate_function = "
       "\"MAX\", post_transform = \"SOFTMAX\", base_values = [0.5, 0.25], nodes_treeids = [0, 0, 0, 1, 1, 1], "
       "nodes_nodeids = [0, 1, 2, 0, 1, 2], nodes_featureids = [1, 0, 0, 0, 0, 0], nodes_values = [0.1, 0.0, 0.0, "
       "-0.2, 0.0, 0.0], nodes_modes = [\"BRANCH_LEQ\", \"LEAF\", \"LEAF\", \"BRANCH_GT\", \"LEAF\", \"LEAF\"], "
       "nodes_truenodeids = [1, 0, 0, 1, 0, 0], nodes_falsenodeids = [2, 0, 0, 2, 0, 0], target_treeids = [0, 0, 1, 1, "
       "1], target_nodeids = [1, 2, 1, 2, 2], target_ids = [0, 1, 0, 0, 1], target_weights = [1.5, -2.0, 0.5, 0.75, "
       "1.0]>(x) }"},
      {"(float[40,2] x) => (int64[40] l, float[40,3] y) { l, y = ai.onnx.ml.TreeEnsembleClassifier<classlabels_int64s "
       "= [4, 2, 9], post_transform = \"SOFTMAX_ZERO\", nodes_treeids = [0, 0, 0, 1, 1, 1], nodes_nodeids = [0, 1, 2, "
       "0, 1, 2], nodes_featureids = [1, 0, 0, 0, 0, 0], nodes_values = [0.1, 0.0, 0.0, -0.2, 0.0, 0.0], nodes_modes = "
       "[\"BRANCH_LEQ\", \"LEAF\", \"LEAF\", \"BRANCH_GT\", \"LEAF\", \"LEAF\"], nodes_truenodeids = [1, 0, 0, 1, 0, "
       "0], nodes_falsenodeids = [2, 0, 0, 2, 0, 0], class_treeids = [0, 0, 1, 1], class_nodeids = [1, 2, 1, 2], "
       "class_ids = [0, 1, 2, 0], class_weights = [0.5, 0.25, 1.0, 0.1]>(x) }"},
      {"(float[7,2] x) => (int64[7] l, float[7,2] y) { l, y = ai.onnx.ml.TreeEnsembleClassifier<classlabels_int64s = "
       "[4, 2], nodes_treeids = [0, 0, 0, 1, 1, 1], nodes_nodeids = [0, 1, 2, 0, 1, 2], nodes_featureids = [1, 0, 0, "
       "0, 0, 0], nodes_values = [0.1, 0.0, 0.0, -0.2, 0.0, 0.0], nodes_modes = [\"BRANCH_LEQ\", \"LEAF\", \"LEAF\", "
       "\"BRANCH_GT\", \"LEAF\", \"LEAF\"], nodes_truenodeids = [1, 0, 0, 1, 0, 0], nodes_falsenodeids = [2, 0, 0, 2, "
       "0, 0], class_treeids = [0, 0, 1, 1], class_nodeids = [1, 2, 1, 2], class_ids = [1, 1, 1, 1], class_weights = "
       "[0.5, 0.25, 0.3, 0.1]>(x) }"},
      {"(float[4,2] x) => (int64[4] l, float[4,2] y) { l, y = ai.onnx.ml.LinearClassifier<classlabels_ints = [3, 5], "
       "coefficients = [0.5, 1.0], intercepts = [0.2], post_transform = \"LOGISTIC\">(x) }"},
      {"(float[4,2] x) => (float[4,1] y) { y = ai.onnx.ml.LinearRegressor<coefficients = [0.05, 0.1], intercepts = "
       "[0.5], post_transform = \"PROBIT\">(x) }"},
      {"(float[4,3] x) => (float[4,3] y) { y = ai.onnx.ml.Normalizer<norm = \"MAX\">(x) }"},
      {"(float[4,3] x) => (float[4,3] y) { y = ai.onnx.ml.Imputer<imputed_value_floats = [7.0, 8.0, 9.0], "
       "replaced_value_float = 1.0>(x) }"},
      {"(float[5,2] x) => (int64[5] l, float[5,3] y) { l, y = ai.onnx.ml.SVMClassifier<classlabels_ints = [7, 8, 9], "
       "kernel_type = \"RBF\", kernel_params = [0.5, 0.0, 3.0], vectors_per_class = [2, 1, 2], support_vectors = [0.0, "
       "1.0, 1.0, 0.0, 0.5, -0.5, -1.0, 0.2, 0.3, 0.9], coefficients = [1.0, -0.5, 0.3, 0.8, -1.0, 0.2, 0.4, -0.6, "
       "0.7, 0.1], rho = [0.1, -0.2, 0.3]>(x) }"},
      {"(double[5,2] x) => (int64[5] l, float[5,3] y) { l, y = ai.onnx.ml.SVMClassifier<classlabels_ints = [7, 8, 9], "
       "kernel_type = \"POLY\", kernel_params = [0.5, 1.0, 3.0], prob_a = [-1.0, -0.5, -2.0], prob_b = [0.1, 0.0, "
       "-0.1], vectors_per_class = [2, 1, 2], support_vectors = [0.0, 1.0, 1.0, 0.0, 0.5, -0.5, -1.0, 0.2, 0.3, 0.9], "
       "coefficients = [1.0, -0.5, 0.3, 0.8, -1.0, 0.2, 0.4, -0.6, 0.7, 0.1], rho = [0.1, -0.2, 0.3]>(x) }"},
      {"(float[5,2] x) => (int64[5] l, float[5,2] y) { l, y = ai.onnx.ml.SVMClassifier<classlabels_ints = [7, 8], "
       "kernel_type = \"SIGMOID\", kernel_params = [0.5, 1.0, 3.0], vectors_per_class = [1, 1], support_vectors = "
       "[0.0, 1.0, 1.0, 0.0], coefficients = [1.0, -0.5], rho = [0.1], post_transform = \"LOGISTIC\">(x) }"},
      {"(float[5,2] x) => (int64[5] l, float[5,3] y) { l, y = ai.onnx.ml.SVMClassifier<classlabels_ints = [7, 8, 9], "
       "coefficients = [1.0, -0.5, 0.3, 0.8, -1.0, 0.2], rho = [0.1]>(x) }"},
      {"(float[4,2] x) => (float[4,1] y) { y = ai.onnx.ml.SVMRegressor<coefficients = [1.0, -2.0], rho = [0.5], "
       "one_class = 1>(x) }"},
      {"(float[40,2] x) => (float[40,2] y) { r = Round(x) y = ai.onnx.ml.TreeEnsemble<n_targets = 2, "
       "aggregate_function = "
       "1, post_transform = 0, tree_roots = [0], nodes_featureids = [0, 1], nodes_splits = float[2] {0.5, 0.0}, "
       "nodes_modes = uint8[2] {0, 6}, nodes_truenodeids = [1, 0], nodes_trueleafs = [0, 1], nodes_falsenodeids = [2, "
       "1], nodes_falseleafs = [1, 1], leaf_targetids = [0, 1, 0], leaf_weights = float[3] {1.5, -2.5, 0.25}, "
       "membership_values = float[2] {1.0, -2.0}>(r) }"},
  };
  return cases;
}

}  // namespace onda::ml
