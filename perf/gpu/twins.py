"""The networks of gpu_networks.py in PyTorch, from the same weights.

    twin(name, model, sizes)     a module in evaluation mode, with the weights of an ONNX file that gpu_networks.py wrote; it
                                 takes the inputs in the order of the model's and gives its outputs in that order
"""

import torch
import torch.nn.functional as F
from gpu_networks import mobilenet_plan
from onnx_file import weights_of
from torch import nn


class Weights:
    """Modules with the weights of a name."""

    def __init__(self, arrays):
        self.arrays = arrays

    def tensor(self, name):
        return torch.from_numpy(self.arrays[name].copy())

    def parameter(self, name):
        return nn.Parameter(self.tensor(name), requires_grad=False)

    def conv(self, name, stride=1, groups=1, padding=None):
        weight = self.parameter(f"{name}.weight")
        outputs, inputs, kernel, _ = weight.shape
        module = nn.Conv2d(inputs * groups, outputs, kernel, stride, kernel // 2 if padding is None else padding,
                           groups=groups, device="meta")
        module.weight, module.bias = weight, self.parameter(f"{name}.bias")
        return module

    def linear(self, name, transposed=True):
        """transposed: the weight is (inputs, outputs)."""
        weight = self.tensor(f"{name}.weight")
        weight = weight.t().contiguous() if transposed else weight
        module = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
        module.weight, module.bias = nn.Parameter(weight, requires_grad=False), self.parameter(f"{name}.bias")
        return module

    def norm(self, name, epsilon=1e-5):
        weight = self.parameter(f"{name}.weight")
        module = nn.LayerNorm(weight.shape[0], eps=epsilon, device="meta")
        module.weight, module.bias = weight, self.parameter(f"{name}.bias")
        return module


class Bottleneck(nn.Module):
    def __init__(self, w, name, stride, first):
        super().__init__()
        self.a, self.b, self.c = w.conv(f"{name}.1"), w.conv(f"{name}.2", stride), w.conv(f"{name}.3")
        self.skip = w.conv(f"{name}.skip", stride) if first else nn.Identity()

    def forward(self, x):
        return F.relu(self.c(F.relu(self.b(F.relu(self.a(x))))) + self.skip(x))


class ResNet(nn.Module):
    def __init__(self, w, blocks, **_):
        super().__init__()
        self.stem = w.conv("stem", 2)
        self.blocks = nn.Sequential(*(Bottleneck(w, f"stage{stage}.{block}", 2 if block == 0 and stage > 0 else 1, block == 0)
                                      for stage, count in enumerate(blocks) for block in range(count)))
        self.classifier = w.linear("classifier", transposed=False)

    def forward(self, image):
        x = self.blocks(F.max_pool2d(F.relu(self.stem(image)), 3, 2, 1))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Inverted(nn.Module):
    def __init__(self, w, name, channels, inner, width, stride):
        super().__init__()
        self.expand = w.conv(f"{name}.expand") if inner != channels else None
        self.depth, self.project = w.conv(f"{name}.depth", stride, inner), w.conv(f"{name}.project")
        self.residual = stride == 1 and channels == width

    def forward(self, x):
        y = F.relu6(self.expand(x)) if self.expand is not None else x
        y = self.project(F.relu6(self.depth(y)))
        return x + y if self.residual else y


class MobileNet(nn.Module):
    def __init__(self, w, **sizes):
        super().__init__()
        self.stem, self.last = w.conv("stem", 2), w.conv("last")
        self.blocks = nn.Sequential(*(Inverted(w, *entry) for entry in mobilenet_plan(**sizes)))
        self.classifier = w.linear("classifier", transposed=False)

    def forward(self, image):
        x = F.relu6(self.last(self.blocks(F.relu6(self.stem(image)))))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


