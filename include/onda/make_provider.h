// A provider as a C++ class: MakeProvider<P> gives the C table of provider.h, as MakeKernel<K> does for kernels.
#ifndef ONDA_MAKE_PROVIDER_H_
#define ONDA_MAKE_PROVIDER_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "onda/provider.h"

namespace onda {

// Options as the user gave them. A provider reads those that it knows and then calls RefuseOthers.
class ProviderOptions {
 public:
  ProviderOptions(const char* const* keys, const char* const* values, int32_t count) {
    for (int32_t i = 0; i < count; ++i) entries_.push_back({keys[i], values[i], false});
  }
  std::string String(std::string_view key, std::string_view absent) {
    for (Entry& e : entries_)
      if (e.key == key) return e.known = true, e.value;
    return std::string(absent);
  }
  int64_t Int(std::string_view key, int64_t absent) {
    const std::string text = String(key, "");
    if (text.empty()) return absent;
    size_t read = 0;
    int64_t value = 0;
    try {
      value = std::stoll(text, &read);
    } catch (const std::exception&) {
    }
    if (read != text.size())
      throw Error(ErrorCode::kInvalidArgument,
                  "option '" + std::string(key) + "' takes an integer, not '" + text + "'");
    return value;
  }
  // Throws kInvalidArgument where a key was given that nobody asked for; names those that `known` describes.
  void RefuseOthers(std::span<const OndaOptionDef> known = {}) const {
    for (const Entry& e : entries_) {
      if (e.known) continue;
      std::string text = "unknown option '" + e.key + "'";
      for (const OndaOptionDef& o : known) text += std::string(&o == known.data() ? "; known are " : ", ") + o.key;
      throw Error(ErrorCode::kInvalidArgument, text);
    }
  }

 private:
  struct Entry {
    std::string key, value;
    bool known;
  };
  std::vector<Entry> entries_;
};

// A value of a region.
class RegionValue {
 public:
  explicit RegionValue(const OndaRegionValue& value) : value_(&value) {}
  std::string_view name() const { return value_->name; }
  const FactView& fact() const { return static_cast<const FactView&>(value_->fact); }
  bool is_constant() const { return value_->fact.constant != nullptr; }
  bool is_input() const { return value_->flags & kOndaRegionInput; }
  bool is_output() const { return value_->flags & kOndaRegionOutput; }
  // Of an input: whether a launch finds it in host memory.
  bool on_host() const { return value_->flags & kOndaRegionOnHost; }
  // The node that makes it; -1 for inputs and constants.
  int producer() const { return value_->producer; }
  std::string_view dim_text(int i) const { return value_->dim_texts[i]; }
  // Whether both have the same shape in every run, as far as is known now.
  bool SameShape(const RegionValue& other) const {
    if (fact().rank < 0 || fact().rank != other.fact().rank) return false;
    for (int i = 0; i < fact().rank; ++i)
      if (dim_text(i) != other.dim_text(i)) return false;
    return true;
  }

 private:
  const OndaRegionValue* value_;
};

// A node of a region.
class RegionNode {
 public:
  explicit RegionNode(const OndaRegionNode& node) : node_(&node) {}
  NodeView view() const { return NodeView(*node_->node); }
  const OndaNodeView& raw() const { return *node_->node; }
  std::string_view op() const { return node_->node->op; }
  std::string_view domain() const { return node_->node->domain; }
  // One of the provider's own kernels takes it.
  bool accepted() const { return node_->accepted != 0; }
  double host_microseconds() const { return node_->host_microseconds; }
  // Indices of values; -1 where omitted.
  std::span<const int32_t> inputs() const { return {node_->inputs, static_cast<size_t>(node_->node->input_count)}; }
  std::span<const int32_t> outputs() const { return {node_->outputs, static_cast<size_t>(node_->node->output_count)}; }

