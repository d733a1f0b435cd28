// Attention: through cuDNN where it takes the problem, else by our own kernels (cuda_engine.cu).

#include "kernels/attention/cuda_engine.h"
#include "kernels/device/element.h"
#include "kernels/device/library_plans.h"
#include "kernels/device/number.h"
#include "kernels/device/target.h"

namespace onda::attention {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
constexpr int64_t kMaxLibraryWidth = 128;
constexpr int64_t kLeastLibraryQueries = 16;  // below, splitting the keys pays

// present (batch, heads, past + rows, width) from the past and from rows of any strides.
template <class T>
__global__ void __launch_bounds__(kThreads)
    JoinRows(In<T> past, In<T> now, Out<T> present, int64_t n, int64_t heads, int64_t past_rows, int64_t rows,
             int64_t width, int64_t batch, int64_t head, int64_t row) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t c = i % width, r = i / width % (past_rows + rows), t = i / width / (past_rows + rows);
  present[i] = r < past_rows ? past[(t * past_rows + r) * width + c]
                             : now[t / heads * batch + t % heads * head + (r - past_rows) * row + c];
}

// The mask as the library adds it, (planes, rows, keys) from rows of mask_keys.
template <class T>
__global__ void __launch_bounds__(kThreads) SpreadMask(In<uint8_t> mask, Out<T> to, int64_t n, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const float value = LoadNumber<float>(type, mask.data, i);
  if (type == DType::kBool) {
    to[i] = Narrow<T>(value != 0 ? 0.0f : -INFINITY);
    return;
  }
  T narrow = Narrow<T>(value);
  if (isinf(Widen(narrow)) && !isinf(value)) --narrow.bits;  // what is finite stays so: the largest that is
  to[i] = narrow;
}

// Rows of y whose mask hides all keys, for which the library promises nothing, become `empty`; a warp for each.
template <class T>
__global__ void __launch_bounds__(kThreads)
    FillHidden(In<T> mask, InOut<T> y, int64_t rows, int64_t queries, int64_t heads, int64_t keys, int64_t mask_batch,
               int64_t mask_head, int64_t mask_row, int64_t y_batch, int64_t y_head, int64_t y_row, int64_t v_width,
               float empty) {
  const int64_t r = GlobalThread() / kWarp;
  if (r >= rows) return;  // whole warps
  const int64_t i = r % queries, h = r / queries % heads, b = r / queries / heads;
  const T* const from = mask.data + b * mask_batch + h * mask_head + i * mask_row;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int64_t j = lane; j - lane < keys; j += kWarp)
    if (__any_sync(kAllLanes, j < keys && Widen(from[j]) != -INFINITY)) return;
  T* const to = y.data + b * y_batch + h * y_head + i * y_row;
  for (int64_t c = lane; c < v_width; c += kWarp) to[c] = Narrow<T>(empty);
}

cuda::Buffer BufferOf(const TensorView& t) { return t.present() ? cuda::Buffer{t.data, t.bytes()} : cuda::Buffer{}; }

// The library's plans for what it takes.
class Library {
 public:
  // Whether the library may be asked, as far as shapes say.
  static bool Takes(const Problem& a, DType type) {
    const bool half = type == DType::kFloat16 || type == DType::kBfloat16;
    if (!half || a.qk || a.softcap != 0 || a.left_window >= 0 || a.right_window >= 0 || a.past > 0 || a.valid)
      return false;
    if (a.width % 8 != 0 || a.v_width % 8 != 0 || a.width > kMaxLibraryWidth || a.v_width > kMaxLibraryWidth)
      return false;
    if (a.queries < kLeastLibraryQueries || a.keys == 0) return false;
    if (a.mask) return !a.causal && a.mask_keys == a.keys;
    return !a.causal || a.queries == a.keys;
  }

  // Runs it, or says that the library has no plan. mask: of the type of q. Its workspace begins at `offset`.
  bool Run(const LaunchArgs& args, const Problem& a, DType type, const DeviceOperands& o, size_t offset) {
    const Operands operands = OperandsOf(o);
    return plans_.TryExecute(args, OperationOf(a, type), operands.span(), nullptr, offset);
  }
  void Prepare(const LaunchArgs& args, const Problem& a, DType type, const DeviceOperands& o) {
    const Operands operands = OperandsOf(o);
    plans_.Prepare(args, OperationOf(a, type), operands.span());
  }
  size_t WorkspaceBytes(const Problem& a, DType type) const { return plans_.WorkspaceBytes(OperationOf(a, type)); }

 private:
  struct Operands {
    cuda::Buffer buffers[5];
    size_t count = 0;
    std::span<const cuda::Buffer> span() const { return {buffers, count}; }
  };
  static Operands OperandsOf(const DeviceOperands& o) {
    Operands operands;
    for (const cuda::Buffer& buffer : {o.q, o.k, o.v, o.mask, o.y})
      if (buffer.data) operands.buffers[operands.count++] = buffer;
    return operands;
  }
  static AttentionDescription OperationOf(const Problem& a, DType type) {
    AttentionDescription op;
    op.batch = a.batch, op.heads = a.q_heads, op.kv_heads = a.kv_heads;
    op.q_length = a.queries, op.kv_length = a.keys, op.head = a.width, op.v_head = a.v_width;
    auto strides = [](const Heads& h) { return std::array<int64_t, 3>{h.batch, h.head, h.row}; };
    op.q_stride = strides(a.q), op.k_stride = strides(a.k), op.v_stride = strides(a.v), op.y_stride = strides(a.y);
    op.mask_stride = {a.mask_batch, a.mask_head, a.mask_row, 1};
    op.type = type;
    op.scale = static_cast<float>(a.scale);
    op.causal = a.causal;
    op.has_mask = a.mask != nullptr;
    return op;
  }

