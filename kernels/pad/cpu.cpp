// By rows of the last padded dimension: one run for what shows the input, the rest by blocks of the dimensions behind
// it.
#include "kernels/pad/pad.h"
#include "kernels/simd/elements.h"

namespace onda::pad {
namespace {

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : mode_(ModeOf(node.attributes())) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &value = args.input(2), &y = args.output(0);
    if (y.count() == 0) return;
    const Pads pads(args);
    int last = y.rank - 1;  // the last padded dimension
    while (last > 0 && pads.begin[last] == 0 && pads.end[last] == 0) --last;
    if (last < 0) return CopyElement(y.type(), x.data, 0, y.data, 0);
    const int64_t block = y.count(last + 1, y.rank), width = y.dim(last), rows = y.count(0, last);
    const AxisPad row_pad = pads.Of(x, last);
    const int64_t middle = std::clamp<int64_t>(row_pad.extent, 0, width - std::min(width, row_pad.before));
    const int64_t before = std::min(width, row_pad.before);

    // Rows are numbered (line, row of the line): what lies ahead of a line is worked out once for all its rows.
    const int64_t lines = last > 0 ? y.count(0, last - 1) : 1, per_line = rows / lines, row_size = x.dim(last) * block;
    const AxisPad line_pad = last > 0 ? pads.Of(x, last - 1) : AxisPad(1, 0, 0);
    const int64_t line_size = (last > 0 ? x.dim(last - 1) : 1) * row_size;
    auto line_start = [&](int64_t line) {
      int64_t from = 0, stride = line_size;
      for (int k = last - 1; k-- > 0; line /= y.dim(k), stride *= x.dim(k)) {
        const int64_t i = pads.Of(x, k).Source(mode_, line % y.dim(k));
        from = i < 0 || from < 0 ? -1 : from + i * stride;
      }
      return from;
    };
    auto run = [&](int64_t begin, int64_t end) {
      int64_t in_line = begin % per_line, start = line_start(begin / per_line);
      for (int64_t row = begin; row < end; ++row, ++in_line) {
        if (in_line == per_line) {
          in_line = 0;
          start = line_start(row / per_line);
        }
        const int64_t at = line_pad.Source(mode_, in_line);
        const int64_t from = start < 0 || at < 0 ? -1 : start + at * row_size;
        const int64_t to = row * width * block;
        if (from < 0) {
          FillRun(y.type(), value.data, 0, y.data, to, width * block);
          continue;
        }
        Side(x, y, value, row_pad, from, to, 0, before, block);
        CopyRun(y.type(), x.data, from + row_pad.crop * block, y.data, to + before * block, middle * block);
        Side(x, y, value, row_pad, from, to, before + middle, width, block);
      }
    };
    // Rows of packed types share bytes.
    BitsOf(y.type()) % 8 == 0 ? args.ParallelFor(rows, 1 + 16384 / (width * block), run) : run(0, rows);
  }

 private:
  // Positions [begin, end) of a row, outside of what the input fills.
  void Side(const TensorView& x, const TensorView& y, const TensorView& value, const AxisPad& pad, int64_t from,
            int64_t to, int64_t begin, int64_t end, int64_t block) const {
    if (mode_ == Mode::kConstant || pad.extent <= 0)
      return FillRun(y.type(), value.data, 0, y.data, to + begin * block, (end - begin) * block);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t source = from + pad.Source(mode_, i) * block;
      if (block == 1) {
        CopyElement(y.type(), x.data, source, y.data, to + i);
      } else {
        CopyRun(y.type(), x.data, source, y.data, to + i * block, block);
      }
    }
  }
  Mode mode_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cpu>("Pad")};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::pad
