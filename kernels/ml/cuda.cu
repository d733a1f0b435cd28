// Operators of ai.onnx.ml on single features. Everything but strings.
#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/device/constants.h"
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "kernels/device/warp.h"
#include "kernels/ml/cuda_models.h"
#include "kernels/ml/ml.h"

namespace onda::ml {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

LaunchConfig Over(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

std::string RejectsInput(const NodeView& node) {
  const DType type = node.input(0).type();
  return IsNumber(type) ? "" : "not for " + std::string(NameOf(type));
}
int64_t FeaturesOf(const TensorView& x) { return x.rank > 0 ? x.dim(x.rank - 1) : 1; }

__global__ void __launch_bounds__(kThreads)
    Scale(In<uint8_t> x, In<float> offset, In<float> scale, Out<float> y, int64_t n, int64_t features, bool one_offset,
          bool one_scale, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const double by = scale[one_scale ? 0 : i % features], from = offset[one_offset ? 0 : i % features];
  y[i] = static_cast<float>((LoadNumber<double>(type, x.data, i) - from) * by);
}

class Scaler {
 public:
  explicit Scaler(const NodeView& node) {
    const std::vector<float> offset = node.attributes().Floats("offset"), scale = node.attributes().Floats("scale");
    offset_ = constants_.Add(offset), scale_ = constants_.Add(scale);
    offsets_ = static_cast<int64_t>(offset.size()), scales_ = static_cast<int64_t>(scale.size());
  }
  static std::string Rejects(const NodeView& node) { return RejectsInput(node); }
  void Prepare(const LaunchArgs& args) const { constants_.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t features = FeaturesOf(x), n = x.count();
    if (n == 0) return;
    for (const int64_t count : {offsets_, scales_})
      if (count != 1 && count != features)
        throw Error(ErrorCode::kInvalidArgument, "offset and scale must have one entry, or one for each feature");
    cuda::Launch(args, Over(n), Scale, x, constants_.On(StreamOf(args), offset_), constants_.On(StreamOf(args), scale_),
                 args.output(0), n, features, offsets_ == 1, scales_ == 1, x.type());
  }

 private:
  DeviceConstants constants_;
  DeviceConstants::List offset_, scale_;
  int64_t offsets_, scales_;
};

enum class Norm { kMax, kL1, kL2 };

// A warp per row.
__global__ void __launch_bounds__(kThreads)
    Normalize(In<uint8_t> x, Out<float> y, int64_t rows, int64_t columns, Norm norm, DType type) {
  const int64_t r = GlobalThread() / kWarp;
  if (r >= rows) return;  // whole warps
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  auto at = [&](int64_t c) { return LoadNumber<double>(type, x.data, r * columns + c); };
  double divisor = norm == Norm::kMax ? at(0) : 0;
  for (int64_t c = lane; c < columns; c += kWarp) {
    const double v = at(c);
    if (norm == Norm::kMax)
      divisor = divisor < v ? v : divisor;
    else
      divisor += norm == Norm::kL1 ? fabs(v) : v * v;
  }
  divisor = norm == Norm::kMax ? WarpReduce(divisor, Maximum()) : WarpReduce(divisor, Plus());
  if (norm == Norm::kL2) divisor = sqrt(divisor);
  for (int64_t c = lane; c < columns; c += kWarp)
    y[r * columns + c] = static_cast<float>(divisor == 0 ? at(c) : at(c) / divisor);
}

class Normalizer {
 public:
  explicit Normalizer(const NodeView& node) {
    const std::string norm = node.attributes().String("norm", "MAX");
    if (norm != "MAX" && norm != "L1" && norm != "L2")
      throw Error(ErrorCode::kInvalidModel, "attribute 'norm' is '" + norm + "'");
    norm_ = norm == "MAX" ? Norm::kMax : norm == "L1" ? Norm::kL1 : Norm::kL2;
  }
  static std::string Rejects(const NodeView& node) { return RejectsInput(node); }
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Matrix m(x);
    if (m.columns == 0) return;
    cuda::Launch(args, Over(m.rows * kWarp), Normalize, x, args.output(0), m.rows, m.columns, norm_, x.type());
  }

 private:
  Norm norm_;
};

__global__ void __launch_bounds__(kThreads)
    ImputeReals(In<uint8_t> x, In<float> values, Out<uint8_t> y, int64_t n, int64_t count, float replaced, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const double v = LoadNumber<double>(type, x.data, i);
  const bool replace = isnan(replaced) ? isnan(v) : v == static_cast<double>(replaced);
  StoreReal(type, y.data, i, replace ? static_cast<double>(values[i % count]) : v);
}
__global__ void __launch_bounds__(kThreads) ImputeIntegers(In<uint8_t> x, In<int64_t> values, Out<uint8_t> y, int64_t n,
                                                           int64_t count, int64_t replaced, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t v = LoadInteger(type, x.data, i);
  StoreInteger(type, y.data, i, v == replaced ? values[i % count] : v);
}

class Imputer {
 public:
  explicit Imputer(const NodeView& node)
      : real_(IsFloating(node.input(0).type())),
        replaced_float_(node.attributes().Float("replaced_value_float", 0)),
        replaced_integer_(node.attributes().Int("replaced_value_int64", 0)) {
    const auto floats = node.attributes().Floats("imputed_value_floats");
    const auto integers = node.attributes().Ints("imputed_value_int64s");
    count_ = static_cast<int64_t>(real_ ? floats.size() : integers.size());
    values_ = real_ ? constants_.Add(floats) : constants_.Add(integers);
  }
  static std::string Rejects(const NodeView& node) { return RejectsInput(node); }
  void Prepare(const LaunchArgs& args) const { constants_.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t n = x.count();
    if (n == 0) return;
    if (count_ != 1 && count_ != FeaturesOf(x))
      throw Error(ErrorCode::kInvalidArgument, "there must be one imputed value, or one for each feature");
    const cuda::Buffer values = constants_.On(StreamOf(args), values_);
    if (real_)
      cuda::Launch(args, Over(n), ImputeReals, x, values, args.output(0), n, count_, replaced_float_, x.type());
    else
      cuda::Launch(args, Over(n), ImputeIntegers, x, values, args.output(0), n, count_, replaced_integer_, x.type());
  }