 private:
  const OndaRegionNode* node_;
};

// A convex set of nodes in topological order.
class RegionView {
 public:
  explicit RegionView(const OndaRegionView& region) : region_(&region) {}
  std::string_view name() const { return region_->name; }
  OndaRegionStage stage() const { return static_cast<OndaRegionStage>(region_->stage); }
  int node_count() const { return region_->node_count; }
  int value_count() const { return region_->value_count; }
  RegionNode node(int i) const { return RegionNode(*region_->nodes[i]); }
  RegionValue value(int i) const { return RegionValue(*region_->values[i]); }
  // Indices of values; constants are not among the inputs.
  std::span<const int32_t> inputs() const { return {region_->inputs, static_cast<size_t>(region_->input_count)}; }
  std::span<const int32_t> outputs() const { return {region_->outputs, static_cast<size_t>(region_->output_count)}; }
  // The nodes that read value i.
  std::vector<int> Readers(int i) const {
    std::vector<int> readers;
    for (int n = 0; n < node_count(); ++n)
      for (int32_t input : node(n).inputs())
        if (input == i && (readers.empty() || readers.back() != n)) readers.push_back(n);
    return readers;
  }

 private:
  const OndaRegionView* region_;
};

// Where a provider puts its claims.
class Claims {
 public:
  Claims(void (*add)(void* sink, const OndaClaim* claim), void* sink) : add_(add), sink_(sink) {}
  // microseconds: see OndaClaim.
  void Add(std::span<const int32_t> nodes, double microseconds = 0, const std::string& reason = "") {
    OndaClaim claim{};
    claim.size = sizeof(claim);
    claim.node_count = static_cast<int32_t>(nodes.size());
    claim.nodes = nodes.data();
    claim.microseconds = microseconds;
    claim.reason = reason.c_str();
    add_(sink_, &claim);
  }

