"""The networks that are measured on a GPU, with random weights: the same shapes as in perf/networks.py, with a symbolic
batch, in fp32 or fp16. twins.py has the same ones in PyTorch, with the same weights by name.

    gpu_networks.py FOLDER [--small] [NAME...]     writes NAME_fp32.onnx and NAME_fp16.onnx
"""

import argparse
import math
from pathlib import Path

import numpy as np
from onnx_file import Writer

# Sizes of each network, and with "small" those for trying the scripts out where there is no GPU.
SIZES = {
    "resnet50": dict(size=224, width=64, classes=1000, blocks=(3, 4, 6, 3)),
    "mobilenet_v2": dict(size=224, divide=1, classes=1000, repeat=1),
    "bert_base": dict(sequence=128, layers=12, width=768, heads=12, words=30522),
    "bert_large": dict(sequence=384, layers=24, width=1024, heads=16, words=30522),
    "vit_b16": dict(size=224, patch=16, layers=12, width=768, heads=12, classes=1000),
    "gpt2_decode": dict(past=1023, layers=12, width=768, heads=12, words=50257, positions=1024),
    "lstm": dict(sequence=64, width=256, hidden=512, layers=2, classes=128),
}
SMALL = {
    "resnet50": dict(size=32, width=4, classes=10, blocks=(1, 1, 1, 1)),
    "mobilenet_v2": dict(size=32, divide=8, classes=10, repeat=0),
    "bert_base": dict(sequence=8, layers=1, width=32, heads=2, words=50),
    "bert_large": dict(sequence=8, layers=2, width=32, heads=2, words=50),
    "vit_b16": dict(size=32, patch=16, layers=1, width=32, heads=2, classes=10),
    "gpt2_decode": dict(past=7, layers=1, width=32, heads=2, words=50, positions=8),
    "lstm": dict(sequence=4, width=8, hidden=16, layers=2, classes=8),
}
# (expansion, channels, blocks, stride) of MobileNetV2.
INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenet_plan(divide, repeat, **_):
    """[(name, channels in, inner channels, channels out, stride)]."""
    plan, channels = [], 32 // divide
    for group, (expand, width, blocks, stride) in enumerate(INVERTED):
        for block in range(blocks if repeat else 1):
            plan.append((f"block{group}.{block}", channels, channels * expand, width // divide, stride if block == 0 else 1))
            channels = width // divide
    return plan


class Net(Writer):
    def conv(self, name, x, inputs, outputs, kernel, stride=1, group=1, relu=None, gain=1.0, pad=None):
        fan_in = inputs // group * kernel * kernel
        weight = self.normal(f"{name}.weight", (outputs, inputs // group, kernel, kernel),
                             gain * math.sqrt((2 if relu else 1) / fan_in))
        bias = self.normal(f"{name}.bias", (outputs,), 0.05)
        pads = [kernel // 2 if pad is None else pad] * 4
        y = self.op("Conv", x, weight, bias, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=pads, group=group)
        if relu == 6:
            return self.op("Clip", y, self.constant(0.0), self.constant(6.0))
        return self.op("Relu", y) if relu else y

    def linear(self, name, x, inputs, outputs):
        """MatMul and bias, as exporters write a linear layer on (..., inputs). The weight is (inputs, outputs)."""
        y = self.op("MatMul", x, self.normal(f"{name}.weight", (inputs, outputs), 1 / math.sqrt(inputs)))
        return self.op("Add", y, self.normal(f"{name}.bias", (outputs,), 0.02))

    def classifier(self, x, inputs, outputs):
        weight = self.normal("classifier.weight", (outputs, inputs), 1 / math.sqrt(inputs))
        return self.op("Gemm", x, weight, self.normal("classifier.bias", (outputs,), 0.02), transB=1)

    def norm(self, name, x, width, epsilon=1e-5):
        scale = self.normal(f"{name}.weight", (width,), 0.1, mean=1.0)
        return self.op("LayerNormalization", x, scale, self.normal(f"{name}.bias", (width,), 0.05), axis=-1, epsilon=epsilon)

    def gelu(self, x):
        y = self.op("Add", self.op("Erf", self.op("Div", x, self.constant(math.sqrt(2.0)))), self.constant(1.0))
        return self.op("Mul", self.op("Mul", x, y), self.constant(0.5))

    def split_heads(self, x, heads, size):
        """(batch, sequence, heads * size) -> (batch, heads, sequence, size)."""
        return self.op("Transpose", self.op("Reshape", x, self.integers(0, 0, heads, size)), perm=[0, 2, 1, 3])

    def attend(self, q, k, v, size, bias=None):
        """(batch, heads, sequence, size) each -> (batch, sequence, heads * size)."""
        scores = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = self.op("Div", scores, self.constant(math.sqrt(size)))
        if bias:
            scores = self.op("Add", scores, bias)
        mixed = self.op("Transpose", self.op("MatMul", self.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        return self.op("Reshape", mixed, self.integers(0, 0, -1))

    def image(self, size):
        return self.input("image", self.dtype, ["batch", 3, size, size])


def resnet50(b, size, width, classes, blocks):
    x = b.conv("stem", b.image(size), 3, width, 7, 2, relu=True)
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = width
    for stage, count in enumerate(blocks):
        inner = width << stage
        for block in range(count):
            name, stride = f"stage{stage}.{block}", 2 if block == 0 and stage > 0 else 1
            y = b.conv(f"{name}.1", x, channels, inner, 1, relu=True)
            y = b.conv(f"{name}.2", y, inner, inner, 3, stride, relu=True)
            # A small gain: the sum of the branches keeps its size through the blocks.
            y = b.conv(f"{name}.3", y, inner, inner * 4, 1, gain=0.3)
            if block == 0:
                x = b.conv(f"{name}.skip", x, channels, inner * 4, 1, stride)
            channels = inner * 4
            x = b.op("Relu", b.op("Add", y, x))
    x = b.op("Flatten", b.op("GlobalAveragePool", x), axis=1)
    return {b.classifier(x, channels, classes): 2}


def mobilenet_v2(b, size, divide, classes, repeat):
    x = b.conv("stem", b.image(size), 3, 32 // divide, 3, 2, relu=6)
    for name, channels, inner, width, stride in mobilenet_plan(divide, repeat):
        y = b.conv(f"{name}.expand", x, channels, inner, 1, relu=6) if inner != channels else x
        y = b.conv(f"{name}.depth", y, inner, inner, 3, stride, group=inner, relu=6)
        y = b.conv(f"{name}.project", y, inner, width, 1)
        x = b.op("Add", x, y) if stride == 1 and channels == width else y
    last = 1280 // divide
    x = b.conv("last", x, 320 // divide, last, 1, relu=6)
    x = b.op("Flatten", b.op("GlobalAveragePool", x), axis=1)
    return {b.classifier(x, last, classes): 2}


def bert(b, sequence, layers, width, heads, words):
    size = width // heads
    ids = b.input("input_ids", np.int64, ["batch", sequence], below=words)
    mask = b.input("attention_mask", np.int64, ["batch", sequence], value=1)
    segments = b.input("token_type_ids", np.int64, ["batch", sequence], value=0)
    x = b.op("Add", b.op("Gather", b.normal("words", (words, width), 0.3), ids),
             b.op("Gather", b.normal("segments", (2, width), 0.1), segments))
    x = b.norm("norm", b.op("Add", x, b.normal("positions", (1, sequence, width), 0.1)), width)
    wide = b.op("Cast", b.op("Unsqueeze", mask, b.integers(1, 2)), to=1 if b.dtype == np.float32 else 10)
    bias = b.op("Mul", b.op("Sub", b.constant(1.0), wide), b.constant(-1e4))
    for layer in range(layers):
        name = f"layer{layer}"
        q, k, v = (b.split_heads(b.linear(f"{name}.{part}", x, width, width), heads, size) for part in "qkv")
        mixed = b.linear(f"{name}.mix", b.attend(q, k, v, size, bias), width, width)
        x = b.norm(f"{name}.norm1", b.op("Add", mixed, x), width)
        y = b.linear(f"{name}.down", b.gelu(b.linear(f"{name}.up", x, width, 4 * width)), 4 * width, width)
        x = b.norm(f"{name}.norm2", b.op("Add", y, x), width)
    first = b.op("Gather", x, b.constant(np.int64(0)), axis=1)
    return {x: 3, b.op("Tanh", b.classifier(first, width, width)): 2}


def vit_b16(b, size, patch, layers, width, heads, classes):
    count = (size // patch) ** 2
    x = b.conv("patches", b.image(size), 3, width, patch, patch, pad=0)
    x = b.op("Transpose", b.op("Reshape", x, b.integers(0, width, count)), perm=[0, 2, 1])
    batch = b.op("Slice", b.op("Shape", x), b.integers(0), b.integers(1), b.integers(0))
    token = b.op("Expand", b.normal("token", (1, 1, width), 0.1), b.op("Concat", batch, b.integers(1, width), axis=0))
    x = b.op("Add", b.op("Concat", token, x, axis=1), b.normal("positions", (1, count + 1, width), 0.1))
    for layer in range(layers):
        name = f"layer{layer}"
        y = b.norm(f"{name}.norm1", x, width, 1e-6)
        q, k, v = (b.split_heads(b.linear(f"{name}.{part}", y, width, width), heads, width // heads) for part in "qkv")
        x = b.op("Add", x, b.linear(f"{name}.mix", b.attend(q, k, v, width // heads), width, width))
        y = b.linear(f"{name}.up", b.norm(f"{name}.norm2", x, width, 1e-6), width, 4 * width)
        x = b.op("Add", x, b.linear(f"{name}.down", b.gelu(y), 4 * width, width))
    first = b.op("Gather", b.norm("norm", x, width, 1e-6), b.constant(np.int64(0)), axis=1)
    return {b.classifier(first, width, classes): 2}


def gpt2_decode(b, past, layers, width, heads, words, positions):
    """One new token after `past` ones whose keys and values come in and go out, and the chances of the next."""
    size = width // heads
    ids = b.input("input_ids", np.int64, ["batch", 1], below=words)
    position = b.input("position_ids", np.int64, ["batch", 1], count_from=past)
    x = b.op("Add", b.op("Gather", b.normal("words", (words, width), 0.3), ids),
             b.op("Gather", b.normal("positions", (positions, width), 0.1), position))
    presents = []
    for layer in range(layers):
        name = f"layer{layer}"
        y = b.linear(f"{name}.qkv", b.norm(f"{name}.norm1", x, width), width, 3 * width)
        q, k, v = b.op("Split", y, b.integers(width, width, width), outputs=3, axis=2)
        q, k, v = (b.split_heads(value, heads, size) for value in (q, k, v))
        k = b.op("Concat", b.input(f"past_key_{layer}", b.dtype, ["batch", heads, past, size]), k, axis=2)
        v = b.op("Concat", b.input(f"past_value_{layer}", b.dtype, ["batch", heads, past, size]), v, axis=2)
        presents += [k, v]
        x = b.op("Add", x, b.linear(f"{name}.mix", b.attend(q, k, v, size), width, width))
        y = b.linear(f"{name}.up", b.norm(f"{name}.norm2", x, width), width, 4 * width)
        cubed = b.op("Add", y, b.op("Mul", b.op("Mul", b.op("Mul", y, y), y), b.constant(0.044715)))
        tanh = b.op("Tanh", b.op("Mul", cubed, b.constant(math.sqrt(2 / math.pi))))
        y = b.op("Mul", b.op("Mul", y, b.constant(0.5)), b.op("Add", tanh, b.constant(1.0)))
        x = b.op("Add", x, b.linear(f"{name}.down", y, 4 * width, width))
    x = b.norm("norm", x, width)
    chances = b.op("MatMul", x, b.normal("head", (width, words), 1 / math.sqrt(width)))
    return {chances: 3} | {present: 4 for present in presents}


def lstm(b, sequence, width, hidden, layers, classes):
    """Bidirectional layers over (sequence, batch, width), then a linear layer. Gates in ONNX's order: i, o, f, c."""
    x, inputs = b.input("x", b.dtype, [sequence, "batch", width]), width
    for layer in range(layers):
        name = f"layer{layer}"
        y, _, _ = b.op("LSTM", x, b.normal(f"{name}.w", (2, 4 * hidden, inputs), 1 / math.sqrt(inputs)),
                       b.normal(f"{name}.r", (2, 4 * hidden, hidden), 1 / math.sqrt(hidden)),
                       b.normal(f"{name}.b", (2, 8 * hidden), 0.05), outputs=3, direction="bidirectional", hidden_size=hidden)
        x = b.op("Reshape", b.op("Transpose", y, perm=[0, 2, 1, 3]), b.integers(0, 0, 2 * hidden))
        inputs = 2 * hidden
    return {b.linear("linear", x, inputs, classes): 3}


BUILD = {"resnet50": resnet50, "mobilenet_v2": mobilenet_v2, "bert_base": bert, "bert_large": bert, "vit_b16": vit_b16,
         "gpt2_decode": gpt2_decode, "lstm": lstm}


def write(folder, name, precision, small=False):
    """The path of the model; precision: fp32 or fp16."""
    path = Path(folder) / f"{name}_{precision}.onnx"
    if not path.exists():
        b = Net(folder, f"{name}_{precision}", {"fp32": np.float32, "fp16": np.float16}[precision])
        b.finish(BUILD[name](b, **(SMALL if small else SIZES)[name]))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for chosen in arguments.names or SIZES:
        for kind in ("fp32", "fp16"):
            print(write(arguments.folder, chosen, kind, arguments.small))
