#!/usr/bin/env python3
"""Trains digits.onnx: a small convolutional network that reads one printed digit, on pictures rendered from fonts.

    train.py [--epochs 6] [--images 24000] [--fonts DIR]

Everything is made here: the pictures with Pillow from the machine's TrueType fonts (a list below of Debian packages), the
training in plain numpy, the model with onnx.helper. Writes digits.onnx and images/*.png beside this file. One fifth of
the fonts is kept out of training; their pictures are the test set.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE = Path(__file__).resolve().parent
SIZE = 28
SEED = 2026
# Debian packages: fonts-dejavu fonts-liberation fonts-freefont-ttf fonts-noto-core
FAMILIES = ("DejaVu", "Liberation", "Free", "NotoSans-", "NotoSerif-", "NotoSansDisplay-", "NotoSerifDisplay-", "NotoMono",
            "NotoSansMono-")
SYMBOL_FONTS = ("MathTeXGyre", "Symbols")


def fonts(folder):
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.suffix in (".ttf", ".otf")
             and path.name.startswith(FAMILIES) and not any(word in path.name for word in SYMBOL_FONTS)]
    if len(paths) < 10:
        raise SystemExit(f"only {len(paths)} fonts found under {folder}")
    return paths


# Pictures

def draw_digit(digit, font_path, random):
    """One digit as a (28, 28) uint8 picture, dark on light, with random size, place, turn, slant, contrast and noise."""
    scale = 4
    font = ImageFont.truetype(str(font_path), int(random.uniform(15, 24) * scale))
    canvas = Image.new("L", (SIZE * scale, SIZE * scale), 0)
    middle = SIZE * scale / 2
    ImageDraw.Draw(canvas).text((middle, middle), str(digit), font=font, fill=255, anchor="mm")
    angle, slant = np.radians(random.uniform(-12, 12)), random.uniform(-0.2, 0.2)
    shift = random.uniform(-2.5, 2.5, 2) * scale
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.array([[1, slant], [0, 1]])
    offset = middle - turn @ (np.array([middle, middle]) + shift)
    canvas = canvas.transform(canvas.size, Image.Transform.AFFINE,
                              (turn[0, 0], turn[0, 1], offset[0], turn[1, 0], turn[1, 1], offset[1]),
                              Image.Resampling.BILINEAR)
    canvas = canvas.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.5) * scale))
    ink = np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32) / 255
    paper, dark = random.uniform(170, 255), random.uniform(0, 80)
    picture = paper + (dark - paper) * ink + random.normal(0, random.uniform(0, 8), ink.shape)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def draw_set(count, font_paths, random):
    digits = np.arange(count) % 10
    pictures = np.stack([draw_digit(digit, font_paths[random.integers(len(font_paths))], random) for digit in digits])
    return pictures[:, None].astype(np.float32) / 255, digits


# Network: ink = 1 - image; (3x3 convolution, ReLU, 2x2 max pooling) twice; a linear layer; softmax.

CHANNELS = (1, 12, 24)
FEATURES = CHANNELS[-1] * (SIZE // 4) ** 2


def initial_parameters(random):
    parameters = {}
    for layer in (1, 2):
        fan_in = CHANNELS[layer - 1] * 9
        parameters[f"w{layer}"] = random.normal(0, np.sqrt(2 / fan_in), (CHANNELS[layer], CHANNELS[layer - 1], 3, 3))
        parameters[f"b{layer}"] = np.zeros(CHANNELS[layer])
    parameters["w3"] = random.normal(0, np.sqrt(1 / FEATURES), (10, FEATURES))
    parameters["b3"] = np.zeros(10)
    return {name: value.astype(np.float32) for name, value in parameters.items()}


def windows(x):
    """The 3x3 neighbourhood of every pixel, zero-padded: (n, c, h, w) -> (n, h, w, c * 9)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], x.shape[2], x.shape[3], -1)


def convolution(x, weight, bias):
    columns = windows(x)
    y = columns @ weight.reshape(weight.shape[0], -1).T + bias
    return np.maximum(y, 0).transpose(0, 3, 1, 2), columns