 private:
  void (*add_)(void* sink, const OndaClaim* claim);
  void* sink_;
};

// What compiling a region gives: a table made by MakeKernel<K>, and a new K that the table's `destroy` deletes.
struct CompiledRegion {
  const OndaKernelDef* def = nullptr;
  void* kernel = nullptr;
};

// Streams and events of providers without any: all work is done when it is asked for.
struct NoStream {};
struct NoEvent {};

namespace internal {

template <class P>
struct StreamOf {
  using type = NoStream;
};
template <class P>
  requires requires { typename P::Stream; }
struct StreamOf<P> {
  using type = typename P::Stream;
};
template <class P>
struct EventOf {
  using type = NoEvent;
};
template <class P>
  requires requires { typename P::Event; }
struct EventOf<P> {
  using type = typename P::Event;
};

// fn() as the result of a C function that gives an object and fills a status.
template <class Fn>
void* GuardPointer(OndaStatus* status, Fn&& fn) {
  void* result = nullptr;
  GuardStatus(status, [&] { result = fn(); });
  return result;
}

template <class P>
P& Instance(void* instance) {
  return *static_cast<P*>(instance);
}

// Streams, events and copies.
template <class P>
constexpr void FillStreams(OndaProviderDef& def) {
  using Stream = typename StreamOf<P>::type;
  using Event = typename EventOf<P>::type;
  constexpr bool kAsynchronous = !std::is_same_v<Stream, NoStream>;
  static_assert(kAsynchronous == !std::is_same_v<Event, NoEvent>, "streams and events come together");
  def.create_stream = [](void* instance, OndaStatus* status) -> void* {
    return GuardPointer(status, [&]() -> void* {
      (void)instance;
      if constexpr (kAsynchronous) {
        return new Stream(Instance<P>(instance));
      } else {
        return new Stream();
      }
    });
  };
  def.destroy_stream = [](void*, void* stream) { delete static_cast<Stream*>(stream); };
  def.synchronize_stream = [](void*, void* stream, OndaStatus* status) {
    (void)stream, (void)status;
    if constexpr (kAsynchronous) GuardStatus(status, [&] { static_cast<Stream*>(stream)->Synchronize(); });
  };
  def.create_event = [](void* instance, OndaStatus* status) -> void* {
    return GuardPointer(status, [&]() -> void* {
      (void)instance;
      if constexpr (kAsynchronous) {
        return new Event(Instance<P>(instance));
      } else {
        return new Event();
      }
    });
  };
  def.destroy_event = [](void*, void* event) { delete static_cast<Event*>(event); };
  def.record_event = [](void*, void* event, void* stream, OndaStatus* status) {
    (void)event, (void)stream, (void)status;
    if constexpr (kAsynchronous)
      GuardStatus(status, [&] { static_cast<Stream*>(stream)->Record(*static_cast<Event*>(event)); });
  };
  def.wait_event = [](void*, void* stream, void* event, OndaStatus* status) {
    (void)event, (void)stream, (void)status;
    if constexpr (kAsynchronous)
      GuardStatus(status, [&] { static_cast<Stream*>(stream)->Wait(*static_cast<Event*>(event)); });
  };
  def.synchronize_event = [](void*, void* event, OndaStatus* status) {
    (void)event, (void)status;
    if constexpr (kAsynchronous) GuardStatus(status, [&] { static_cast<Event*>(event)->Synchronize(); });
  };
  def.copy = [](void* instance, void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream,
                OndaStatus* status) {
    GuardStatus(status, [&] { Instance<P>(instance).Copy(to, from, bytes, kind, *static_cast<Stream*>(stream)); });
  };
  def.fill_zero = [](void* instance, void* memory, size_t bytes, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { Instance<P>(instance).FillZero(memory, bytes, *static_cast<Stream*>(stream)); });
  };
}

template <class P>
constexpr void FillRegions(OndaProviderDef& def) {
  if constexpr (requires(P& p, const RegionView& r, Claims& c) { p.Claim(r, c); }) {
    def.claim_regions = [](void* instance, const OndaRegionView* region, void (*add)(void*, const OndaClaim*),
                           void* sink, OndaStatus* status) {
      GuardStatus(status, [&] {
        Claims claims(add, sink);
        Instance<P>(instance).Claim(RegionView(*region), claims);
      });
    };
    def.compile_region = [](void* instance, const OndaRegionView* region, void** kernel,
                            OndaStatus* status) -> const OndaKernelDef* {
      CompiledRegion compiled;
      GuardStatus(status, [&] { compiled = Instance<P>(instance).Compile(RegionView(*region)); });
      *kernel = compiled.kernel;
      return compiled.def;
    };
  }
}

// What else P may have; see MakeProvider.
template <class P>
constexpr void FillServices(OndaProviderDef& def) {
  if constexpr (requires { P::kOptions; }) {
    def.options = std::data(P::kOptions);
    def.option_count = static_cast<int32_t>(std::size(P::kOptions));
  }
  if constexpr (requires(void (*w)(std::string_view, std::string_view)) { P::Describe(static_cast<P*>(nullptr), w); }) {
    def.describe = [](void* instance, OndaDescribeFunction write, void* sink) {
      OndaStatus ignored{};
      GuardStatus(&ignored, [&] {
        P::Describe(static_cast<P*>(instance), [&](std::string_view what, std::string_view text) {
          write(sink, std::string(what).c_str(), std::string(text).c_str());
        });
      });
    };
  }
  if constexpr (requires(const P& p, const NodeView& n) { p.Microseconds(n); })
    def.node_microseconds = [](void* instance, const OndaNodeView* node) -> double {
      double result = 0;
      OndaStatus ignored{};
      GuardStatus(&ignored, [&] { result = Instance<P>(instance).Microseconds(NodeView(*node)); });
      return result;
    };
  if constexpr (requires(const P& p, OndaMemoryInfo& m) { p.Memory(m); })
    def.memory_info = [](void* instance, OndaMemoryInfo* info, OndaStatus* status) {
      GuardStatus(status, [&] { Instance<P>(instance).Memory(*info); });
    };
  if constexpr (requires(P& p) { p.SetMemoryLimit(uint64_t{}); })
    def.set_memory_limit = [](void* instance, uint64_t bytes, OndaStatus* status) {
      GuardStatus(status, [&] { Instance<P>(instance).SetMemoryLimit(bytes); });
    };
  if constexpr (requires(P& p) { p.Trim(); }) def.trim = [](void* instance) { Instance<P>(instance).Trim(); };
  if constexpr (requires(P& p, void* m) { p.FreeHost(m); }) {
    def.allocate_host = [](void* instance, size_t bytes) { return Instance<P>(instance).AllocateHost(bytes); };
    def.free_host = [](void* instance, void* memory) { Instance<P>(instance).FreeHost(memory); };
  }
}

}  // namespace internal