 private:
  bool real_;
  float replaced_float_;
  int64_t replaced_integer_, count_;
  DeviceConstants constants_;
  DeviceConstants::List values_;
};

__global__ void __launch_bounds__(kThreads)
    Binarize(In<uint8_t> x, Out<uint8_t> y, int64_t n, double threshold, DType type) {
  const int64_t i = GlobalThread();
  if (i < n) StoreNumber(type, y.data, i, LoadNumber<double>(type, x.data, i) > threshold ? 1 : 0);
}

class Binarizer {
 public:
  explicit Binarizer(const NodeView& node) : threshold_(node.attributes().Float("threshold", 0)) {}
  static std::string Rejects(const NodeView& node) { return RejectsInput(node); }
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    cuda::Launch(args, Over(x.count()), Binarize, x, args.output(0), x.count(), threshold_, x.type());
  }

 private:
  double threshold_;
};

// keys, sorted, with the class of each.
__global__ void __launch_bounds__(kThreads)
    EncodeOneHot(In<uint8_t> x, In<int64_t> keys, In<int64_t> classes_of, Out<float> y, InOut<int32_t> status,
                 int64_t n, int64_t classes, int64_t key_count, bool zeros, DType type, int32_t node) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const double value = LoadNumber<double>(type, x.data, i / classes);
  const bool real =
      type == DType::kFloat || type == DType::kDouble || type == DType::kFloat16 || type == DType::kBfloat16;
  int64_t found = -1;
  if (!real || fabs(value) < 0x1p63) {
    const int64_t key = real ? static_cast<int64_t>(value) : LoadInteger(type, x.data, i / classes);
    int64_t low = 0, high = key_count;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      keys[middle] < key ? low = middle + 1 : high = middle;
    }
    if (low < key_count && keys[low] == key) found = classes_of[low];
  }
  y[i] = found == i % classes ? 1.0f : 0.0f;
  if (found < 0 && !zeros) ReportError(status.data, node, kOndaBadContent);
}