def pool(x):
    """2x2 maxima, and the share of each pixel in its block's maximum (ties are split)."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    largest = blocks.max(axis=(3, 5), keepdims=True)
    share = (blocks == largest).astype(np.float32)
    share /= share.sum(axis=(3, 5), keepdims=True)
    return largest[:, :, :, 0, :, 0], share


def forward(parameters, x):
    x, kept = 1 - x, []
    for layer in (1, 2):
        y, columns = convolution(x, parameters[f"w{layer}"], parameters[f"b{layer}"])
        x, share = pool(y)
        kept.append((y, columns, share))
    features = x.reshape(x.shape[0], -1)
    logits = features @ parameters["w3"].T + parameters["b3"]
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True), features, kept


def gradients(parameters, x, digits):
    """Mean cross entropy and its gradient in every parameter."""
    probabilities, features, kept = forward(parameters, x)
    rows = np.arange(len(x))
    loss = -np.log(probabilities[rows, digits] + 1e-12).mean()
    slope = probabilities.copy()
    slope[rows, digits] -= 1
    slope /= len(x)
    result = {"w3": slope.T @ features, "b3": slope.sum(0)}
    slope = (slope @ parameters["w3"]).reshape(len(x), CHANNELS[-1], SIZE // 4, SIZE // 4)
    for layer in (2, 1):
        y, columns, share = kept[layer - 1]
        slope = (slope[:, :, :, None, :, None] * share).reshape(y.shape) * (y > 0)
        flat = slope.transpose(0, 2, 3, 1).reshape(-1, CHANNELS[layer])
        weight = parameters[f"w{layer}"]
        result[f"w{layer}"] = (flat.T @ columns.reshape(len(flat), -1)).reshape(weight.shape)
        result[f"b{layer}"] = flat.sum(0)
        if layer == 2:
            # The gradient in a convolution's input is a convolution with the flipped, transposed weights.
            flipped = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
            slope = (windows(slope) @ flipped.reshape(flipped.shape[0], -1).T).transpose(0, 3, 1, 2)
    return loss, result


def train(x, digits, epochs, random):
    """Adam with a cosine learning rate."""
    parameters = initial_parameters(random)
    first = {name: np.zeros_like(value) for name, value in parameters.items()}
    second = {name: np.zeros_like(value) for name, value in parameters.items()}
    batch, step = 100, 0
    steps = epochs * (len(x) // batch)
    for epoch in range(epochs):
        order, total = random.permutation(len(x)), 0.0
        for begin in range(0, len(x) - batch + 1, batch):
            chosen = order[begin:begin + batch]
            loss, slopes = gradients(parameters, x[chosen], digits[chosen])
            total, step = total + loss, step + 1
            rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * step / steps))
            for name, slope in slopes.items():
                first[name] = 0.9 * first[name] + 0.1 * slope
                second[name] = 0.999 * second[name] + 0.001 * slope ** 2
                parameters[name] -= (rate * (first[name] / (1 - 0.9 ** step))
                                     / (np.sqrt(second[name] / (1 - 0.999 ** step)) + 1e-8)).astype(np.float32)
        print(f"epoch {epoch + 1}: mean loss {total / (len(x) // batch):.4f}", flush=True)
    return parameters


def accuracy(parameters, x, digits):
    right = sum((forward(parameters, x[begin:begin + 500])[0].argmax(1) == digits[begin:begin + 500]).sum()
                for begin in range(0, len(x), 500))
    return right / len(x)


def export(parameters, path):
    """image float[batch, 1, 28, 28] in [0, 1] (0: ink) -> probabilities float[batch, 10]."""
    nodes = [helper.make_node("Sub", ["one", "image"], ["ink"], "ink")]
    value = "ink"
    for layer in (1, 2):
        nodes += [
            helper.make_node("Conv", [value, f"w{layer}", f"b{layer}"], [f"conv{layer}"], f"conv{layer}",
                             kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"conv{layer}"], [f"relu{layer}"], f"relu{layer}"),
            helper.make_node("MaxPool", [f"relu{layer}"], [f"pool{layer}"], f"pool{layer}", kernel_shape=[2, 2],
                             strides=[2, 2]),
        ]
        value = f"pool{layer}"
    nodes += [
        helper.make_node("Flatten", [value], ["features"], "flatten", axis=1),
        helper.make_node("Gemm", ["features", "w3", "b3"], ["logits"], "linear", transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in ({"one": np.ones(1, np.float32)} | parameters).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="onda",
                              doc_string="Reads one printed digit. Trained by examples/digits/train.py.")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--images", type=int, default=24000)
    parser.add_argument("--fonts", default="/usr/share/fonts/truetype")
    arguments = parser.parse_args()
    begin = time.monotonic()
    random = np.random.default_rng(SEED)
    paths = fonts(arguments.fonts)
    random.shuffle(paths)
    held_out, known = paths[:len(paths) // 5], paths[len(paths) // 5:]
    x, digits = draw_set(arguments.images, known, random)
    test_x, test_digits = draw_set(3000, held_out, random)
    print(f"{len(known)} fonts to train, {len(held_out)} to test; pictures drawn in {time.monotonic() - begin:.0f} s")
    parameters = train(x, digits, arguments.epochs, random)
    print(f"accuracy on fonts not seen: {accuracy(parameters, test_x, test_digits):.4f}; {time.monotonic() - begin:.0f} s in all")
    export(parameters, HERE / "digits.onnx")
    pictures = HERE / "images"
    pictures.mkdir(exist_ok=True)
    for digit in range(10):
        picture = draw_digit(digit, held_out[random.integers(len(held_out))], random)
        Image.fromarray(picture).save(pictures / f"{digit}.png")


if __name__ == "__main__":
    main()