// Makes the C table of a provider class P; an instance of P is one device. P has
//   explicit P(ProviderOptions& options)                   throws onda::Error where the device cannot be used
//   std::span<const OndaKernelDef* const> kernels() const  best first where one operator has several
//   void* Allocate(size_t bytes)                           null where there is no memory left; aligned to 256 bytes
//   void Free(void* memory)
//   void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, Stream& stream)
//   void FillZero(void* memory, size_t bytes, Stream& stream)
// and for work that is done later than it is asked for
//   class Stream { explicit Stream(P&); void Synchronize(); void Record(Event&); void Wait(Event&); };
//   class Event { explicit Event(P&); void Synchronize(); };
// without them Stream is NoStream, and whatever is asked for is done at once. A kernel's LaunchArgs::stream() is the
// address of the Stream. P may have
//   static constexpr OndaOptionDef kOptions[] = {...}
//   static constexpr double kLaunchMicroseconds, kCopyMicroseconds, kCopyGigabytesPerSecond
//   static void Describe(P* instance, write)               write(what, text); see OndaProviderDef::describe
//   double Microseconds(const NodeView&) const             see OndaProviderDef::node_microseconds
//   void Memory(OndaMemoryInfo&) const, void SetMemoryLimit(uint64_t), void Trim()
//   void* AllocateHost(size_t), void FreeHost(void*)
//   void Claim(const RegionView&, Claims&)                 together with
//   CompiledRegion Compile(const RegionView&)
// What it has not (capture, ranges, timing, streams of the caller's) can be set in the table that this gives.
template <class P>
constexpr OndaProviderDef MakeProvider(const char* name) {
  OndaProviderDef def{};
  def.size = sizeof(OndaProviderDef);
  def.abi = kOndaProviderAbi;
  def.name = name;
  def.create = [](const char* const* keys, const char* const* values, int32_t count, OndaStatus* status) -> void* {
    return internal::GuardPointer(status, [&]() -> void* {
      ProviderOptions options(keys, values, count);
      auto instance = std::make_unique<P>(options);
      if constexpr (requires { P::kOptions; }) {
        options.RefuseOthers(P::kOptions);
      } else {
        options.RefuseOthers();
      }
      return instance.release();
    });
  };
  def.destroy = [](void* instance) { delete static_cast<P*>(instance); };
  def.kernels = [](void* instance, int32_t* count) -> const OndaKernelDef* const* {
    const std::span<const OndaKernelDef* const> all = internal::Instance<P>(instance).kernels();
    *count = static_cast<int32_t>(all.size());
    return all.data();
  };
  def.allocate = [](void* instance, size_t bytes) -> void* { return internal::Instance<P>(instance).Allocate(bytes); };
  def.free = [](void* instance, void* memory) { internal::Instance<P>(instance).Free(memory); };
  if constexpr (requires { P::kLaunchMicroseconds; }) def.launch_microseconds = P::kLaunchMicroseconds;
  if constexpr (requires { P::kCopyMicroseconds; }) def.copy_microseconds = P::kCopyMicroseconds;
  if constexpr (requires { P::kCopyGigabytesPerSecond; }) def.copy_gigabytes_per_second = P::kCopyGigabytesPerSecond;
  internal::FillStreams<P>(def);
  internal::FillServices<P>(def);
  internal::FillRegions<P>(def);
  return def;
}

}  // namespace onda

#endif  // ONDA_MAKE_PROVIDER_H_