def split_heads(x, heads):
    """(batch, sequence, heads * size) -> (batch, heads, sequence, size)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def join_heads(x):
    return x.transpose(1, 2).flatten(2)


class BertLayer(nn.Module):
    def __init__(self, w, name, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.mix, self.up, self.down = (w.linear(f"{name}.{part}")
                                                                for part in ("q", "k", "v", "mix", "up", "down"))
        self.norm1, self.norm2 = w.norm(f"{name}.norm1"), w.norm(f"{name}.norm2")

    def forward(self, x, bias):
        q, k, v = (split_heads(part(x), self.heads) for part in (self.q, self.k, self.v))
        x = self.norm1(self.mix(join_heads(F.scaled_dot_product_attention(q, k, v, bias))) + x)
        return self.norm2(self.down(F.gelu(self.up(x))) + x)


class Bert(nn.Module):
    def __init__(self, w, layers, heads, **_):
        super().__init__()
        self.words, self.segments, self.positions = w.parameter("words"), w.parameter("segments"), w.parameter("positions")
        self.norm = w.norm("norm")
        self.layers = nn.ModuleList(BertLayer(w, f"layer{layer}", heads) for layer in range(layers))
        self.pool = w.linear("classifier", transposed=False)

    def forward(self, ids, mask, segments):
        x = self.norm(F.embedding(ids, self.words) + F.embedding(segments, self.segments) + self.positions)
        bias = (1 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers:
            x = layer(x, bias)
        return x, torch.tanh(self.pool(x[:, 0]))


class VitLayer(nn.Module):
    def __init__(self, w, name, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.mix, self.up, self.down = (w.linear(f"{name}.{part}")
                                                                for part in ("q", "k", "v", "mix", "up", "down"))
        self.norm1, self.norm2 = w.norm(f"{name}.norm1", 1e-6), w.norm(f"{name}.norm2", 1e-6)

    def forward(self, x):
        y = self.norm1(x)
        q, k, v = (split_heads(part(y), self.heads) for part in (self.q, self.k, self.v))
        x = x + self.mix(join_heads(F.scaled_dot_product_attention(q, k, v)))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self, w, patch, layers, heads, **_):
        super().__init__()
        self.patches = w.conv("patches", patch, padding=0)
        self.token, self.positions = w.parameter("token"), w.parameter("positions")
        self.layers = nn.Sequential(*(VitLayer(w, f"layer{layer}", heads) for layer in range(layers)))
        self.norm, self.classifier = w.norm("norm", 1e-6), w.linear("classifier", transposed=False)

    def forward(self, image):
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.classifier(self.norm(self.layers(x))[:, 0])


class GptLayer(nn.Module):
    def __init__(self, w, name, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.mix, self.up, self.down = (w.linear(f"{name}.{part}") for part in ("qkv", "mix", "up", "down"))
        self.norm1, self.norm2 = w.norm(f"{name}.norm1"), w.norm(f"{name}.norm2")

    def forward(self, x, past_key, past_value):
        q, k, v = (split_heads(part, self.heads) for part in self.qkv(self.norm1(x)).chunk(3, 2))
        k, v = torch.cat([past_key, k], 2), torch.cat([past_value, v], 2)
        x = x + self.mix(join_heads(F.scaled_dot_product_attention(q, k, v)))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")), k, v


class Gpt(nn.Module):
    def __init__(self, w, layers, heads, **_):
        super().__init__()
        self.words, self.positions = w.parameter("words"), w.parameter("positions")
        self.layers = nn.ModuleList(GptLayer(w, f"layer{layer}", heads) for layer in range(layers))
        self.norm, self.head = w.norm("norm"), w.parameter("head")

    def forward(self, ids, positions, *past):
        x = F.embedding(ids, self.words) + F.embedding(positions, self.positions)
        presents = []
        for index, layer in enumerate(self.layers):
            x, k, v = layer(x, past[2 * index], past[2 * index + 1])
            presents += [k, v]
        return (self.norm(x) @ self.head, *presents)


class Lstm(nn.Module):
    def __init__(self, w, width, hidden, layers, **_):
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, layers, bidirectional=True)

        def reordered(rows):
            """ONNX's gates i, o, f, c as PyTorch's i, f, g, o."""
            i, o, f, c = rows.chunk(4)
            return nn.Parameter(torch.cat([i, f, c, o]), requires_grad=False)

        for layer in range(layers):
            bias = w.tensor(f"layer{layer}.b")
            for direction, suffix in ((0, ""), (1, "_reverse")):
                parts = {"weight_ih": w.tensor(f"layer{layer}.w")[direction], "weight_hh": w.tensor(f"layer{layer}.r")[direction],
                         "bias_ih": bias[direction][:4 * hidden], "bias_hh": bias[direction][4 * hidden:]}
                for part, rows in parts.items():
                    setattr(self.lstm, f"{part}_l{layer}{suffix}", reordered(rows))
        self.linear = w.linear("linear")

    def forward(self, x):
        return self.linear(self.lstm(x)[0])


TWINS = {"resnet50": ResNet, "mobilenet_v2": MobileNet, "bert_base": Bert, "bert_large": Bert, "vit_b16": Vit,
         "gpt2_decode": Gpt, "lstm": Lstm}


def twin(name, model, sizes):
    return TWINS[name](Weights(weights_of(model)), **sizes).eval()
