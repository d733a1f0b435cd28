// Onda's C interface: one table of functions, grown only at its end. onda.h wraps it for C++; other languages use it as
// it is. Every function may be called from any thread; objects that are being changed belong to one thread at a time,
// sessions and values may be shared.
//
// Functions that can fail return NULL on success and an error to be released otherwise; outputs are then untouched.
#ifndef ONDA_C_API_H_
#define ONDA_C_API_H_

#include <stddef.h>
#include <stdint.h>

#if defined(ONDA_BUILDING_LIBRARY)
#define ONDA_EXPORT __attribute__((visibility("default")))
#else
#define ONDA_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ONDA_API_VERSION 1

typedef struct OndaError OndaError;
typedef struct OndaEnv OndaEnv;
typedef struct OndaModel OndaModel;
typedef struct OndaSession OndaSession;
typedef struct OndaSessionOptions OndaSessionOptions;
typedef struct OndaRunOptions OndaRunOptions;
typedef struct OndaValue OndaValue;
typedef struct OndaTypeInfo OndaTypeInfo;

// Kinds of values.
enum {
  kOndaValueUnknown = 0,
  kOndaValueTensor = 1,
  kOndaValueSequence = 2,
  kOndaValueOptional = 3,
  kOndaValueMap = 4,
  kOndaValueSparse = 5,
  kOndaValueOpaque = 6,
};

// level: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal. message ends with a NUL and is valid during the call.
typedef void (*OndaLogFunction)(void* user, int32_t level, const char* message);

// Runs body(arg, i) for each i in [0, n), on threads of the caller's, and returns when all are done.
typedef void (*OndaParallelFunction)(void* user, int64_t n, void (*body)(void* arg, int64_t i), void* arg);

typedef struct OndaEnvOptions {
  size_t size;          // sizeof(OndaEnvOptions)
  const char* name;     // in log lines; may be NULL
  int32_t log_level;    // the least level that is logged
  OndaLogFunction log;  // NULL: to standard error
  void* log_user;
  int32_t threads;                // of the pool that sessions share; 0: as many as the processors that may be used
  OndaParallelFunction parallel;  // instead of threads of Onda's own; may be NULL
  void* parallel_user;
  size_t memory_limit;         // most bytes of activations of all sessions together; 0: half of the machine's memory
  double memory_idle_seconds;  // memory that nobody used for so long goes back to the system; 0: 60; negative: never
} OndaEnvOptions;

// Called after each node of a profiled run.
typedef struct OndaNodeEvent {
  size_t size;
  const char* name;
  const char* op;
  const char* domain;
  const char* provider;
  double milliseconds;
  int32_t output_count;
  const OndaValue* const* outputs;  // valid during the call; tensors only
  const char* const* output_names;
} OndaNodeEvent;
typedef void (*OndaNodeFunction)(void* user, const OndaNodeEvent* event);

// Something that is wrong with a model.
typedef struct OndaProblem {
  size_t size;
  int32_t code;       // an onda::ErrorCode
  int32_t warning;    // 1: legal, and yet suspicious
  int32_t opset;      // of the node's domain; 0 where unknown
  const char* place;  // the function or body that it is in; "" for the main graph
  const char* node;   // its name; this and what follows may be ""
  const char* op;
  const char* domain;
  const char* cause;
  const char* hint;
} OndaProblem;
typedef void (*OndaProblemFunction)(void* user, const OndaProblem* problem);  // valid during the call

// One change that a rule made to a graph.
typedef struct OndaRewrite {
  size_t size;
  const char* rule;
  const char* reason;
  const char* node;    // that was replaced
  const char* before;  // the nodes that went, in ONNX's text syntax
  const char* after;   // those that came
} OndaRewrite;

