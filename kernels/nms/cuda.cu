// NonMaxSuppression: candidates of each batch and class are sorted by score; then a block per batch and class takes the
// best that is left, strikes out what overlaps it, and so on. How many there are in all is read back before they are
// written.
#include <algorithm>

#include "kernels/device/compact.h"
#include "kernels/device/order.h"
#include "kernels/device/sort.h"
#include "kernels/device/status.h"
#include "kernels/nms/nms.h"
#include "kernels/simd/carver.h"
#include "providers/cuda/device.h"

namespace onda::nms {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

LaunchConfig Threads(int64_t n) { return {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}; }

// scores (rows, count); keys, order (rows, padded). The highest score has the lowest key, NaN comes last; what is no
// candidate is at the end, with no index.
__global__ void __launch_bounds__(kThreads)
    ListCandidates(In<float> scores, In<float> least, Out<uint64_t> keys, Out<uint32_t> order, Out<uint8_t> struck,
                   int64_t total, int64_t count, int64_t padded) {
  const int64_t i = GlobalThread();
  if (i >= total) return;
  const int64_t row = i / padded, k = i % padded;
  const float score = k < count ? scores[row * count + k] : 0;
  const bool candidate = k < count && (!least || score > least[0]);
  keys[i] = !candidate ? UINT64_MAX : score != score ? UINT64_MAX - 1 : ~OrderKeyOfReal(score);
  order[i] = candidate ? static_cast<uint32_t>(k) : UINT32_MAX;
  struck[i] = 0;
}

// What a node's inputs say, at hand in device memory.
struct Geometry {
  int64_t classes, count, padded;
  bool centers;
  int32_t node;
};

// A block per (batch, class). A thread looks after every kThreads-th candidate, and after its mark.
__global__ void __launch_bounds__(kThreads)
    Select(In<float> boxes, In<uint32_t> order, InOut<uint8_t> struck, In<int64_t> most, In<float> overlap,
           Out<int32_t> selected, Out<int64_t> numbers, InOut<int32_t> status, Geometry g) {
  const int64_t row = blockIdx.x, first = row * g.padded;
  const float* const own_boxes = boxes.data + row / g.classes * g.count * 4;
  const float threshold = overlap ? overlap[0] : 0;
  const int64_t limit = most ? most[0] : 0;
  const bool bad = !(threshold >= 0 && threshold <= 1);
  if (bad && threadIdx.x == 0) ReportError(status.data, g.node, kOndaBadContent);
  int64_t number = 0, current = order[first] == UINT32_MAX || bad ? g.padded : 0;
  while (current < g.padded && number < limit) {
    const uint32_t taken = order[first + current];
    if (threadIdx.x == 0) selected[row * g.count + number] = static_cast<int32_t>(taken);
    ++number;
    const Box box = Box::From(own_boxes + int64_t{taken} * 4, g.centers);
    int64_t next = g.padded;
    int64_t at = current / kThreads * kThreads + threadIdx.x;
    if (at <= current) at += kThreads;
    for (; at < g.padded; at += kThreads) {
      const uint32_t index = order[first + at];
      if (index == UINT32_MAX) break;
      if (struck[first + at]) continue;
      if (Overlap(Box::From(own_boxes + int64_t{index} * 4, g.centers), box, threshold))
        struck[first + at] = 1;
      else if (next == g.padded)
        next = at;
    }
    current = BlockReduce(next, Minimum(), g.padded);
  }
  if (threadIdx.x == 0) numbers[row] = number;
}

// before: how many are selected in the rows before each, and in all.
__global__ void __launch_bounds__(kThreads)
    WriteSelected(In<int32_t> selected, In<int64_t> before, Out<int64_t> y, int64_t total, Geometry g) {
  const int64_t i = GlobalThread();
  if (i >= total) return;
  const int64_t row = i / g.count, k = i % g.count;
  if (k >= before[row + 1] - before[row]) return;
  const int64_t to = (before[row] + k) * 3;
  y[to] = row / g.classes;
  y[to + 1] = row % g.classes;
  y[to + 2] = selected[row * g.count + k];
}

struct Scratch {
  Scratch(const TensorView& scores, Carver& carver) : rows(scores.dim(0) * scores.dim(1)), count(scores.dim(2)) {
    padded = PaddedLength(count);
    auto take = [&]<class T>(Buffer& buffer, int64_t n, T) {
      buffer = {carver.Take<T>(n), static_cast<size_t>(n) * sizeof(T)};
    };
    take(keys, rows * padded, uint64_t{});
    take(order, rows * padded, uint32_t{});
    take(struck, rows * padded, uint8_t{});
    take(selected, rows * count, int32_t{});
    take(numbers, rows + 1, int64_t{});
  }
  int64_t rows, count, padded;
  Buffer keys, order, struck, selected, numbers;
};

class Cuda {
 public:
  static constexpr bool kNotCaptured = true;
  explicit Cuda(const NodeView& node) : centers_(node.attributes().Int("center_point_box", 0) != 0) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    Carver counter;
    Scratch(inputs[1], counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &boxes = args.input(0), &scores = args.input(1);
    if (boxes.dim(0) != scores.dim(0) || boxes.dim(1) != scores.dim(2) || boxes.dim(2) != 4)
      throw Error(ErrorCode::kInvalidArgument, "the shapes of boxes and scores do not fit");
    Carver carver(args.workspace());
    const Scratch s(scores, carver);
    if (s.count > INT32_MAX) throw Error(ErrorCode::kResourceLimit, "too many boxes");
    const Geometry geometry{scores.dim(1), s.count, s.padded, centers_, args.node()};
    int64_t total = 0;
    if (scores.count() > 0) {
      cuda::Launch(args, Threads(s.rows * s.padded), ListCandidates, scores, Given(args, 4), s.keys, s.order, s.struck,
                   s.rows * s.padded, s.count, s.padded);
      SortRows(args, s.keys, s.order, s.rows, s.padded);
      cuda::Launch(args, {.grid = {BlocksFor(s.rows, 1)}, .block = {kThreads}}, Select, boxes, s.order, s.struck,
                   Given(args, 2), Given(args, 3), s.selected, s.numbers, StatusOf(args), geometry);
      args.ReadBack(SumCounts(args, s.numbers, s.rows), &total, sizeof(total));
    }
    if (!args.wants_output(0)) return;
    const int64_t dims[] = {total, 3};
    const TensorView y = args.AllocateOutput(0, dims);
    if (total > 0)
      cuda::Launch(args, Threads(scores.count()), WriteSelected, s.selected, s.numbers, y, scores.count(), geometry);
  }

 private:
  // An input of one element, or nothing where it is absent or empty.
  static TensorView Given(const LaunchArgs& args, int i) {
    return args.has_input(i) && args.input(i).count() > 0 ? args.input(i) : TensorView{};
  }
  bool centers_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("NonMaxSuppression")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::nms
