// RotaryEmbedding and GroupQueryAttention, which rotates while it fills the key cache.
#include "kernels/attention/cuda_engine.h"
#include "kernels/attention/group_query.h"
#include "kernels/attention/rotary.h"
#include "kernels/device/element.h"
#include "kernels/device/status.h"
#include "kernels/device/target.h"

namespace onda::attention {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// Element c of a head whose first element is *head, rotated by the frequencies of its position.
template <class T>
__device__ T Rotated(const T* head, const T* cos, const T* sin, int64_t c, int64_t half, bool interleaved) {
  if (c >= 2 * half) return head[c];
  const int64_t pair = interleaved ? c / 2 : c % half;
  const bool second = interleaved ? c % 2 != 0 : c >= half;
  const float a = Widen(head[interleaved ? 2 * pair : pair]), b = Widen(head[interleaved ? 2 * pair + 1 : pair + half]);
  const float x = Widen(cos[pair]), y = Widen(sin[pair]);
  return Narrow<T>(second ? y * a + x * b : x * a - y * b);
}

// position in [0, positions), or 0 where it is not.
__device__ int64_t Checked(int64_t position, int64_t positions, int32_t* status, int32_t node) {
  if (position >= 0 && position < positions) return position;
  ReportError(status, node, kOndaIndexOutOfRange);
  return 0;
}

// x and y (tokens, heads, width) where flat, else (batch, heads, rows, width). one: ids holds the position of row 0.
template <class T>
__global__ void __launch_bounds__(kThreads)
    Rotary(In<T> x, In<T> cos, In<T> sin, In<int64_t> ids, Out<T> y, InOut<int32_t> status, int64_t n, int64_t heads,
           int64_t rows, int64_t width, int64_t rotated, int64_t cache_width, int64_t positions, bool flat, bool one,
           bool interleaved, int32_t node) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t c = i % width, t = i / width;
  const int64_t r = flat ? t / heads % rows : t % rows, b = t / heads / rows;
  int64_t position = b * rows + r;
  if (ids) position = one ? ids[0] + r : ids[position];
  const int64_t cache = Checked(position, positions, status.data, node) * cache_width;
  y[i] = Rotated(x.data + t * width, cos.data + cache, sin.data + cache, c, rotated / 2, interleaved);
}

class RotaryCuda {
 public:
  explicit RotaryCuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloatOrHalf(type)) return "not for " + std::string(NameOf(type));
    for (int i : {1, 2})
      if (node.input(i).type() != type) return "only caches of the input's type";
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &cos = args.input(1), &ids = args.input(3), &y = args.output(0);
    const int64_t n = x.count();
    if (n == 0) return;
    const bool flat = x.rank == 3;
    const int64_t half = cos.dim(cos.rank - 1), rows = x.dim(x.rank - 2);
    const int64_t width = !flat ? x.dim(3) : params_.heads > 0 ? x.dim(2) / params_.heads : 2 * half;
    const int64_t rotated = std::min(params_.dim > 0 ? params_.dim : width, 2 * half);
    if (width < rotated || width == 0) throw Error(ErrorCode::kRuntime, "the rotated part is wider than a head");
    const int64_t heads = flat ? x.dim(2) / width : x.dim(1);
    const int64_t positions = ids.present() ? std::min(cos.dim(0), args.input(2).dim(0)) : x.dim(0) * rows;
    if (positions == 0) throw Error(ErrorCode::kRuntime, "the caches hold no position");
    WithReal(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      if constexpr (!std::is_same_v<T, double>)
        cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, Rotary<T>, x, cos, args.input(2),
                     ids, y, StatusOf(args), n, heads, rows, width, rotated / 2 * 2, half, positions, flat,
                     ids.present() && ids.rank != 2, params_.interleaved, args.node());
    });
  }

 private:
  RotaryParams params_;
};

// Where the rows of a launch of GroupQueryAttention lie, in elements.
struct GroupQuery {
  int64_t queries, keys, past, width;  // rows of the step, of the cache and of the past; elements of a head
  int64_t q_heads, kv_heads;
  int64_t k_stride, v_stride;  // from one token to the next
  int64_t k_column, v_column;  // of head 0
  int64_t q_stride;
  int64_t half, positions;  // of the caches of angles
  bool rotary, interleaved;
  int32_t node;
};

// The first row that a batch's new keys take. Reports what does not fit, and gives a row that does.
__device__ int64_t FirstRow(const GroupQuery& g, const int32_t* last_keys, int64_t b, int32_t* status) {
  const int64_t valid = int64_t{last_keys[b]} + 1;
  const int64_t offset = valid > g.queries ? valid - g.queries : 0;
  if (valid >= 1 && valid <= g.keys && offset + g.queries <= g.keys) return offset;
  ReportError(status, g.node, kOndaBadContent);
  return 0;
}