class OneHotEncoder {
 public:
  explicit OneHotEncoder(const NodeView& node) : zeros_(node.attributes().Int("zeros", 1) != 0) {
    const auto integers = node.attributes().Ints("cats_int64s");
    std::map<int64_t, int64_t> of;  // the last of equal keys holds
    for (size_t i = 0; i < integers.size(); ++i) of[integers[i]] = static_cast<int64_t>(i);
    std::vector<int64_t> keys, classes;
    for (const auto& [key, at] : of) keys.push_back(key), classes.push_back(at);
    count_ = static_cast<int64_t>(keys.size());
    keys_ = constants_.Add(keys), classes_ = constants_.Add(classes);
  }
  static std::string Rejects(const NodeView& node) { return RejectsInput(node); }
  void Prepare(const LaunchArgs& args) const { constants_.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (y.count() == 0) return;
    cuda::Launch(args, Over(y.count()), EncodeOneHot, x, constants_.On(StreamOf(args), keys_),
                 constants_.On(StreamOf(args), classes_), y, StatusOf(args), y.count(), y.dim(y.rank - 1), count_,
                 zeros_, x.type(), args.node());
  }

 private:
  bool zeros_;
  int64_t count_;
  DeviceConstants constants_;
  DeviceConstants::List keys_, classes_;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    ExtractFeatures(In<T> x, In<int64_t> indices, Out<T> y, InOut<int32_t> status, int64_t n, int64_t count,
                    int64_t features, int32_t node) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t at = indices[i % count];
  if (at < 0 || at >= features) {
    ReportError(status.data, node, kOndaIndexOutOfRange);
    at = 0;
  }
  y[i] = x[i / count * features + at];
}

class ArrayFeatureExtractor {
 public:
  explicit ArrayFeatureExtractor(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return RejectsInput(node); }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    if (x.count() == 0) throw Error(ErrorCode::kRuntime, "an index into a dimension of extent 0");
    WithSize(x.type(), [&](auto tag) {
      cuda::Launch(args, Over(n), ExtractFeatures<typename decltype(tag)::Type>, x, indices, y, StatusOf(args), n,
                   indices.count(), x.dim(x.rank - 1), args.node());
    });
  }
};

__global__ void __launch_bounds__(kThreads) PlaceColumns(In<uint8_t> x, InOut<float> y, int64_t n, int64_t copied,
                                                         int64_t columns, int64_t total, int64_t first, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t r = i / copied, c = i % copied;
  y[r * total + first + c] = LoadNumber<float>(type, x.data, r * columns + c);
}

class FeatureVectorizer {
 public:
  explicit FeatureVectorizer(const NodeView& node) : widths_(node.attributes().Ints("inputdimensions")) {}
  static std::string Rejects(const NodeView& node) {
    for (int i = 0; i < node.input_count(); ++i)
      if (!IsNumber(node.input(i).type())) return "not for " + std::string(NameOf(node.input(i).type()));
    return "";
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int64_t rows = y.dim(0), total = y.dim(1);
    if (y.count() > 0) StreamOf(args).device().Fill(y.data, 0, y.bytes(), StreamOf(args));
    int64_t at = 0;
    for (int k = 0; k < args.input_count(); ++k) {
      const TensorView& x = args.input(k);
      const Matrix m(x);
      if (m.rows != rows) throw Error(ErrorCode::kInvalidArgument, "the inputs have different numbers of rows");
      const int64_t width = widths_.empty() ? m.columns : widths_[static_cast<size_t>(k)];
      const int64_t copied = std::max<int64_t>(0, std::min({width, m.columns, total - at}));
      cuda::Launch(args, Over(rows * copied), PlaceColumns, x, y, rows * copied, copied, m.columns, total, at,
                   x.type());
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
    MakeKernel<OneHotEncoder>("OneHotEncoder", kDomain),
    MakeKernel<ArrayFeatureExtractor>("ArrayFeatureExtractor", kDomain),
    MakeKernel<FeatureVectorizer>("FeatureVectorizer", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all(std::begin(kKernels), std::end(kKernels));
    for (const auto& part : {LinearCudaKernels(), SvmCudaKernels(), TreeCudaKernels()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kernels;
}

}  // namespace onda::ml