  LibraryPlans plans_;
};

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloating(type)) return "only real types";
    for (int i : {1, 2, 4, 5})
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for Q, K, V and the past";
    const FactView& mask = node.input(3);
    if (mask.present() && !IsNumber(mask.type())) return "no mask of " + std::string(NameOf(mask.type()));
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    const DType type = inputs[0].type();
    const Problem a = Shaped(inputs, outputs);
    const size_t own = DeviceEngineBytes(a, type);
    if (!Library::Takes(a, type)) return own;
    return std::max(own, SpreadBytes(inputs) + library_.WorkspaceBytes(a, type));
  }

  void Prepare(const LaunchArgs& args) const {
    const TensorViews inputs = args.inputs();
    const DType type = inputs[0].type();
    const Problem a = Shaped(inputs, {&args.output(0), args.output_count()});
    if (args.output(0).count() == 0 || !Library::Takes(a, type)) return;
    DeviceOperands o;
    o.q = AtNoPlace(0, inputs[0].bytes()), o.k = AtNoPlace(1, inputs[1].bytes()), o.v = AtNoPlace(2, inputs[2].bytes());
    if (a.mask) o.mask = AtNoPlace(3, static_cast<size_t>(inputs[3].count()) * 2);
    o.y = AtNoPlace(4, args.output(0).bytes());
    library_.Prepare(args, a, type, o);
  }

  void Launch(const LaunchArgs& args) const {
    const DType type = args.input(0).type();
    const Problem a = Shaped(args.inputs(), {&args.output(0), args.output_count()});
    DeviceOperands o;
    o.q = BufferOf(args.input(0)), o.k = BufferOf(args.input(1)), o.v = BufferOf(args.input(2));
    o.mask = BufferOf(args.input(3));
    o.past_k = BufferOf(args.input(4)), o.past_v = BufferOf(args.input(5));
    o.counts = BufferOf(args.input(6));
    o.y = BufferOf(args.output(0)), o.qk = BufferOf(args.output(3));
    Present(args, a, a.k, a.width, 1);
    Present(args, a, a.v, a.v_width, 2);
    if (args.output(0).count() == 0 && !args.wants_output(3)) return;
    if (Library::Takes(a, type) && RunLibrary(args, a, type, o)) return;
    RunDeviceEngine(args, a, type, o, WorkspaceOf(args, 0, DeviceEngineBytes(a, type)));
  }

 private:
  // Of a mask that is brought to the type of Q, a half: ahead of the library's workspace.
  static size_t SpreadBytes(TensorViews inputs) {
    if (!inputs[3].present() || inputs[3].type() == inputs[0].type()) return 0;
    return WorkspacePart(static_cast<size_t>(inputs[3].count()) * 2);
  }

  // A problem with pointers that say only what is present.
  Problem Shaped(TensorViews inputs, TensorViews outputs) const {
    static constexpr int64_t kPresent = 0;
    Problem a = ProblemOf(params_, inputs, outputs);
    if (inputs[3].present()) a.mask = &kPresent;
    if (outputs[3].present()) a.qk = const_cast<int64_t*>(&kPresent);
    a.valid = inputs[6].present() ? &kPresent : nullptr;
    return a;
  }

  void Present(const LaunchArgs& args, const Problem& a, const Heads& now, int64_t width, int output) const {
    if (!args.wants_output(output)) return;
    const TensorView &past = args.input(3 + output), &present = args.output(output);
    WithSize(present.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {BlocksFor(present.count(), kThreads)}, .block = {kThreads}},
                   JoinRows<typename decltype(tag)::Type>, past, args.input(output), present, present.count(),
                   a.kv_heads, a.past, a.keys - a.past, width, now.batch, now.head, now.row);
    });
  }

  bool RunLibrary(const LaunchArgs& args, const Problem& a, DType type, DeviceOperands o) const {
    const size_t offset = SpreadBytes(args.inputs());
    if (!a.mask) return library_.Run(args, a, type, o, offset);
    bool done = false;
    const TensorView& mask = args.input(3);
    auto run = [&]<class T>(TypeTag<T>) {
      if (mask.type() != type) {
        const cuda::Buffer spread = WorkspaceOf(args, 0, static_cast<size_t>(mask.count()) * sizeof(T));
        cuda::Launch(args, {.grid = {BlocksFor(mask.count(), kThreads)}, .block = {kThreads}}, SpreadMask<T>, mask,
                     spread, mask.count(), mask.type());
        o.mask = spread;
      }
      done = library_.Run(args, a, type, o, offset);
      if (!done) return;
      const int64_t rows = a.batch * a.q_heads * a.queries;
      cuda::Launch(args, {.grid = {BlocksFor(rows, kThreads / kWarp)}, .block = {kThreads}}, FillHidden<T>, o.mask, o.y,
                   rows, a.queries, a.q_heads, a.keys, a.mask_batch, a.mask_head, a.mask_row, a.y.batch, a.y.head,
                   a.y.row, a.v_width, a.empty_row);
    };
    type == DType::kFloat16 ? run(TypeTag<Half>()) : run(TypeTag<Bfloat16>());
    return done;
  }

  Params params_;
  mutable Library library_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("Attention")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all(std::begin(kKernels), std::end(kKernels));
    for (std::span<const OndaKernelDef> more : {GroupQueryCudaKernels(), RotaryCudaKernels(), LinearCudaKernels()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return kernels;
}

}  // namespace onda::attention
