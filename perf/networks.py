#!/usr/bin/env python3
"""Builds networks of well-known shapes with random weights, for measuring.

    networks.py [NAME...]      writes them to build/networks and prints their sizes

`build(name)` returns (path, feeds). Weights are drawn so that activations keep their size through the layers; nothing is
trained. Classifiers of the onnx package's light models get random weights in place of their constant ones.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "networks"
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
OPSET = 17


class Builder:
    """Collects nodes, weights and inputs of one model. Methods return the name of the value they make."""

    def __init__(self, seed=1):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.inputs, self.feeds = [], {}, [], {}

    def op(self, kind, *inputs, outputs=1, **attributes):
        stem = f"{kind.lower()}_{len(self.nodes)}"
        names = [stem] if outputs == 1 else [f"{stem}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, stem, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value):
        name = f"weight_{len(self.weights)}"
        self.weights[name] = np.asarray(value)
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    def scalar(self, value):
        return self.constant(np.float32(value))

    def normal(self, shape, deviation):
        return self.constant(self.random.standard_normal(shape, np.float32) * np.float32(deviation))

    def input(self, name, value, shape=None):
        value = np.asarray(value)
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape or value.shape))
        self.feeds[name] = value
        return name

    def uniform(self, name, *shape):
        return self.input(name, self.random.random(shape, np.float32) * 2 - 1)

    def conv(self, x, inputs, outputs, kernel, stride=1, group=1, relu=None, gain=1.0):
        fan_in = inputs // group * kernel * kernel
        weight = self.normal((outputs, inputs // group, kernel, kernel), gain * np.sqrt((2 if relu else 1) / fan_in))
        pad = kernel // 2
        y = self.op("Conv", x, weight, self.normal((outputs,), 0.05), kernel_shape=[kernel, kernel],
                    strides=[stride, stride], pads=[pad] * 4, group=group)
        if relu == 6:
            return self.op("Clip", y, self.scalar(0), self.scalar(6))
        return self.op("Relu", y) if relu else y

    def linear(self, x, inputs, outputs, gain=1.0):
        """MatMul and bias, as exporters write a linear layer on (..., inputs)."""
        y = self.op("MatMul", x, self.normal((inputs, outputs), gain / np.sqrt(inputs)))
        return self.op("Add", y, self.normal((outputs,), 0.02))

    def gemm(self, x, inputs, outputs):
        return self.op("Gemm", x, self.normal((outputs, inputs), 1 / np.sqrt(inputs)), self.normal((outputs,), 0.02), transB=1)

    def layer_norm(self, x, width):
        scale = self.constant(1 + 0.1 * self.random.standard_normal(width, np.float32))
        return self.op("LayerNormalization", x, scale, self.normal((width,), 0.05), axis=-1, epsilon=1e-5)

    def model(self, name, outputs, opset=OPSET):
        infos = [onnx.ValueInfoProto(name=output) for output in outputs]
        graph = helper.make_graph(self.nodes, name, self.inputs, infos,
                                  [numpy_helper.from_array(value, key) for key, value in self.weights.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="onda-perf")
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        del model.graph.output[:]
        model.graph.output.extend(inferred.graph.output)
        return model, self.feeds


# Convolutional networks

def resnet50():
    b = Builder()
    x = b.conv(b.uniform("image", 1, 3, 224, 224), 3, 64, 7, 2, relu=True)
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            y = b.conv(x, channels, width, 1, relu=True)
            y = b.conv(y, width, width, 3, stride, relu=True)
            # A small gain: the sum of the branches keeps its size through sixteen blocks.
            y = b.conv(y, width, width * 4, 1, gain=0.3)
            if block == 0:
                x = b.conv(x, channels, width * 4, 1, stride)
            channels = width * 4
            x = b.op("Relu", b.op("Add", y, x))
    x = b.op("Flatten", b.op("GlobalAveragePool", x), axis=1)
    return b.model("resnet50", [b.gemm(x, 2048, 1000)])


def mobilenet_v2():
    b = Builder()
    x = b.conv(b.uniform("image", 1, 3, 224, 224), 3, 32, 3, 2, relu=6)
    channels = 32
    for expand, width, blocks, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                          (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(blocks):
            step, inner = (stride if block == 0 else 1), channels * expand
            y = b.conv(x, channels, inner, 1, relu=6) if expand > 1 else x
            y = b.conv(y, inner, inner, 3, step, group=inner, relu=6)
            y = b.conv(y, inner, width, 1)
            x = b.op("Add", x, y) if step == 1 and channels == width else y
            channels = width
    x = b.conv(x, channels, 1280, 1, relu=6)
    x = b.op("Flatten", b.op("GlobalAveragePool", x), axis=1)
    return b.model("mobilenet_v2", [b.gemm(x, 1280, 1000)])


def vgg():
    """VGG-16's convolutions with a narrower classifier (1,024 wide)."""
    b = Builder()
    x, channels = b.uniform("image", 1, 3, 224, 224), 3
    for width, layers in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(layers):
            x, channels = b.conv(x, channels, width, 3, relu=True), width
        x = b.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = b.op("Relu", b.gemm(b.op("Flatten", x, axis=1), 512 * 49, 1024))
    return b.model("vgg", [b.op("Softmax", b.gemm(x, 1024, 1000), axis=1)])


