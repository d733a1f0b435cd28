#!/usr/bin/env python3
"""Quantized networks as ONNX Runtime's quantizer writes them, against ONNX Runtime: qdq_test.py PATH_OF_ONDA

Each network is quantized with every pair of 8-bit types. Results must agree with those of ONNX Runtime, which computes
in fp32 between QuantizeLinear and DequantizeLinear (its own rewrites switched off), up to the last quantum of few
elements; and no product may be left in fp32. Exits 77 where onnx or onnxruntime are missing.
"""

import itertools
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

logging.disable(logging.WARNING)  # that a quantized model was not optimised first

RANDOM = np.random.default_rng(5)


class Graph:
    def __init__(self, shape):
        self.nodes, self.constants, self.shape, self.count = [], [], shape, 0

    def constant(self, *shape, scale=None):
        fan_in = np.prod(shape[1:]) if len(shape) > 1 else 16
        values = RANDOM.normal(size=shape) * (scale or fan_in**-0.5)
        return self.keep(values.astype(np.float32))

    def keep(self, values):
        self.constants.append(numpy_helper.from_array(np.asarray(values), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def op(self, kind, *inputs, **attributes):
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"n{self.count}", **attributes))
        return name

    def model(self, y):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(self.nodes, "g", [info("x", TensorProto.FLOAT, self.shape)],
                                  [info(y, TensorProto.FLOAT, None)], self.constants)
        return onnx.shape_inference.infer_shapes(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def residual():
    """Convolutions with Relu, a shortcut with another scale, pooling, Concat, Gemm."""
    g = Graph([2, 3, 20, 22])
    a = g.op("Relu", g.op("Conv", "x", g.constant(16, 3, 3, 3), g.constant(16), pads=[1] * 4, strides=[2, 2]))
    p = g.op("MaxPool", a, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    b = g.op("Conv", p, g.constant(16, 16, 3, 3), g.constant(16), pads=[1] * 4)
    s = g.op("Relu", g.op("Add", a, b))
    c = g.op("Relu", g.op("Conv", s, g.constant(24, 16, 1, 1), g.constant(24)))
    j = g.op("Concat", s, c, axis=1)
    m = g.op("GlobalAveragePool", j)
    f = g.op("Flatten", m)
    return g.model(g.op("Gemm", f, g.constant(10, 40), g.constant(10), transB=1))


def mobile():
    """Depthwise convolutions of both strides, Clip, groups, a gate by Sigmoid."""
    g = Graph([1, 8, 17, 19])
    six = [g.keep(np.float32(0)), g.keep(np.float32(6))]
    a = g.op("Clip", g.op("Conv", "x", g.constant(24, 8, 1, 1), g.constant(24)), *six)
    b = g.op("Clip", g.op("Conv", a, g.constant(24, 1, 3, 3), g.constant(24), group=24, pads=[1] * 4), *six)
    c = g.op("Relu", g.op("Conv", b, g.constant(24, 1, 5, 5), g.constant(24), group=24, pads=[2] * 4, strides=[2, 2]))
    d = g.op("Conv", c, g.constant(24, 6, 3, 3), g.constant(24), group=4)
    e = g.op("Mul", d, g.op("Sigmoid", d))
    t = g.op("Transpose", e, perm=[0, 2, 3, 1])
    return g.model(g.op("Reshape", t, g.keep(np.array([0, -1, 24]))))


def attention():
    """Products with and without constants, Softmax between them."""
    g = Graph([2, 12, 32])
    q = g.op("Add", g.op("MatMul", "x", g.constant(32, 32, scale=0.2)), g.constant(32))
    k = g.op("MatMul", "x", g.constant(32, 32, scale=0.2))
    s = g.op("Softmax", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1])), axis=-1)
    v = g.op("MatMul", s, g.op("MatMul", "x", g.constant(32, 16, scale=0.2)))
    return g.model(g.op("Tanh", v))


class Reader(CalibrationDataReader):
    def __init__(self, shape):
        self.feeds = iter([{"x": RANDOM.uniform(-2, 2, shape).astype(np.float32)} for _ in range(3)])

    def get_next(self):
        return next(self.feeds, None)


def rewritten(onda, path):
    """The operators that run."""
    text = subprocess.run([onda, "info", "--placement", "--json", str(path)], capture_output=True, text=True,
                          check=True).stdout
    return [entry["op"] for entry in json.loads(text)["placement"]]


def check(onda, name, model, activations, weights, per_channel, folder):
    float_path, path = folder / "float.onnx", folder / "int8.onnx"
    onnx.save(model, float_path)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    quantize_static(float_path, path, Reader(shape), quant_format=QuantFormat.QDQ, activation_type=activations,
                    weight_type=weights, per_channel=per_channel)
    feed = RANDOM.uniform(-2, 2, shape).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": feed})[0]
    np.save(folder / "x.npy", feed)
    done = subprocess.run([onda, "run", str(path), "--input", f"x={folder / 'x.npy'}", "--output-dir", str(folder)],
                          capture_output=True, text=True)
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr}"
    actual = np.load(folder / f"{session.get_outputs()[0].name}.npy")
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, not {expected.shape}"
    # The output is dequantized: its values lie a whole number of quanta apart.
    levels = np.unique(expected)
    quantum = np.diff(levels).min() if len(levels) > 1 else 1.0
    distance = np.abs(actual - expected) / quantum
    # A quantum at one layer may become two at the next.
    if distance.max() > 3.01 or (distance > 0.01).mean() > 0.05:
        return f"differs by {distance.max():.2f} quanta, in {100 * (distance > 0.01).mean():.1f} % of the elements"
    left = [op for op in rewritten(onda, path) if op in ("Conv", "FusedConv", "Gemm")]
    return f"left in fp32: {left}" if left else ""


def main():
    onda, failures = sys.argv[1], 0
    types = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
    for build in (residual, mobile, attention):
        model = build()
        for (a, w), per_channel in itertools.product((("u8", "u8"), ("u8", "s8"), ("s8", "s8")), (False, True)):
            with tempfile.TemporaryDirectory() as scratch:
                wrong = check(onda, build.__name__, model, types[a], types[w], per_channel, Path(scratch))
            label = f"{build.__name__} activations {a} weights {w}{' per channel' if per_channel else ''}"
            print(f"{label}: {wrong or 'agrees'}")
            failures += bool(wrong)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
