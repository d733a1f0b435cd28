// Operators that work on single features: Scaler, Normalizer, Imputer, Binarizer, CategoryMapper, OneHotEncoder,
// ArrayFeatureExtractor, FeatureVectorizer.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "kernels/ml/ml.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

// y = (x - offset) * scale.
class Scaler {
 public:
  explicit Scaler(const NodeView& node)
      : offset_(node.attributes().Floats("offset")), scale_(node.attributes().Floats("scale")) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t features = x.rank > 0 ? x.dim(x.rank - 1) : 1;
    auto of = [&](const std::vector<float>& list, int64_t i) {
      if (list.size() == 1) return static_cast<double>(list[0]);
      if (static_cast<int64_t>(list.size()) != features)
        throw Error(ErrorCode::kInvalidArgument, "offset and scale must have one entry, or one for each feature");
      return static_cast<double>(list[static_cast<size_t>(i % features)]);
    };
    args.ParallelFor(x.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        args.output(0).as<float>()[i] =
            static_cast<float>((LoadDouble(x.type(), x.data, i) - of(offset_, i)) * of(scale_, i));
    });
  }

 private:
  std::vector<float> offset_, scale_;
};

// Each row over its greatest element, its sum of magnitudes, or its length; rows of zeros stay.
class Normalizer {
 public:
  explicit Normalizer(const NodeView& node) : norm_(node.attributes().String("norm", "MAX")) {
    if (norm_ != "MAX" && norm_ != "L1" && norm_ != "L2")
      throw Error(ErrorCode::kInvalidModel, "attribute 'norm' is '" + norm_ + "'");
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Matrix m(x);
    float* y = args.output(0).as<float>();
    if (m.columns == 0) return;
    args.ParallelFor(m.rows, 1 + 2048 / m.columns, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        double divisor = norm_ == "MAX" ? LoadDouble(x.type(), x.data, r * m.columns) : 0;
        for (int64_t c = 0; c < m.columns; ++c) {
          const double v = LoadDouble(x.type(), x.data, r * m.columns + c);
          divisor = norm_ == "MAX" ? std::max(divisor, v) : divisor + (norm_ == "L1" ? std::fabs(v) : v * v);
        }
        if (norm_ == "L2") divisor = std::sqrt(divisor);
        for (int64_t c = 0; c < m.columns; ++c) {
          const double v = LoadDouble(x.type(), x.data, r * m.columns + c);
          y[r * m.columns + c] = static_cast<float>(divisor == 0 ? v : v / divisor);
        }
      }
    });
  }

 private:
  std::string norm_;
};

class Imputer {
 public:
  explicit Imputer(const NodeView& node)
      : floats_(node.attributes().Floats("imputed_value_floats")),
        integers_(node.attributes().Ints("imputed_value_int64s")),
        replaced_float_(node.attributes().Float("replaced_value_float", 0)),
        replaced_integer_(node.attributes().Int("replaced_value_int64", 0)) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t features = x.rank > 0 ? x.dim(x.rank - 1) : 1;
    const bool real = IsFloating(x.type());
    const size_t count = real ? floats_.size() : integers_.size();
    if (count != 1 && static_cast<int64_t>(count) != features)
      throw Error(ErrorCode::kInvalidArgument, "there must be one imputed value, or one for each feature");
    args.ParallelFor(x.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const size_t at = count == 1 ? 0 : static_cast<size_t>(i % features);
        if (real) {
          const double v = LoadDouble(x.type(), x.data, i);
          const bool replace = std::isnan(replaced_float_) ? std::isnan(v) : v == replaced_float_;
          StoreDouble(y.type(), y.data, i, replace ? floats_[at] : v);
        } else {
          const int64_t v = LoadInt64(x.type(), x.data, i);
          StoreInt64(y.type(), y.data, i, v == replaced_integer_ ? integers_[at] : v);
        }
      }
    });
  }

 private:
  std::vector<float> floats_;
  std::vector<int64_t> integers_;
  float replaced_float_;
  int64_t replaced_integer_;
};

class Binarizer {
 public:
  explicit Binarizer(const NodeView& node) : threshold_(node.attributes().Float("threshold", 0)) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    args.ParallelFor(x.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        StoreDouble(y.type(), y.data, i, LoadDouble(x.type(), x.data, i) > threshold_ ? 1 : 0);
    });
  }

 private:
  double threshold_;
};

class CategoryMapper {
 public:
  explicit CategoryMapper(const NodeView& node)
      : default_integer_(node.attributes().Int("default_int64", -1)),
        default_name_(node.attributes().String("default_string", "_Unused")) {
    const auto integers = node.attributes().Ints("cats_int64s");
    const auto names = node.attributes().Strings("cats_strings");
    for (size_t i = 0; i < std::min(integers.size(), names.size()); ++i) {
      to_name_[integers[i]] = names[i];
      to_integer_[names[i]] = integers[i];
    }
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    StopPoll poll(args);
    for (int64_t i = 0; i < x.count(); ++i) {
      poll.Work(64);
      if (x.type() == DType::kString) {
        const auto found = to_integer_.find(x.as<std::string>()[i]);
        y.as<int64_t>()[i] = found == to_integer_.end() ? default_integer_ : found->second;
      } else {
        const auto found = to_name_.find(x.as<int64_t>()[i]);
        y.as<std::string>()[i] = found == to_name_.end() ? default_name_ : found->second;
      }
    }
  }