def light(name):
    """A classifier of the onnx package with random weights in place of the ConstantOfShape nodes that stand for them."""
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    graph = model.graph
    random = np.random.default_rng(2)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {node.output[0]: shapes[node.input[0]].tolist() for node in graph.node
            if node.op_type == "ConstantOfShape" and node.input[0] in shapes}
    roles = {}
    for node in graph.node:
        for position, value in enumerate(node.input):
            roles.setdefault(value, (node.op_type, position))
    weights = {}
    for value, shape in made.items():
        kind, position = roles.get(value, ("", 0))
        if kind == "Conv" and position == 1:
            data = random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        elif kind == "Gemm" and position == 1:
            data = random.standard_normal(shape, np.float32) * np.float32(1 / np.sqrt(max(shape)))
        elif kind == "BatchNormalization" and position in (1, 4):
            data = random.uniform(0.8, 1.2, shape).astype(np.float32)
        elif kind == "Unsqueeze":
            data = random.uniform(0.4, 0.8, shape).astype(np.float32)
        else:
            data = random.standard_normal(shape, np.float32) * np.float32(0.05)
        weights[value] = data
    nodes = [node for node in graph.node if node.output[0] not in made]
    used = {value for node in nodes for value in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    names = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in names]
    kept += [numpy_helper.from_array(data, value) for value, data in weights.items()]
    fresh = helper.make_model(helper.make_graph(nodes, name, inputs, graph.output, kept),
                              opset_imports=list(model.opset_import), ir_version=8, producer_name="onda-perf")
    return fresh, {inputs[0].name: random.random((1, 3, 224, 224), np.float32)}


# Transformers

def heads(b, x, sequence, count, size):
    """(1, sequence, count * size) -> (1, count, sequence, size)."""
    split = b.op("Reshape", x, b.integers(1, sequence, count, size))
    return b.op("Transpose", split, perm=[0, 2, 1, 3])


