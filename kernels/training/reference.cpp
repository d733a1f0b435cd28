#include <cmath>

#include "kernels/training/training.h"
#include "onda/float_formats.h"

namespace onda::training {
namespace {

// One element: x, the accumulators and the gradient, updated in place.
struct Element {
  double x, gradient, first, second;
};

// Start sets what the learning rate and the update count decide, then the call updates one element.
struct AdagradStep {
  double decay, norm, epsilon, rate = 0;
  explicit AdagradStep(const Attributes& a)
      : decay(a.Float("decay_factor", 0)), norm(a.Float("norm_coefficient", 0)), epsilon(a.Float("epsilon", 1e-6f)) {}
  void Start(double r, double t) { rate = r / (1 + t * decay); }
  void operator()(Element* e) const {
    const double g = norm * e->x + e->gradient;
    e->first += g * g;
    e->x -= rate * g / (std::sqrt(e->first) + epsilon);
  }
};

struct AdamStep {
  double alpha, beta, norm, norm_post, epsilon, rate = 0;
  explicit AdamStep(const Attributes& a)
      : alpha(a.Float("alpha", 0.9f)),
        beta(a.Float("beta", 0.999f)),
        norm(a.Float("norm_coefficient", 0)),
        norm_post(a.Float("norm_coefficient_post", 0)),
        epsilon(a.Float("epsilon", 1e-6f)) {}
  void Start(double r, double t) { rate = t > 0 ? r * std::sqrt(1 - std::pow(beta, t)) / (1 - std::pow(alpha, t)) : r; }
  void operator()(Element* e) const {
    const double g = norm * e->x + e->gradient;
    e->first = alpha * e->first + (1 - alpha) * g;
    e->second = beta * e->second + (1 - beta) * g * g;
    e->x = (1 - norm_post) * (e->x - rate * e->first / (std::sqrt(e->second) + epsilon));
  }
};

struct MomentumStep {
  double alpha, beta, norm, rate = 0;
  bool nesterov;
  explicit MomentumStep(const Attributes& a)
      : alpha(a.Float("alpha", 0)),
        beta(a.Float("beta", 0)),
        norm(a.Float("norm_coefficient", 0)),
        nesterov(a.String("mode", "standard") == "nesterov") {}
  void Start(double r, double t) {
    rate = r;
    if (!(t > 0)) beta = 1;
  }
  void operator()(Element* e) const {
    const double g = norm * e->x + e->gradient;
    e->first = alpha * e->first + beta * g;
    e->x -= rate * (nesterov ? g + alpha * e->first : e->first);
  }
};

template <class Step>
class Reference {
 public:
  explicit Reference(const NodeView& node) : accumulators_(AccumulatorsOf(node.op())), step_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &r = args.input(0), &t = args.input(1);
    Step step = step_;
    step.Start(LoadDouble(r.type(), r.data, 0), LoadDouble(t.type(), t.data, 0));
    const int n = (args.input_count() - 2) / (accumulators_ + 2);
    for (int k = 0; k < n; ++k) {
      const TensorView &x = args.input(2 + k), &g = args.input(2 + n + k), &v = args.input(2 + 2 * n + k);
      const TensorView& h = args.input(2 + 3 * n + k);  // absent but for Adam
      const DType type = x.type();
      args.ParallelFor(x.count(), 2048, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Element e{LoadDouble(type, x.data, i), LoadDouble(type, g.data, i), LoadDouble(type, v.data, i),
                    accumulators_ > 1 ? LoadDouble(type, h.data, i) : 0};
          step(&e);
          const double values[] = {e.x, e.first, e.second};
          for (int o = 0; o <= accumulators_; ++o) {
            const TensorView& y = args.output(o * n + k);
            if (y.data) StoreDouble(type, y.data, i, values[o]);
          }
        }
      });
    }
  }

 private:
  int accumulators_;
  Step step_;
};

constexpr const char* kDomain = "ai.onnx.preview.training";
constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<AdagradStep>>("Adagrad", kDomain),
    MakeKernel<Reference<AdamStep>>("Adam", kDomain),
    MakeKernel<Reference<MomentumStep>>("Momentum", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::training
