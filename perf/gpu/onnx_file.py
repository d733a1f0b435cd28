"""Writes ONNX models with their weights in a file beside them. Needs numpy alone.

A Writer collects nodes, weights and inputs; weights go to disk as they are made, so that a model of any size takes the
memory of its largest weight. `finish` writes NAME.onnx, whose weights are in NAME.weights, and NAME.json: which weight has
which type, shape and place, and what the inputs are.
"""

import json
import struct
from pathlib import Path

import numpy as np

FLOAT, INT64, BOOL, FLOAT16 = 1, 7, 9, 10
TYPES = {"float32": FLOAT, "int64": INT64, "bool": BOOL, "float16": FLOAT16}
ALIGNMENT = 4096


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    """An AttributeProto: float, integer, text, or a list of integers."""
    if isinstance(value, float):
        return text(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return text(1, name) + text(4, value) + number(20, 3)
    return text(1, name) + b"".join(number(8, item) for item in value) + number(20, 7)


def value_info(name, kind, shape):
    """shape: integers and names of symbols."""
    dims = b"".join(text(1, text(2, d) if isinstance(d, str) else number(1, d)) for d in shape)
    return text(1, name) + text(2, text(1, number(1, kind) + text(2, dims)))


class Writer:
    """Methods that add nodes give the name of the value they make. dtype: that of weights and activations."""

    def __init__(self, folder, name, dtype, seed=1, opset=17):
        self.folder, self.name, self.opset = Path(folder), name, opset
        self.dtype = np.dtype(dtype)
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers, self.inputs, self.weights = [], [], [], {}
        self.described = []
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = open(self.folder / f"{name}.weights", "wb")

    def op(self, kind, *inputs, outputs=1, **attributes):
        stem = f"{kind.lower()}_{len(self.nodes)}"
        names = [stem] if outputs == 1 else [f"{stem}_{index}" for index in range(outputs)]
        node = b"".join(text(1, value) for value in inputs) + b"".join(text(2, value) for value in names)
        node += text(3, stem) + text(4, kind)
        self.nodes.append(node + b"".join(text(5, attribute(key, value)) for key, value in attributes.items()))
        return names[0] if outputs == 1 else names

    def constant(self, value):
        """A small value inside the model, in the type it has; Python floats in that of the activations."""
        value = np.asarray(value, self.dtype if isinstance(value, float) else None)
        name = f"constant_{len(self.initializers)}"
        dims = b"".join(number(1, d) for d in value.shape)
        self.initializers.append(dims + number(2, TYPES[value.dtype.name]) + text(8, name) + text(9, value.tobytes()))
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    def weight(self, name, value):
        value = np.ascontiguousarray(value, self.dtype)
        self.data.write(b"\0" * (-self.data.tell() % ALIGNMENT))
        place = {"location": f"{self.name}.weights", "offset": str(self.data.tell()), "length": str(value.nbytes)}
        self.data.write(value.tobytes())
        entries = b"".join(text(13, text(1, key) + text(2, item)) for key, item in place.items())
        dims = b"".join(number(1, d) for d in value.shape)
        self.initializers.append(dims + number(2, TYPES[value.dtype.name]) + text(8, name) + entries + number(14, 1))
        self.weights[name] = {"dtype": value.dtype.name, "shape": list(value.shape), "offset": int(place["offset"])}
        return name

    def normal(self, name, shape, deviation, mean=0.0):
        return self.weight(name, mean + self.random.standard_normal(shape, np.float32) * np.float32(deviation))

    def input(self, name, dtype, shape, **content):
        """content: how feeds are drawn, see `feeds`."""
        self.inputs.append(value_info(name, TYPES[np.dtype(dtype).name], shape))
        self.described.append({"name": name, "dtype": np.dtype(dtype).name, "shape": list(shape), **content})
        return name

    def finish(self, outputs):
        """outputs: {name: rank}, of the type of the activations."""
        self.data.close()
        graph = b"".join(text(1, node) for node in self.nodes) + text(2, self.name)
        graph += b"".join(text(5, tensor) for tensor in self.initializers)
        graph += b"".join(text(11, value) for value in self.inputs)
        graph += b"".join(text(12, value_info(name, TYPES[self.dtype.name], [f"{name}_{axis}" for axis in range(rank)]))
                          for name, rank in outputs.items())
        model = number(1, 8) + text(2, "onda-perf") + text(7, graph) + text(8, number(2, self.opset))
        (self.folder / f"{self.name}.onnx").write_bytes(model)
        (self.folder / f"{self.name}.json").write_text(json.dumps({"weights": self.weights, "inputs": self.described}))
        return self.folder / f"{self.name}.onnx"


def weights_of(model):
    """{name: array} of a model that a Writer wrote, mapped."""
    model = Path(model)
    described = json.loads(model.with_suffix(".json").read_text())["weights"]
    data = np.memmap(model.with_suffix(".weights"), np.uint8, "r")
    return {name: np.ndarray(entry["shape"], entry["dtype"], data, entry["offset"]) for name, entry in described.items()}


def feeds(model, sizes, seed=7):
    """{name: array} for its inputs, of these sizes of the symbols: "below" draws integers, "count_from" counts along the
    last dimension, "value" repeats one; otherwise numbers of [-1, 1)."""
    random = np.random.default_rng(seed)
    made = {}
    for entry in json.loads(Path(model).with_suffix(".json").read_text())["inputs"]:
        shape = [sizes[d] if isinstance(d, str) else d for d in entry["shape"]]
        if "below" in entry:
            value = random.integers(0, entry["below"], shape)
        elif "count_from" in entry:
            value = np.broadcast_to(np.arange(shape[-1]) + entry["count_from"], shape)
        elif "value" in entry:
            value = np.full(shape, entry["value"])
        else:
            value = random.random(shape, np.float32) * 2 - 1
        made[entry["name"]] = np.ascontiguousarray(value, entry["dtype"])
    return made
