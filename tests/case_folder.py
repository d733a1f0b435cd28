"""Writes test cases in ONNX's test-data layout: model.onnx and test_data_set_N/{input,output}_M.pb.

A value goes into the protobuf message of its declared type (TensorProto, SequenceProto, OptionalProto, MapProto). A folder
appears under its final name only when it is complete, so that an interrupted run can be continued.
"""

import json
import shutil
from pathlib import Path

import onnx
from onnx import numpy_helper


def encode(value, name, type_proto):
    """The bytes of one input_M.pb or output_M.pb."""
    if isinstance(value, (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto, onnx.MapProto, onnx.SparseTensorProto)):
        return value.SerializeToString()
    kind = type_proto.WhichOneof("value")
    if kind == "map_type":
        return numpy_helper.from_dict(value, name).SerializeToString()
    if kind == "sequence_type":
        return numpy_helper.from_list(value, name).SerializeToString()
    if kind == "optional_type":
        return numpy_helper.from_optional(value, name).SerializeToString()
    if kind != "tensor_type":
        raise ValueError(f"value {name!r}: cannot write the type {kind}")
    return numpy_helper.from_array(value, name).SerializeToString()


def fed_inputs(graph):
    """The declared inputs that a caller feeds: those without an initializer of the same name."""
    initialized = {tensor.name for tensor in graph.initializer}
    initialized |= {tensor.values.name for tensor in graph.sparse_initializer}
    return [value for value in graph.input if value.name not in initialized]


def write_case(folder, model, data_sets, tolerance=None):
    """Writes one case. `model` is a ModelProto or the path of a model file (linked, not copied);
    `data_sets` is a list of (inputs, outputs), each in declared order; `tolerance` is (rtol, atol) where the case has
    its own, stored in data.json as in ONNX's own data folder."""
    folder = Path(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if isinstance(model, onnx.ModelProto):
        (partial / "model.onnx").write_bytes(model.SerializeToString())
        graph = model.graph
    else:
        source = Path(model).resolve()
        graph = onnx.load(source, load_external_data=False).graph
        try:
            (partial / "model.onnx").hardlink_to(source)
        except OSError:
            shutil.copyfile(source, partial / "model.onnx")
    inputs_declared = fed_inputs(graph)
    for index, (inputs, outputs) in enumerate(data_sets):
        data_set = partial / f"test_data_set_{index}"
        data_set.mkdir()
        for prefix, values, declared in (("input", inputs, inputs_declared), ("output", outputs, graph.output)):
            if len(values) > len(declared):
                raise ValueError(f"{folder}: {len(values)} {prefix}s given, {len(declared)} declared")
            for position, (value, info) in enumerate(zip(values, declared)):
                (data_set / f"{prefix}_{position}.pb").write_bytes(encode(value, info.name, info.type))
    if tolerance is not None:
        (partial / "data.json").write_text(json.dumps({"rtol": tolerance[0], "atol": tolerance[1]}) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
