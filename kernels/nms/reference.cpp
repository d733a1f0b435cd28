// NonMaxSuppression: per batch and class, boxes in the order of falling scores (equal ones in that of their indices)
// are selected unless they overlap an already selected one by more than the threshold.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/nms/nms.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::nms {
namespace {

// Boxes [batches, count], candidates and then selected indices [batches * classes, count], and their numbers.
struct Scratch {
  Scratch(const TensorView& scores, Carver& carver) {
    boxes = carver.Take<Box>(scores.dim(0) * scores.dim(2));
    selected = carver.Take<int32_t>(scores.count());
    numbers = carver.Take<int64_t>(scores.dim(0) * scores.dim(1));
  }
  Box* boxes;
  int32_t* selected;
  int64_t* numbers;
};

class Reference {
 public:
  explicit Reference(const NodeView& node) : centers_(node.attributes().Int("center_point_box", 0) != 0) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    Carver counter;
    Scratch(inputs[1], counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &boxes = args.input(0), &scores = args.input(1);
    const int64_t batches = scores.dim(0), classes = scores.dim(1), count = scores.dim(2);
    if (count > INT32_MAX) throw Error(ErrorCode::kResourceLimit, "too many boxes");
    if (boxes.dim(0) != batches || boxes.dim(1) != count || boxes.dim(2) != 4) {
      throw Error(ErrorCode::kInvalidArgument, "the shapes of boxes and scores do not fit");
    }
    Carver carver(args.workspace());
    const Scratch scratch(scores, carver);
    StopPoll poll(args);
    for (int64_t i = 0; i < batches * count; ++i) {
      poll.Work(4);
      const float* box = boxes.as<float>() + 4 * i;
      scratch.boxes[i] = Box::From(box, centers_);
    }
    const int64_t most =
        args.has_input(2) && args.input(2).count() > 0 ? LoadInt64(args.input(2).type(), args.input(2).data, 0) : 0;
    const float overlap = Threshold(args, 3, 0), least = Threshold(args, 4, -std::numeric_limits<float>::infinity());
    if (!(overlap >= 0 && overlap <= 1)) {
      throw Error(ErrorCode::kRuntime, "iou_threshold is " + std::to_string(overlap) + ", not within 0 and 1");
    }
    const bool bounded = args.has_input(4) && args.input(4).count() > 0;
    args.ParallelFor(batches * classes, 1 + 1000 / (count + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* score = scores.as<float>() + i * count;
        int32_t* selected = scratch.selected + i * count;
        int32_t* last = selected;
        for (int64_t k = 0; k < count && most > 0; ++k) {
          if (!bounded || score[k] > least) *last++ = static_cast<int32_t>(k);
        }
        scratch.numbers[i] = Select(args, score, scratch.boxes + i / classes * count, overlap, most, selected, last);
        if (args.stop_requested()) return;
      }
    });
    Write(args, scratch, batches, classes, count);
  }

 private:
  static float Threshold(const LaunchArgs& args, int input, float absent) {
    const TensorView& v = args.input(input);
    return v.present() && v.count() > 0 ? static_cast<float>(LoadDouble(v.type(), v.data, 0)) : absent;
  }

  // Turns the candidates [first, last) into the selected ones among them; gives their number.
  static int64_t Select(const LaunchArgs& args, const float* score, const Box* boxes, float overlap, int64_t most,
                        int32_t* first, int32_t* last) {
    StopPoll poll(args);
    std::sort(first, last, [&](int32_t a, int32_t b) {
      poll.Work(4);
      // NaN comes last.
      const bool a_nan = std::isnan(score[a]), b_nan = std::isnan(score[b]);
      if (a_nan || b_nan) return a_nan == b_nan ? a < b : b_nan;
      return score[a] != score[b] ? score[a] > score[b] : a < b;
    });
    int32_t* selected = first;
    for (const int32_t* candidate = first; candidate != last && selected - first < most; ++candidate) {
      const Box& box = boxes[*candidate];
      poll.Work(8 * (selected - first + 1));
      const bool free =
          std::none_of(first, selected, [&](int32_t other) { return Overlap(box, boxes[other], overlap); });
      if (free) *selected++ = *candidate;
    }
    return selected - first;
  }

  static void Write(const LaunchArgs& args, const Scratch& scratch, int64_t batches, int64_t classes, int64_t count) {
    int64_t total = 0;
    for (int64_t i = 0; i < batches * classes; ++i) total += scratch.numbers[i];
    if (!args.wants_output(0)) return;
    const int64_t dims[] = {total, 3};
    int64_t* to = args.AllocateOutput(0, dims).as<int64_t>();
    for (int64_t i = 0; i < batches * classes; ++i) {
      for (int64_t k = 0; k < scratch.numbers[i]; ++k) {
        *to++ = i / classes;
        *to++ = i % classes;
        *to++ = scratch.selected[i * count + k];
      }
    }
  }

  bool centers_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("NonMaxSuppression")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::nms
