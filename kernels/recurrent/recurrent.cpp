#include "kernels/recurrent/recurrent.h"

#include <optional>
#include <vector>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::recurrent {
namespace {

void Upgrade(RewriteContext& c) {
  // Before version 7 an attribute told whether Y is wanted; whether it is named tells it as well.
  c.node().attributes.Remove("output_sequence");
  // GRU-1 misspells its default.
  if (c.version() == 1 && c.attributes().String("direction", "") == "foward") c.node().attributes.Remove("direction");
}

// Input i, where given with a rank, must have the shape `dims`; those that are not known yet are filled in from it.
void Unify(InferContext& c, size_t i, std::vector<std::optional<Dim>*> dims, const char* what) {
  if (!c.has_input(i)) return;
  c.RequireRank(i, static_cast<int>(dims.size()));
  if (!c.has_rank(i)) return;
  for (size_t k = 0; k < dims.size(); ++k) {
    const Dim& given = (*c.shape(i))[k];
    *dims[k] = *dims[k] ? MergeDim(c, **dims[k], given, what) : given;
  }
}

template <Cell kCell, bool kQuantized = false>
void Infer(InferContext& c) {
  const Params params(c.attributes(), kCell, kQuantized);
  const int64_t gates = GatesOf(kCell);
  std::optional<Dim> steps, batch, input, hidden, directions = Dim(params.directions);
  if (params.hidden_size > 0) hidden = Dim(params.hidden_size);
  if (c.has_rank(kR) && c.input(kR).rank() == 3) {
    const Dim& given = (*c.shape(kR))[kQuantized ? 1 : 2];
    hidden = hidden ? MergeDim(c, *hidden, given, "hidden size") : given;
  }
  if (!hidden) hidden = c.FreshDim();
  if (params.batch_first) {
    Unify(c, kX, {&batch, &steps, &input}, "X");
  } else {
    Unify(c, kX, {&steps, &batch, &input}, "X");
  }
  std::optional<Dim> rows = *hidden * gates, biases = *hidden * (2 * gates), peepholes = *hidden * 3;
  if (kQuantized) {
    Unify(c, kW, {&directions, &input, &rows}, "W");
    Unify(c, kR, {&directions, &hidden, &rows}, "R");
  } else {
    Unify(c, kW, {&directions, &rows, &input}, "W");
    Unify(c, kR, {&directions, &rows, &hidden}, "R");
  }
  Unify(c, kBias, {&directions, &biases}, "B");
  Unify(c, kSequenceLens, {&batch}, "sequence_lens");
  for (size_t i : {size_t{kInitialH}, size_t{kInitialC}}) {
    if (i == kInitialC && kCell != Cell::kLstm) break;
    if (params.batch_first) {
      Unify(c, i, {&batch, &directions, &hidden}, "initial state");
    } else {
      Unify(c, i, {&directions, &batch, &hidden}, "initial state");
    }
  }
  if (kCell == Cell::kLstm) Unify(c, kPeepholes, {&directions, &peepholes}, "P");

  for (size_t i : {size_t{kWScale}, size_t{kWZero}, size_t{kRScale}, size_t{kRZero}}) {
    if (!kQuantized || !c.has_rank(i)) continue;
    const Dim count = Product(*c.shape(i));
    if (count.known() && rows->known() && !(count == *directions) && !(count == *directions * *rows)) {
      c.Reject("scales and zero points must have one value per direction or per row");
    }
  }

  const DType dtype = c.dtype(kX);
  const Dim t = steps ? *steps : c.FreshDim(), n = batch ? *batch : c.FreshDim();
  const Dim& d = *directions;
  const Dims state = params.batch_first ? Dims{n, d, *hidden} : Dims{d, n, *hidden};
  c.SetOutput(kY, dtype, params.batch_first ? Dims{n, t, d, *hidden} : Dims{t, d, n, *hidden});
  c.SetOutput(kYh, dtype, state);
  if (kCell == Cell::kLstm) c.SetOutput(kYc, dtype, state);
}

constexpr OpDef kOps[] = {
    {.name = "RNN", .infer = Infer<Cell::kRnn>, .upgrade = Upgrade},
    {.name = "GRU", .infer = Infer<Cell::kGru>, .upgrade = Upgrade},
    {.name = "LSTM", .infer = Infer<Cell::kLstm>, .upgrade = Upgrade},
    {.name = "DynamicQuantizeLSTM", .domain = "com.microsoft", .infer = Infer<Cell::kLstm, true>},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::recurrent