 private:
  int64_t default_integer_;
  std::string default_name_;
  std::unordered_map<int64_t, std::string> to_name_;
  std::unordered_map<std::string, int64_t> to_integer_;
};

class OneHotEncoder {
 public:
  explicit OneHotEncoder(const NodeView& node) : zeros_(node.attributes().Int("zeros", 1) != 0) {
    const auto integers = node.attributes().Ints("cats_int64s");
    const auto names = node.attributes().Strings("cats_strings");
    for (size_t i = 0; i < integers.size(); ++i) of_integer_[integers[i]] = static_cast<int64_t>(i);
    for (size_t i = 0; i < names.size(); ++i) of_name_[names[i]] = static_cast<int64_t>(i);
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t classes = y.dim(y.rank - 1);
    std::fill_n(y.as<float>(), y.count(), 0.0f);
    for (int64_t i = 0; i < x.count(); ++i) {
      const int64_t index = IndexOf(x, i);
      if (index >= 0) {
        y.as<float>()[i * classes + index] = 1;
      } else if (!zeros_) {
        throw Error(ErrorCode::kRuntime, "element " + std::to_string(i) + " is none of the categories");
      }
    }
  }

 private:
  int64_t IndexOf(const TensorView& x, int64_t i) const {
    if (x.type() == DType::kString) {
      const auto found = of_name_.find(x.as<std::string>()[i]);
      return found == of_name_.end() ? -1 : found->second;
    }
    int64_t key;
    if (IsFloating(x.type())) {
      const double v = LoadDouble(x.type(), x.data, i);
      if (!(std::fabs(v) < 0x1p63)) return -1;
      key = static_cast<int64_t>(v);
    } else {
      key = LoadInt64(x.type(), x.data, i);
    }
    const auto found = of_integer_.find(key);
    return found == of_integer_.end() ? -1 : found->second;
  }
  bool zeros_;
  std::unordered_map<int64_t, int64_t> of_integer_;
  std::unordered_map<std::string, int64_t> of_name_;
};

class ArrayFeatureExtractor {
 public:
  explicit ArrayFeatureExtractor(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int64_t features = x.dim(x.rank - 1), rows = x.count(0, x.rank - 1), n = indices.count();
    for (int64_t k = 0; k < n; ++k) {
      const int64_t at = indices.as<int64_t>()[k];
      if (at < 0 || at >= features)
        throw Error(ErrorCode::kRuntime,
                    "index " + std::to_string(at) + " is outside [0, " + std::to_string(features) + ")");
      for (int64_t r = 0; r < rows; ++r) CopyElement(x.type(), x.data, r * features + at, y.data, r * n + k);
    }
  }
};

// Rows of the inputs beside each other; a narrow input is padded with zeros to its entry of inputdimensions.
class FeatureVectorizer {
 public:
  explicit FeatureVectorizer(const NodeView& node) : widths_(node.attributes().Ints("inputdimensions")) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int64_t rows = y.dim(0), total = y.dim(1);
    std::fill_n(y.as<float>(), y.count(), 0.0f);
    int64_t at = 0;
    for (int k = 0; k < args.input_count(); ++k) {
      const TensorView& x = args.input(k);
      const Matrix m(x);
      if (m.rows != rows) throw Error(ErrorCode::kInvalidArgument, "the inputs have different numbers of rows");
      const int64_t width = widths_.empty() ? m.columns : widths_[static_cast<size_t>(k)];
      const int64_t copied = std::min({width, m.columns, total - at});
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < copied; ++c)
          y.as<float>()[r * total + at + c] = static_cast<float>(LoadDouble(x.type(), x.data, r * m.columns + c));
      at += width;
    }
  }

 private:
  std::vector<int64_t> widths_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Scaler>("Scaler", kDomain),
    MakeKernel<Normalizer>("Normalizer", kDomain),
    MakeKernel<Imputer>("Imputer", kDomain),
    MakeKernel<Binarizer>("Binarizer", kDomain),
    MakeKernel<CategoryMapper>("CategoryMapper", kDomain),
    MakeKernel<OneHotEncoder>("OneHotEncoder", kDomain),
    MakeKernel<ArrayFeatureExtractor>("ArrayFeatureExtractor", kDomain),
    MakeKernel<FeatureVectorizer>("FeatureVectorizer", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> FeatureKernels() { return kKernels; }

}  // namespace onda::ml