template <class T>
__device__ T Placed(const GroupQuery& g, const T* head, const T* cos, const T* sin, const int64_t* ids, int64_t token,
                    int64_t position, int64_t c, bool rotate, int32_t* status) {
  if (!rotate) return head[c];
  const int64_t cache = Checked(ids ? ids[token] : position, g.positions, status, g.node) * g.half;
  return Rotated(head, cos + cache, sin + cache, c, g.half, g.interleaved);
}

// y (batch, rows, heads * width), rotated.
template <class T>
__global__ void __launch_bounds__(kThreads)
    RotateQueries(In<T> q, In<T> cos, In<T> sin, In<int64_t> ids, In<int32_t> last_keys, Out<T> y,
                  InOut<int32_t> status, int64_t n, GroupQuery g) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t c = i % g.width, h = i / g.width % g.q_heads, token = i / g.width / g.q_heads;
  const int64_t b = token / g.queries, position = FirstRow(g, last_keys.data, b, status.data) + token % g.queries;
  y[i] = Placed(g, q.data + token * g.q_stride + h * g.width, cos.data, sin.data, ids.data, token, position, c, true,
                status.data);
}

// The cache (batch, kv_heads, keys, width): the past, then the rows of the step, zeros elsewhere. blockIdx.y: 0 for
// keys, 1 for values.
template <class T>
__global__ void __launch_bounds__(kThreads)
    FillCache(In<T> k, In<T> v, In<T> past_k, In<T> past_v, In<T> cos, In<T> sin, In<int64_t> ids,
              In<int32_t> last_keys, Out<T> present_k, Out<T> present_v, InOut<int32_t> status, int64_t n,
              GroupQuery g) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const bool key = blockIdx.y == 0;
  const int64_t c = i % g.width, r = i / g.width % g.keys, t = i / g.width / g.keys;
  const int64_t h = t % g.kv_heads, b = t / g.kv_heads;
  const int64_t first = FirstRow(g, last_keys.data, b, status.data);
  T value{};
  if (r >= first && r < first + g.queries) {
    const int64_t token = b * g.queries + r - first;
    const T* const head = key ? k.data + token * g.k_stride + g.k_column + h * g.width
                              : v.data + token * g.v_stride + g.v_column + h * g.width;
    value = Placed(g, head, cos.data, sin.data, ids.data, token, r, c, key && g.rotary, status.data);
  } else if (r < first && r < g.past) {
    value = (key ? past_k : past_v)[(t * g.past + r) * g.width + c];
  }
  (key ? present_k : present_v)[i] = value;
}

