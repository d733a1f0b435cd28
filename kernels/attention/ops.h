// The parts of the family's operator table.
#ifndef ONDA_KERNELS_ATTENTION_OPS_H_
#define ONDA_KERNELS_ATTENTION_OPS_H_

#include <span>

#include "core/ir/op_def.h"

namespace onda::attention {

std::span<const OpDef> RotaryOps();     // rotary.cpp
std::span<const OpDef> FlexOps();       // flex.cpp
std::span<const OpDef> LinearOps();     // linear.cpp
std::span<const OpDef> MicrosoftOps();  // microsoft.cpp

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_OPS_H_
