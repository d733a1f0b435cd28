#include <bit>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "kernels/ml/ml.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

// The elements of one of the attributes PREFIX_tensor, PREFIX_strings, PREFIX_int64s, PREFIX_floats.
struct List {
  DType type = DType::kUndefined;
  std::vector<std::string> names;
  std::vector<char> bytes;
  int64_t count = 0;

  List(const Attributes& a, const std::string& prefix) {
    if (const TensorView* tensor = a.Tensor(prefix + "_tensor")) {
      Assign(*tensor);
    } else if (a.Has(prefix + "_strings")) {
      type = DType::kString;
      names = a.Strings(prefix + "_strings");
      count = static_cast<int64_t>(names.size());
    } else if (a.Has(prefix + "_int64s")) {
      AssignBytes(DType::kInt64, a.Ints(prefix + "_int64s"));
    } else if (a.Has(prefix + "_floats")) {
      AssignBytes(DType::kFloat, a.Floats(prefix + "_floats"));
    } else {
      throw Error(ErrorCode::kInvalidModel, "one of the " + prefix + "_* attributes must be given");
    }
  }
  List() = default;

  void Assign(const TensorView& tensor) {
    type = tensor.type();
    count = tensor.count();
    if (type == DType::kString) {
      names.assign(tensor.as<std::string>(), tensor.as<std::string>() + count);
    } else if (count > 0) {
      bytes.assign(tensor.as<char>(), tensor.as<char>() + tensor.bytes());
    }
  }
  template <class T>
  void AssignBytes(DType of, const std::vector<T>& values) {
    type = of;
    count = static_cast<int64_t>(values.size());
    bytes.resize(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  }
};

// Numbers as keys: integers themselves, floats by their bits as double, all NaNs and both zeros alike.
int64_t KeyOf(DType type, const void* data, int64_t i) {
  if (!IsFloating(type)) return LoadInt64(type, data, i);
  const double value = LoadDouble(type, data, i);
  return std::bit_cast<int64_t>(std::isnan(value) ? std::nan("") : value == 0 ? 0.0 : value);
}

class LabelEncoder {
 public:
  explicit LabelEncoder(const NodeView& node) : keys_(node.attributes(), "keys"), values_(node.attributes(), "values") {
    const Attributes a = node.attributes();
    if (keys_.count != values_.count) throw Error(ErrorCode::kInvalidModel, "keys_* and values_* differ in length");
    for (int64_t i = 0; i < keys_.count; ++i) {  // the last of equal keys holds
      if (keys_.type == DType::kString) {
        by_name_[keys_.names[static_cast<size_t>(i)]] = i;
      } else {
        by_number_[KeyOf(keys_.type, keys_.bytes.data(), i)] = i;
      }
    }
    const TensorView* absent = a.Tensor("default_tensor");
    if (absent && absent->type() == values_.type && absent->count() == 1) {
      default_.Assign(*absent);
    } else if (values_.type == DType::kString) {
      default_.type = DType::kString;
      default_.names = {a.String("default_string", "_Unused")};
    } else {
      default_.type = values_.type;
      default_.bytes.resize(8);
      if (IsFloating(values_.type)) {
        StoreDouble(values_.type, default_.bytes.data(), 0, a.Float("default_float", -0.0f));
      } else {
        StoreInt64(values_.type, default_.bytes.data(), 0, a.Int("default_int64", -1));
      }
    }
  }

  static std::string Rejects(const NodeView& node) {
    const List keys(node.attributes(), "keys"), values(node.attributes(), "values");
    if (keys.type != node.input(0).type()) return "keys_* are of another type than the input";
    return values.type == node.output(0).type() ? "" : "values_* are of another type than the output";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t size = BitsOf(y.type()) / 8;
    StopPoll poll(args);
    for (int64_t i = 0; i < x.count(); ++i) {
      poll.Work(32);
      const int64_t at = Find(x, i);
      if (y.type() == DType::kString) {
        y.as<std::string>()[i] = at < 0 ? default_.names[0] : values_.names[static_cast<size_t>(at)];
      } else {
        std::memcpy(y.as<char>() + i * size, at < 0 ? default_.bytes.data() : values_.bytes.data() + at * size,
                    static_cast<size_t>(size));
      }
    }
  }

 private:
  int64_t Find(const TensorView& x, int64_t i) const {
    if (x.type() == DType::kString) {
      const auto found = by_name_.find(x.as<std::string>()[i]);
      return found == by_name_.end() ? -1 : found->second;
    }
    const auto found = by_number_.find(KeyOf(x.type(), x.data, i));
    return found == by_number_.end() ? -1 : found->second;
  }

  List keys_, values_, default_;
  std::unordered_map<std::string, int64_t> by_name_;
  std::unordered_map<int64_t, int64_t> by_number_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<LabelEncoder>("LabelEncoder", kDomain)};

}  // namespace

std::span<const OndaKernelDef> LabelEncoderKernels() { return kKernels; }

}  // namespace onda::ml