typedef struct OndaApi {
  uint32_t version;
  uint32_t size;  // bytes of this table in the library: functions beyond are not there

  const char* (*VersionString)(void);

  int32_t (*ErrorGetCode)(const OndaError*);  // an onda::ErrorCode
  const char* (*ErrorGetMessage)(const OndaError*);
  void (*ReleaseError)(OndaError*);

  OndaError* (*CreateEnv)(const OndaEnvOptions* options, OndaEnv** out);
  void (*ReleaseEnv)(OndaEnv*);

  // Keys: see onda::SessionOptions. An unknown key or a value that does not parse is an error.
  OndaError* (*CreateSessionOptions)(OndaSessionOptions** out);
  OndaError* (*CloneSessionOptions)(const OndaSessionOptions*, OndaSessionOptions** out);
  OndaError* (*SessionOptionsSet)(OndaSessionOptions*, const char* key, const char* value);
  OndaError* (*SessionOptionsAppendProvider)(OndaSessionOptions*, const char* name, const char* const* keys,
                                             const char* const* values, size_t count);
  OndaError* (*SessionOptionsSetFreeDimension)(OndaSessionOptions*, const char* name, int64_t value);
  OndaError* (*SessionOptionsAddOutput)(OndaSessionOptions*, const char* value_name);
  // External data of models from memory, by its location; data must live as long as the sessions.
  OndaError* (*SessionOptionsAddExternalData)(OndaSessionOptions*, const char* location, const void* data, size_t size);
  void (*ReleaseSessionOptions)(OndaSessionOptions*);

  OndaError* (*CreateModelFromFile)(const char* path, OndaModel** out);
  OndaError* (*CreateModelFromMemory)(const void* data, size_t size, OndaModel** out);  // data is copied
  OndaError* (*CreateModelFromText)(const char* text, OndaModel** out);                 // ONNX's text syntax
  // stage: "" as read, "upgraded" canonical. The text lives until the model is printed again or released.
  OndaError* (*ModelPrint)(OndaModel*, const char* stage, const char** text);
  // format: "onnx" or "text". external: file name beside the model for the weights, or NULL.
  OndaError* (*ModelSave)(const OndaModel*, const char* path, const char* format, const char* external);
  // The bytes of the model in ONNX's binary format; they live until the model is serialised again or released.
  OndaError* (*ModelSerialize)(OndaModel*, const void** data, size_t* size);
  // The model in the newest operator sets, functions inlined.
  OndaError* (*ModelUpgrade)(const OndaModel*, OndaModel** out);
  void (*ReleaseModel)(OndaModel*);

  // options may be NULL. The session keeps what it needs of env, model and options.
  OndaError* (*CreateSessionFromFile)(OndaEnv*, const char* path, const OndaSessionOptions*, OndaSession** out);
  OndaError* (*CreateSessionFromMemory)(OndaEnv*, const void* data, size_t size, const OndaSessionOptions*,
                                        OndaSession** out);
  OndaError* (*CreateSessionFromModel)(OndaEnv*, const OndaModel*, const OndaSessionOptions*, OndaSession** out);
  void (*ReleaseSession)(OndaSession*);

  // which: 0 inputs, 1 outputs, 2 initializers that a feed may override. Names live as long as the session.
  size_t (*SessionPortCount)(const OndaSession*, int32_t which);
  const char* (*SessionPortName)(const OndaSession*, int32_t which, size_t index);
  const OndaTypeInfo* (*SessionPortType)(const OndaSession*, int32_t which, size_t index);
  // key: "producer_name", "producer_version", "graph_name", "domain", "description", "graph_description", "version",
  // "ir_version", "opset". Lives as long as the session.
  const char* (*SessionMetadata)(const OndaSession*, const char* key);
  size_t (*SessionCustomMetadataCount)(const OndaSession*);
  void (*SessionCustomMetadata)(const OndaSession*, size_t index, const char** key, const char** value);
  // Where nodes run. Strings live as long as the session.
  size_t (*SessionPlacementCount)(const OndaSession*);
  void (*SessionPlacement)(const OndaSession*, size_t index, const char** node, const char** op, const char** provider,
                           const char** reason);
  // Bytes of activations that are in use, that are kept for reuse, and the most that existed at once.
  void (*SessionMemory)(const OndaSession*, size_t* in_use, size_t* kept, size_t* peak);
  void (*SessionTrim)(OndaSession*);

  OndaError* (*CreateRunOptions)(OndaRunOptions** out);
  void (*RunOptionsSetTerminate)(OndaRunOptions*, int32_t terminate);  // from any thread, ends runs that use it
  void (*RunOptionsSetTimeout)(OndaRunOptions*, double seconds);       // of each run; 0: none
  OndaError* (*RunOptionsSetTag)(OndaRunOptions*, const char* tag);
  const char* (*RunOptionsGetTag)(const OndaRunOptions*);
  void (*RunOptionsSetNodeFunction)(OndaRunOptions*, OndaNodeFunction, void* user);
  void (*ReleaseRunOptions)(OndaRunOptions*);

  // outputs[i]: a value to write into, or NULL to be given a new one. output_names may be NULL for all, with
  // output_count that of the model. options may be NULL.
  OndaError* (*Run)(const OndaSession*, const OndaRunOptions* options, const char* const* input_names,
                    const OndaValue* const* inputs, size_t input_count, const char* const* output_names,
                    size_t output_count, OndaValue** outputs);

  // dtype: an onda::DType. Zero-filled; strings empty.
  OndaError* (*CreateTensor)(int32_t dtype, const int64_t* dims, size_t rank, OndaValue** out);
  // Over the caller's memory of `bytes` bytes, which must outlive the value.
  OndaError* (*CreateTensorOver)(void* data, size_t bytes, int32_t dtype, const int64_t* dims, size_t rank,
                                 OndaValue** out);
  // From serialised TensorProto, SequenceProto, OptionalProto or MapProto bytes, as the type says; NULL: a tensor.
  // Copies.
  OndaError* (*CreateValueFromProto)(const void* data, size_t size, const OndaTypeInfo* type, OndaValue** out);
  // The bytes of such a message; they live until the value is serialised again or released.
  OndaError* (*ValueToProto)(OndaValue*, const char* name, const void** data, size_t* size);
  OndaError* (*CreateSequence)(const OndaValue* const* elements, size_t count, OndaValue** out);
  // element may be NULL: none. type gives the type of what is not there; may be NULL otherwise.
  OndaError* (*CreateOptional)(const OndaValue* element, const OndaTypeInfo* type, OndaValue** out);
  OndaError* (*CreateMap)(const OndaValue* keys, const OndaValue* values, OndaValue** out);
  int32_t (*ValueKind)(const OndaValue*);
  const OndaTypeInfo* (*ValueType)(const OndaValue*);                      // lives as long as the value
  OndaError* (*TensorData)(const OndaValue*, void** data, size_t* bytes);  // not for strings
  OndaError* (*TensorString)(const OndaValue*, size_t index, const char** data, size_t* size);
  OndaError* (*TensorSetString)(OndaValue*, size_t index, const char* data, size_t size);
  // Sequences: elements; optionals: 0 or 1; maps: keys, then values.
  OndaError* (*ValueCount)(const OndaValue*, size_t* count);
  OndaError* (*ValueElement)(const OndaValue*, size_t index, OndaValue** out);
  void (*ReleaseValue)(OndaValue*);

  int32_t (*TypeKind)(const OndaTypeInfo*);
  int32_t (*TypeElementDType)(const OndaTypeInfo*);              // maps: of the keys
  int32_t (*TypeRank)(const OndaTypeInfo*);                      // -1: unknown
  int64_t (*TypeDim)(const OndaTypeInfo*, size_t axis);          // -1: unknown
  const char* (*TypeDimName)(const OndaTypeInfo*, size_t axis);  // of a symbolic dimension, else ""
  const OndaTypeInfo* (*TypeElement)(const OndaTypeInfo*);       // sequences, optionals, values of maps; else NULL
  const char* (*TypeToString)(const OndaTypeInfo*);

  size_t (*ProviderCount)(void);
  const char* (*ProviderName)(size_t index);

  // The plans that runs have made so far, as text, which write is called with once.
  OndaError* (*SessionPrintPlans)(const OndaSession*, void (*write)(void* user, const char* text, size_t size),
                                  void* user);

  // Makes a provider known under a name that SessionOptionsAppendProvider then takes: from its shared library, which
  // exports OndaGetProvider (see provider.h), or from a table in this process, which must stay. A name is taken once;
  // "" is the provider's own. Libraries beside Onda's own, libonda_provider_NAME.so, are loaded when NAME is asked for.
  OndaError* (*RegisterProviderLibrary)(OndaEnv*, const char* name, const char* path);
  OndaError* (*RegisterProvider)(OndaEnv*, const char* name, const struct OndaProviderDef* provider);

  // Ends the making of sessions with these options, now and from now on, with an error; from any thread.
  void (*SessionOptionsCancelLoading)(OndaSessionOptions*);

  // Operators of your own, for sessions of the environment or with the options: from a shared library that exports
  // OndaGetCustomOps (see custom_op.h), or from a table in this process, which must stay. A name is taken once.
  OndaError* (*RegisterCustomOpsLibrary)(OndaEnv*, const char* path);
  OndaError* (*RegisterCustomOps)(OndaEnv*, const struct OndaCustomOpLibrary* library);
  OndaError* (*SessionOptionsRegisterCustomOpsLibrary)(OndaSessionOptions*, const char* path);
  OndaError* (*SessionOptionsAddCustomOps)(OndaSessionOptions*, const struct OndaCustomOpLibrary* library);

  // Calls write for each option that a registered provider takes ("option", its key, its meaning and default) and for
  // each thing that it tells of this machine ("machine", what, text).
  OndaError* (*DescribeProvider)(OndaEnv*, const char* name,
                                 void (*write)(void* user, const char* section, const char* what, const char* text),
                                 void* user);
  // The stream of the caller's, in the provider's own terms, on which the provider's work of a run is queued; NULL: one
  // of Onda's own. provider: as SessionPlacement has it. Runs that use these options then come one at a time.
  OndaError* (*RunOptionsSetStream)(OndaRunOptions*, const char* provider, void* stream);
  // What a provider of the session tells of its device's memory; bytes, 0 where it does not tell.
  size_t (*SessionProviderCount)(const OndaSession*);
  OndaError* (*SessionProviderMemory)(const OndaSession*, size_t index, const char** provider, uint64_t* total,
                                      uint64_t* free, uint64_t* used);
  // Bytes of activations of all sessions, those that are kept included; the most there were; and how many may be.
  void (*EnvMemory)(const OndaEnv*, size_t* used, size_t* peak, size_t* limit);
  // Gives memory that is kept for reuse back to the system.
  void (*EnvTrim)(OndaEnv*);

  // device: a provider instance of sessions, by the name that Placement() shows ("cuda", "cuda:1"). The values are for
  // sessions that have one of that name. The first is over the caller's device memory, which must outlive the value;
  // the second has memory of its own, its contents undefined.
  OndaError* (*CreateTensorOverDevice)(const char* device, void* data, size_t bytes, int32_t dtype, const int64_t* dims,
                                       size_t rank, OndaValue** out);
  OndaError* (*CreateTensorOnDevice)(const OndaSession*, const char* device, int32_t dtype, const int64_t* dims,
                                     size_t rank, OndaValue** out);
  const char* (*ValueDevice)(const OndaValue*);  // "" in host memory; lives as long as the value
  // Elements of one tensor into another of the same type and shape, wherever they lie.
  OndaError* (*CopyTensor)(const OndaSession*, const OndaValue* from, OndaValue* to);
  // As Run; devices[i] says where a new value for output i is to lie, NULL or "" for host memory. devices may be NULL.
  OndaError* (*RunOnDevices)(const OndaSession*, const OndaRunOptions* options, const char* const* input_names,
                             const OndaValue* const* inputs, size_t input_count, const char* const* output_names,
                             const char* const* devices, size_t output_count, OndaValue** outputs);
  // As Run, on another thread. done is called once, with the values (those given, or new ones which are then the
  // callee's) or an error, which is the callee's to release. The names are copied; options, inputs and given outputs
  // must stay until then. Where this itself gives an error done is not called.
  OndaError* (*RunAsync)(const OndaSession*, const OndaRunOptions* options, const char* const* input_names,
                         const OndaValue* const* inputs, size_t input_count, const char* const* output_names,
                         size_t output_count, OndaValue* const* outputs,
                         void (*done)(void* user, OndaValue** outputs, size_t output_count, OndaError* error),
                         void* user);

  // Everything that is wrong with a model, report called for each problem: ONNX's checker, with full inference of types
  // and shapes where `inference` is 1. An error is returned only where the check itself fails; a file that cannot be
  // read is a problem.
  OndaError* (*CheckModelFile)(const char* path, int32_t inference, OndaProblemFunction report, void* user);
  OndaError* (*CheckModelMemory)(const void* data, size_t size, int32_t inference, OndaProblemFunction report,
                                 void* user);
  OndaError* (*CheckModel)(const OndaModel*, int32_t inference, OndaProblemFunction report, void* user);
  // The model with the type and shape of every value as far as inference gets.
  OndaError* (*ModelInferShapes)(const OndaModel*, OndaModel** out);
  // write is called for each value of the model, those of bodies too, with what the model says of its type.
  OndaError* (*ModelValueTypes)(const OndaModel*, void (*write)(void* user, const char* value, const char* type),
                                void* user);

  // The names of the rewrites, in the order in which they are tried.
  OndaError* (*RewriteNames)(void (*write)(void* user, const char* name), void* user);
  // The rewrites of a session that was made with record_rewrites, in order.
  OndaError* (*SessionRewrites)(const OndaSession*, void (*write)(void* user, const OndaRewrite* rewrite), void* user);

  // Writes the trace of a session that was made with the option `profile`, and stops tracing. path: of the file, lives
  // as long as the session.
  OndaError* (*SessionEndProfiling)(OndaSession*, const char** path);

  // Whether runs with these options measure their devices, and what the last one took of a provider's device, by the
  // device's own clock, from the first to the last of its work; summed over the parts of a run. Below 0 where it was
  // not measured, or the provider has no events for that. provider: as SessionPlacement has it.
  void (*RunOptionsSetDeviceTiming)(OndaRunOptions*, int32_t on);
  double (*RunOptionsDeviceMilliseconds)(const OndaRunOptions*, const char* provider);
  // Over memory that release(user) gives back, which is called once, from any thread, when no value and no run uses it
  // any more; not where this fails. device: as for CreateTensorOverDevice, or NULL for host memory.
  OndaError* (*CreateTensorOwning)(const char* device, void* data, size_t bytes, int32_t dtype, const int64_t* dims,
                                   size_t rank, void (*release)(void* user), void* user, OndaValue** out);
  // A device of the session as DLPack has it: a DLDeviceType and a number. Type 0: DLPack has none for it.
  OndaError* (*SessionDlpackDevice)(const OndaSession*, const char* device, int32_t* type, int32_t* number);

  // As the functions without a folder, for models that name files with weights: they must lie in it.
  OndaError* (*CreateModelFromMemoryInFolder)(const void* data, size_t size, const char* folder, OndaModel** out);
  OndaError* (*CreateModelFromTextInFolder)(const char* text, const char* folder, OndaModel** out);
  OndaError* (*CheckModelMemoryInFolder)(const void* data, size_t size, const char* folder, int32_t inference,
                                         OndaProblemFunction report, void* user);
} OndaApi;

// The table, or NULL where the library is older than `version`.
ONDA_EXPORT const OndaApi* OndaGetApi(uint32_t version);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // ONDA_C_API_H_