def bert_base(sequence=128, layers=12, width=768, count=12):
    b = Builder()
    size = width // count
    ids = b.input("input_ids", b.random.integers(0, 30522, (1, sequence)))
    mask = b.input("attention_mask", np.ones((1, sequence), np.int64))
    segments = b.input("token_type_ids", np.zeros((1, sequence), np.int64))
    x = b.op("Add", b.op("Gather", b.normal((30522, width), 0.3), ids), b.op("Gather", b.normal((2, width), 0.1), segments))
    x = b.layer_norm(b.op("Add", x, b.normal((1, sequence, width), 0.1)), width)
    wide = b.op("Cast", b.op("Unsqueeze", mask, b.integers(1, 2)), to=TensorProto.FLOAT)
    bias = b.op("Mul", b.op("Sub", b.scalar(1), wide), b.scalar(-1e4))
    for _ in range(layers):
        q, k, v = (heads(b, b.linear(x, width, width), sequence, count, size) for _ in range(3))
        scores = b.op("MatMul", q, b.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = b.op("Add", b.op("Div", scores, b.scalar(np.sqrt(size))), bias)
        mixed = b.op("Transpose", b.op("MatMul", b.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        mixed = b.op("Reshape", mixed, b.integers(1, sequence, width))
        x = b.layer_norm(b.op("Add", b.linear(mixed, width, width), x), width)
        y = b.linear(x, width, 4 * width)
        y = b.op("Mul", b.op("Mul", y, b.op("Add", b.op("Erf", b.op("Div", y, b.scalar(np.sqrt(2)))), b.scalar(1))), b.scalar(0.5))
        x = b.layer_norm(b.op("Add", b.linear(y, 4 * width, width), x), width)
    first = b.op("Gather", x, b.constant(np.int64(0)), axis=1)
    pooled = b.op("Tanh", b.gemm(first, width, width))
    return b.model("bert_base", [x, pooled])


def gpt2(sequence, past, layers=12, width=768, count=12):
    """`sequence` new tokens after `past` ones whose keys and values come in and go out."""
    b = Builder()
    size, total = width // count, past + sequence
    ids = b.input("input_ids", b.random.integers(0, 50257, (1, sequence)))
    positions = b.input("position_ids", np.arange(past, total)[None])
    x = b.op("Add", b.op("Gather", b.normal((50257, width), 0.3), ids), b.op("Gather", b.normal((1024, width), 0.1), positions))
    visible = b.constant(np.tril(np.ones((total, total), bool))[past:][None, None])
    presents = []
    for layer in range(layers):
        y = b.layer_norm(x, width)
        q, k, v = b.op("Split", b.linear(y, width, 3 * width), b.integers(width, width, width), outputs=3, axis=2)
        q, k, v = (heads(b, value, sequence, count, size) for value in (q, k, v))
        if past:
            k = b.op("Concat", b.uniform(f"past_key_{layer}", 1, count, past, size), k, axis=2)
            v = b.op("Concat", b.uniform(f"past_value_{layer}", 1, count, past, size), v, axis=2)
        presents += [k, v]
        scores = b.op("Div", b.op("MatMul", q, b.op("Transpose", k, perm=[0, 1, 3, 2])), b.scalar(np.sqrt(size)))
        scores = b.op("Where", visible, scores, b.scalar(-1e4))
        mixed = b.op("Transpose", b.op("MatMul", b.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        mixed = b.op("Reshape", mixed, b.integers(1, sequence, width))
        x = b.op("Add", x, b.linear(mixed, width, width))
        y = b.linear(b.layer_norm(x, width), width, 4 * width)
        cubed = b.op("Mul", b.op("Add", y, b.op("Mul", b.op("Pow", y, b.scalar(3)), b.scalar(0.044715))), b.scalar(np.sqrt(2 / np.pi)))
        y = b.op("Mul", b.op("Mul", y, b.scalar(0.5)), b.op("Add", b.op("Tanh", cubed), b.scalar(1)))
        x = b.op("Add", x, b.linear(y, 4 * width, width))
    return b.model("gpt2", [b.layer_norm(x, width)] + presents)


# Recurrent

def lstm(sequence=64, width=256, hidden=512, layers=2):
    """Two bidirectional layers over (sequence, 1, width), then a linear layer."""
    b = Builder()
    x, inputs = b.uniform("x", sequence, 1, width), width
    for _ in range(layers):
        y, _, _ = b.op("LSTM", x, b.normal((2, 4 * hidden, inputs), 1 / np.sqrt(inputs)),
                       b.normal((2, 4 * hidden, hidden), 1 / np.sqrt(hidden)), b.normal((2, 8 * hidden), 0.05),
                       outputs=3, direction="bidirectional", hidden_size=hidden)
        x = b.op("Reshape", b.op("Transpose", y, perm=[0, 2, 1, 3]), b.integers(sequence, 1, 2 * hidden))
        inputs = 2 * hidden
    return b.model("lstm", [b.linear(x, inputs, 128)])


def quantized(network):
    """A network with QuantizeLinear and DequantizeLinear around its operators, as ONNX Runtime's quantizer writes them:
    uint8 activations, int8 weights per channel."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class OneRun(CalibrationDataReader):
        def __init__(self, feeds):
            self.feeds = iter([feeds])

        def get_next(self):
            return next(self.feeds, None)

    model, feeds = network()
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "float.onnx", Path(scratch) / "int8.onnx"
        source.write_bytes(model.SerializeToString())
        quantize_static(source, target, OneRun(feeds), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        return onnx.load(target), feeds


# Single operators

def matmul(m, k, n):
    b = Builder()
    return b.model("matmul", [b.op("MatMul", b.uniform("a", m, k), b.normal((k, n), 1 / np.sqrt(k)))])


def matmul_two_inputs(m, k, n):
    b = Builder()
    return b.model("matmul_two_inputs", [b.op("MatMul", b.uniform("a", m, k), b.uniform("b", k, n))])


def matmul_integer(m, k, n):
    b = Builder()
    a = b.input("a", b.random.integers(0, 256, (m, k)).astype(np.uint8))
    weight = b.constant(b.random.integers(-127, 128, (k, n)).astype(np.int8))
    return b.model("matmul_integer", [b.op("MatMulInteger", a, weight, b.constant(np.uint8(128)))])


def conv(inputs, outputs, size, kernel, group=1):
    b = Builder()
    return b.model("conv", [b.conv(b.uniform("x", 1, inputs, size, size), inputs, outputs, kernel, group=group)])


def single(kind, shape, outputs=1, constants=(), **attributes):
    b = Builder()
    y = b.op(kind, b.uniform("x", *shape), *(b.constant(value) if value is not None else "" for value in constants), **attributes)
    return b.model(kind.lower(), [y])


def layer_norm(rows, width):
    b = Builder()
    return b.model("layer_norm", [b.layer_norm(b.uniform("x", rows, width), width)])


def elementwise_chain(count):
    b = Builder()
    x = b.uniform("x", count)
    y = b.op("Relu", b.op("Add", b.op("Mul", x, b.scalar(1.5)), b.scalar(0.25)))
    return b.model("elementwise_chain", [b.op("Sub", b.op("Mul", y, b.op("Sigmoid", y)), x)])


def skip_layer_norm(rows, width):
    b = Builder()
    return b.model("skip_layer_norm", [b.layer_norm(b.op("Add", b.uniform("x", rows, width), b.uniform("skip", rows, width)), width)])


SCALES = np.array([1, 1, 2, 2], np.float32)

# Name: function that returns (model, feeds).
NETWORKS = {
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "vgg": vgg,
    "inception_v1": lambda: light("inception_v1"),
    "densenet121": lambda: light("densenet121"),
    "squeezenet": lambda: light("squeezenet"),
    "shufflenet": lambda: light("shufflenet"),
    "alexnet": lambda: light("bvlc_alexnet"),
    "bert_base_s128": bert_base,
    "gpt2_s64": lambda: gpt2(64, 0),
    "gpt2_decode": lambda: gpt2(1, 64),
    "lstm": lstm,
    "resnet50_int8": lambda: quantized(resnet50),
    "mobilenet_v2_int8": lambda: quantized(mobilenet_v2),
}
OPERATORS = {
    "matmul_1024": lambda: matmul(1024, 1024, 1024),
    "matmul_128x768x768": lambda: matmul(128, 768, 768),
    "matmul_16x768x768": lambda: matmul(16, 768, 768),
    "matmul_1x4096x4096": lambda: matmul(1, 4096, 4096),
    "matmul_two_inputs_512": lambda: matmul_two_inputs(512, 512, 512),
    "matmul_integer_512": lambda: matmul_integer(512, 512, 512),
    "conv3x3_64_56": lambda: conv(64, 64, 56, 3),
    "conv3x3_128_28": lambda: conv(128, 128, 28, 3),
    "conv3x3_256_14": lambda: conv(256, 256, 14, 3),
    "conv1x1_256_64_56": lambda: conv(256, 64, 56, 1),
    "conv_depthwise_32_112": lambda: conv(32, 32, 112, 3, 32),
    "conv_grouped_128_56": lambda: conv(128, 128, 56, 3, 32),
    "softmax": lambda: single("Softmax", (1, 12, 128, 128), axis=-1),
    "layer_norm": lambda: layer_norm(128, 768),
    "skip_layer_norm": lambda: skip_layer_norm(128, 768),
    "transpose_heads": lambda: single("Transpose", (1, 128, 12, 64), perm=[0, 2, 1, 3]),
    "transpose_last": lambda: single("Transpose", (4, 512, 512), perm=[0, 2, 1]),
    "transpose_nchw_nhwc": lambda: single("Transpose", (1, 64, 112, 112), perm=[0, 2, 3, 1]),
    "resize_linear": lambda: single("Resize", (1, 32, 64, 64), constants=(None, SCALES), mode="linear"),
    "resize_nearest": lambda: single("Resize", (1, 32, 64, 64), constants=(None, SCALES), mode="nearest",
                                     coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "reduce_sum_last": lambda: single("ReduceSum", (64, 128, 256), constants=(np.array([2]),)),
    "reduce_sum_middle": lambda: single("ReduceSum", (64, 128, 256), constants=(np.array([1]),)),
    "reduce_sum_first": lambda: single("ReduceSum", (1024, 1024), constants=(np.array([0]),)),
    "lrn": lambda: single("LRN", (1, 64, 56, 56), size=5),
    "max_pool": lambda: single("MaxPool", (1, 64, 112, 112), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
    "average_pool": lambda: single("AveragePool", (1, 64, 112, 112), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
    "erf": lambda: single("Erf", (128, 3072)),
    "tanh": lambda: single("Tanh", (128, 3072)),
    "exp": lambda: single("Exp", (128, 3072)),
    "elementwise_chain": lambda: elementwise_chain(1 << 20),
}


def build(name):
    """Path of the model file, made where it is missing or of another version of this script, and its feeds."""
    OUT.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    path, stamp, data = OUT / f"{name}.onnx", OUT / f"{name}.stamp", OUT / f"{name}.npz"
    if not (stamp.exists() and stamp.read_text() == digest):
        stamp.unlink(missing_ok=True)
        model, feeds = (NETWORKS | OPERATORS)[name]()
        path.write_bytes(model.SerializeToString())
        np.savez(data, **feeds)
        stamp.write_text(digest)
    with np.load(data) as stored:
        return path, dict(stored)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or [*NETWORKS, *OPERATORS]:
        file, inputs = build(chosen)
        shapes = ", ".join(f"{key} {value.dtype} {list(value.shape)}" for key, value in list(inputs.items())[:3])
        print(f"{chosen:24s} {file.stat().st_size / 1e6:8.2f} MB  {shapes}", flush=True)
