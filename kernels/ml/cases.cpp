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
  };
  return cases;
}

}  // namespace onda::ml
