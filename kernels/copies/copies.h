// Copies between memories: onda.MemcpyToDevice, MemcpyToHost and MemcpyPeer, with one input and one output. The engine
// turns them into copy steps.
#ifndef ONDA_KERNELS_COPIES_COPIES_H_
#define ONDA_KERNELS_COPIES_COPIES_H_

namespace onda {

struct OpDef;
extern const OpDef& kMemcpyToDevice;
extern const OpDef& kMemcpyToHost;
extern const OpDef& kMemcpyPeer;

}  // namespace onda

#endif  // ONDA_KERNELS_COPIES_COPIES_H_
