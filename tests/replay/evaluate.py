"""The recorded runs of onnx's reference evaluator, as folders that `onda test` runs. Needs the onnx package.

The evaluator looks neither at the declared types nor at the declared shapes of what it is fed, and its tests feed other
ones: floats are given here in the type that the model declares, other types and shapes are declared as they were fed.
"""

import json
import random
import shutil
import warnings

import numpy as np
import onnx
import onnx.reference
from onnx import TensorProto, numpy_helper

# Recorded floats were computed in another order, some of them in float16.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}
HALF_TOLERANCE = {"rtol": 4e-3, "atol": 4e-3}
HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
NUMBERS = (*FLOATS, TensorProto.INT32, TensorProto.INT64)


def as_declared(tensor, declared):
    """The numbers in the declared element type, where that is a float."""
    if tensor.data_type not in NUMBERS or declared.elem_type not in FLOATS:
        return tensor
    return numpy_helper.from_array(
        numpy_helper.to_array(tensor).astype(onnx.helper.tensor_dtype_to_np_dtype(declared.elem_type)), tensor.name)


def declare(declared, tensor):
    """Declares the tensor's type, and its rank where the declared shape is not the tensor's."""
    has_shape = declared.tensor_type.HasField("shape")
    shape = declared.tensor_type.shape.dim
    declared.tensor_type.elem_type = tensor.data_type
    if not has_shape or len(shape) != len(tensor.dims) or any(
            dim.HasField("dim_value") and dim.dim_value != size for dim, size in zip(shape, tensor.dims)):
        declared.tensor_type.ClearField("shape")
        declared.tensor_type.shape.SetInParent()
        for _ in tensor.dims:
            declared.tensor_type.shape.dim.add()


def fed_value(tensor, declared):
    """What is fed for the recorded tensor."""
    if declared.HasField("sequence_type"):  # recorded as one array of its elements
        element = declared.sequence_type.elem_type.tensor_type
        parts = [as_declared(numpy_helper.from_array(part), element) for part in numpy_helper.to_array(tensor)]
        return onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR, tensor_values=parts)
    tensor = as_declared(tensor, declared.tensor_type)
    declare(declared, tensor)
    return tensor


def write_case(folder, model, inputs, outputs, refused=False):
    """One run: the values of the model's inputs by name, and those of its outputs in their order."""
    data = folder / "test_data_set_0"
    shutil.rmtree(folder, ignore_errors=True)
    data.mkdir(parents=True)
    for index, value in enumerate(model.graph.input):
        if value.name in inputs:
            (data / f"input_{index}.pb").write_bytes(inputs[value.name].SerializeToString())
    for index, value in enumerate(outputs):
        (data / f"output_{index}.pb").write_bytes(value.SerializeToString())
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    half = any(getattr(value, "data_type", None) in HALVES for value in outputs)
    rules = dict(HALF_TOLERANCE if half else TOLERANCE)
    if refused:
        rules["expect"] = "failure"
    (folder / "data.json").write_text(json.dumps(rules))


def read_call(call, blob):
    """(model, values of inputs by name, values of outputs, why the run cannot be compared or "")."""
    model = onnx.ModelProto.FromString(blob(call["model"]))
    keys = call.get("outputs", [])
    if None in keys:
        return model, {}, [], "a sequence that was given back and not recorded"
    # The files of inputs are numbered in their order: those that were not fed come last.
    ordered = sorted(model.graph.input, key=lambda value: value.name not in call["feeds"])
    inputs = {value.name: fed_value(TensorProto.FromString(blob(call["feeds"][value.name])), value.type)
              for value in ordered if value.name in call["feeds"]}
    del model.graph.input[:]
    model.graph.input.extend(ordered)
    outputs = []
    for value, key in zip(model.graph.output, keys):
        tensor = TensorProto.FromString(blob(key))
        if tensor.data_type == TensorProto.STRING and value.type.tensor_type.elem_type not in (0, TensorProto.STRING):
            return model, {}, [], "intermediate values that were given back and not recorded"
        outputs.append(as_declared(tensor, value.type.tensor_type))
        declare(value.type, outputs[-1])
    if "raises" not in call:
        try:
            onnx.checker.check_model(model, full_check=True)
        except Exception as error:  # noqa: BLE001: whatever onnx says against it
            return model, {}, [], f"onnx's own checker refuses the model: {error}"
    return model, inputs, outputs, ""


SYMBOL_SIZE = 3  # of dimensions without a declared size


def random_value(declared, seed):
    """A value of the declared type: small numbers, of which most are whole."""
    if declared.HasField("sequence_type"):
        parts = [random_value(declared.sequence_type.elem_type, seed + str(index)) for index in range(2)]
        return onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR, tensor_values=parts)
    rng = np.random.default_rng(random.Random(seed).getrandbits(32))
    kind = onnx.helper.tensor_dtype_to_np_dtype(declared.tensor_type.elem_type)
    shape = [dim.dim_value if dim.HasField("dim_value") else SYMBOL_SIZE for dim in declared.tensor_type.shape.dim]
    if declared.tensor_type.elem_type == TensorProto.STRING:
        return numpy_helper.from_array(np.full(shape, "text", dtype=object))
    if np.issubdtype(kind, np.inexact):
        return numpy_helper.from_array(rng.uniform(-2, 2, shape).astype(kind))
    return numpy_helper.from_array(rng.integers(0, 2, shape).astype(kind))


def random_inputs(model):
    given = {tensor.name for tensor in model.graph.initializer}
    return {value.name: random_value(value.type, value.name) for value in model.graph.input if value.name not in given}


def breaks_when_run(model):
    """Whether onnx's reference evaluator cannot compute the model on values of its declared types.

    A model that computes shapes is not judged: random values say nothing of them.
    """
    if any(node.op_type == "Reshape" for node in model.graph.node):
        return False
    inputs = {name: numpy_helper.to_array(value) for name, value in random_inputs(model).items()}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            onnx.reference.ReferenceEvaluator(model).run(None, inputs)
    except (ValueError, IndexError, TypeError):
        return True
    return False