class GroupQueryCuda {
 public:
  explicit GroupQueryCuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloatOrHalf(type)) return "only float, float16 and bfloat16";
    for (int i : {1, 2, 3, 4, 7, 8, 10, 11})
      if (node.input(i).present() && node.input(i).type() != type) return "only one type for all operands";
    for (int i : {12, 13, 14, 15, 16})
      if (node.input(i).present()) return "no quantized cache, head norms or query_seqlens";
    if (node.output(3).present()) return "only without output_qk";
    if (node.attributes().Int("sliding_window_cache", 0) != 0) return "no sliding_window_cache";
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const { return Layout(*this, inputs, outputs).bytes; }

  void Launch(const LaunchArgs& args) const {
    const Layout layout(*this, args.inputs(), {&args.output(0), args.output_count()});
    const Problem& a = layout.problem;
    if (a.batch * a.queries == 0) return;
    const TensorView &q = args.input(0), &cos = args.input(7);
    const bool packed = !args.has_input(1);
    GroupQuery g{};
    g.queries = a.queries, g.keys = a.keys, g.width = a.width;
    g.past = args.has_input(3) ? args.input(3).dim(2) : 0;
    g.q_heads = a.q_heads, g.kv_heads = a.kv_heads;
    g.q_stride = q.dim(2);
    g.k_stride = packed ? q.dim(2) : args.input(1).dim(2);
    g.v_stride = packed ? q.dim(2) : args.input(2).dim(2);
    g.k_column = packed ? a.q_heads * a.width : 0;
    g.v_column = packed ? (a.q_heads + a.kv_heads) * a.width : 0;
    g.rotary = params_.rotary, g.interleaved = params_.interleaved;
    g.node = args.node();
    if (g.rotary) {
      g.half = cos.dim(1);
      g.positions = std::min(cos.dim(0), args.input(8).dim(0));
      if (g.positions == 0) throw Error(ErrorCode::kRuntime, "the caches hold no position");
    }
    auto part = [&](const Layout::Part& p) { return WorkspaceOf(args, p.offset, p.bytes); };
    auto output = [&](int i, const Layout::Part& p) {
      return args.wants_output(i) ? cuda::Buffer{args.output(i).data, args.output(i).bytes()} : part(p);
    };
    DeviceOperands o;
    o.k = output(1, layout.k), o.v = output(2, layout.v);
    o.q = g.rotary ? part(layout.q) : cuda::Buffer{q.data, q.bytes()};
    o.y = {args.output(0).data, args.output(0).bytes()};
    if (args.has_input(10)) o.mask = {args.input(10).data, args.input(10).bytes()};
    if (args.has_input(11)) o.sink = {args.input(11).data, args.input(11).bytes()};
    o.last_keys = {args.input(5).data, args.input(5).bytes()};
    const int64_t cached = a.batch * a.kv_heads * a.keys * a.width, rows = a.batch * a.queries * a.q_heads * a.width;
    WithReal(q.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      if constexpr (!std::is_same_v<T, double>) {
        if (params_.smooth && !args.has_input(11)) {  // zeros are the same in all types
          o.sink = part(layout.sink);
          StreamOf(args).device().Fill(o.sink.data, 0, o.sink.bytes, StreamOf(args));
        }
        const TensorView &k = packed ? q : args.input(1), &v = packed ? q : args.input(2);
        cuda::Launch(args, {.grid = {BlocksFor(cached, kThreads), 2}, .block = {kThreads}}, FillCache<T>, k, v,
                     args.input(3), args.input(4), cos, args.input(8), args.input(9), args.input(5), o.k, o.v,
                     StatusOf(args), cached, g);
        if (g.rotary)
          cuda::Launch(args, {.grid = {BlocksFor(rows, kThreads)}, .block = {kThreads}}, RotateQueries<T>, q, cos,
                       args.input(8), args.input(9), args.input(5), o.q, StatusOf(args), rows, g);
      }
    });
    RunDeviceEngine(args, a, q.type(), o, part(layout.engine));
  }

 private:
  // The problem, and where the workspace holds what no output does.
  struct Layout {
    struct Part {
      size_t offset = 0, bytes = 0;
    };
    Problem problem;
    Part q, k, v, sink, engine;
    size_t bytes = 0;

    Layout(const GroupQueryCuda& kernel, TensorViews inputs, TensorViews outputs) {
      const GroupQueryParams& p = kernel.params_;
      const TensorView& query = inputs[0];
      const size_t element = BitsOf(query.type()) / 8;
      auto take = [&](size_t size) {
        const Part part{bytes, size};
        bytes += WorkspacePart(size);
        return part;
      };
      Problem& a = problem;
      a.batch = query.dim(0), a.queries = query.dim(1);
      a.q_heads = p.q_heads, a.kv_heads = p.kv_heads;
      a.width = a.v_width = outputs[0].dim(2) / p.q_heads;
      const int64_t past = inputs[3].present() ? inputs[3].dim(2) : 0;
      const int64_t total = inputs[6].data ? inputs[6].as<int32_t>()[0] : 0;
      a.keys = outputs[1].present() ? outputs[1].dim(2) : std::max(past, total);
      const int64_t rows = a.batch * a.queries * a.q_heads * a.width, cached = a.batch * a.kv_heads * a.keys * a.width;
      if (p.rotary) q = take(element * static_cast<size_t>(rows));
      if (!outputs[1].present()) k = take(element * static_cast<size_t>(cached));
      if (!outputs[2].present()) v = take(element * static_cast<size_t>(cached));
      if (p.smooth && !inputs[11].present()) sink = take(element * static_cast<size_t>(a.q_heads));
      const int64_t q_row = p.rotary ? a.q_heads * a.width : query.dim(2);
      a.q = {nullptr, query.type(), a.queries * q_row, a.width, q_row};
      a.k = {nullptr, query.type(), a.kv_heads * a.keys * a.width, a.keys * a.width, a.width};
      a.v = a.k;
      a.y = {nullptr, query.type(), a.queries * a.q_heads * a.width, a.width, a.q_heads * a.width};
      a.scale = p.scale != 0 ? p.scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, a.width)));
      a.softcap = p.softcap;
      a.causal = p.causal;
      a.left_window = p.window > 0 ? p.window - 1 : -1;
      a.SetMask(inputs[10]);
      engine = take(DeviceEngineBytes(a, query.type()));
    }
  };

  GroupQueryParams params_;
};

constexpr OndaKernelDef kRotary[] = {MakeKernel<RotaryCuda>("RotaryEmbedding")};
constexpr OndaKernelDef kGroupQuery[] = {MakeKernel<GroupQueryCuda>("GroupQueryAttention", "com.microsoft")};

}  // namespace

std::span<const OndaKernelDef> RotaryCudaKernels() { return kRotary; }
std::span<const OndaKernelDef> GroupQueryCudaKernels() { return kGroupQuery; }

}  // namespace onda::attention
