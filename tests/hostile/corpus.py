"""Models that no one writes in good faith. cases() gives (name, bytes of a model, options) for each.

Options: "node": the message must name this node or operator; "files": {name: bytes} beside the model;
"links": {name: target} beside the model; "legal": succeeding within the limits is right too; "command": the subcommand,
"run" by default; "arguments": more of the command; "file": the model's name, "model.onnx" by default; "slow": seconds that
it may take; "endless": a correct program that never ends.
"""

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto, helper, numpy_helper

F, I64, B, S = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING
BIG = 2**62


def info(name, dtype=F, dims=None):
    return helper.make_tensor_value_info(name, dtype, dims)


def model(nodes, inputs=(), outputs=("y",), consts=None, functions=(), tensors=(), opset=21, dtype=F):
    tensors = list(tensors) + [numpy_helper.from_array(np.asarray(a), n) for n, a in (consts or {}).items()]
    outputs = [o if not isinstance(o, str) else info(o, dtype) for o in outputs]
    graph = helper.make_graph(list(nodes), "hostile", list(inputs), outputs, tensors)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("f", 1)]
    return helper.make_model(graph, functions=list(functions), opset_imports=opsets, ir_version=10)


def node(op, inputs, outputs=("y",), name="bad", domain="", **attributes):
    return helper.make_node(op, list(inputs), list(outputs), name=name, domain=domain, **attributes)


def f(*dims):
    return np.ones(dims, np.float32)


def i(*values):
    return np.array(values, np.int64)


def op(kind, *values, outputs=("y",), dtype=F, opset=21, **attributes):
    """One node on constants; None: an input that is left out; a list of dims: a fed input."""
    names, consts, inputs = [], {}, []
    for k, value in enumerate(values):
        name = f"i{k}"
        if value is None:
            name = ""
        elif isinstance(value, list):
            inputs.append(info(name, F, value))
        else:
            consts[name] = value
        names.append(name)
    return model([node(kind, names, outputs, **attributes)], inputs, outputs[:1], consts, opset=opset, dtype=dtype)


def function(name, nodes, inputs=("x",), outputs=("y",)):
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, list(inputs), list(outputs), nodes, opsets)


def call(name, x="x", y="y"):
    return node(name, [x], [y], domain="f")


def functions_nested(levels, width):
    """Level k calls level k-1 `width` times in a chain: width ** levels nodes."""
    made = [function("f0", [node("Neg", ["x"])])]
    for k in range(1, levels + 1):
        names = ["x"] + [f"t{j}" for j in range(width - 1)] + ["y"]
        made.append(function(f"f{k}", [call(f"f{k - 1}", a, b) for a, b in zip(names, names[1:])]))
    return model([call(f"f{levels}")], [info("x", F, [1])], functions=made)


def functions_ring(size):
    ring = [function(f"f{k}", [call(f"f{(k + 1) % size}")]) for k in range(size)]
    return model([call("f0")], [info("x", F, [1])], functions=ring)


def field(number, payload):
    size, length = len(payload), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    key = number << 3 | 2
    return (bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])) + length + bytes([size]) + payload


def if_nest(depth):
    """Written from the inside out, as bytes: the library itself would recurse."""
    branch = helper.make_graph([node("Identity", ["x"])], "g", [], [info("y")]).SerializeToString()
    tail = field(2, b"g") + field(12, info("y").SerializeToString())
    for _ in range(depth):
        attributes = b"".join(field(5, field(1, name) + field(6, branch if name == b"then_branch" else LEAF) + b"\xa0\x01\x05")
                              for name in (b"then_branch", b"else_branch"))
        nested = field(1, b"c") + field(2, b"y") + field(3, b"bad") + field(4, b"If") + attributes
        branch = field(1, nested) + tail
    base = model([], [info("x", F, [1]), info("c", B, [])], []).SerializeToString()
    return base + field(7, branch)


def raw_model(fields):
    return model([], [info("x", F, [1])], ["x"]).SerializeToString() + fields


def raw_graph(fields):
    return raw_model(field(7, fields))


def loop_nest(depth):
    """Loops in loops, the carried shape of each changing so that its facts settle late. Bytes, from the inside out."""
    inner = field(1, node("Concat", ["a", "a"], ["b"], "grow", axis=0).SerializeToString())
    same = field(1, node("Identity", ["go"], ["more"]).SerializeToString())
    rest = field(2, b"g") + b"".join(field(11, i.SerializeToString()) for i in (*LOOP_IN, info("a"))) + \
        field(12, info("more", B, []).SerializeToString()) + field(12, info("b").SerializeToString())
    for _ in range(depth):
        graph = inner + same + rest
        attribute = field(1, b"body") + field(6, graph) + b"\xa0\x01\x05"
        inner = field(1, field(1, b"m") + field(1, b"") + field(1, b"a") + field(2, b"b") + field(4, b"Loop") + field(5, attribute))
    base = model([node("Identity", ["x"], ["a"])], [info("x", F, [1])], ["b"], {"m": np.int64(1)}).SerializeToString()
    return base + field(7, inner)


LEAF = helper.make_graph([node("Identity", ["x"])], "g", [], [info("y")]).SerializeToString()


def doubling(times, kind="Concat"):
    steps = [node(kind, [f"v{k}", f"v{k}"], [f"v{k + 1}"], name=f"bad{k}", **({"axis": 0} if kind == "Concat" else {}))
             for k in range(times)]
    return model(steps, outputs=[f"v{times}"], consts={"v0": f(8)})


def chain(kind, count, second, first):
    steps = [node(kind, [f"v{k}", "w"], [f"v{k + 1}"], name=f"bad{k}") for k in range(count)]
    dims = [helper.make_tensor_value_info(n, F, d) for n, d in (("s", [1]),)]
    return model([node("ConstantOfShape", ["d0"], ["v0"], value=numpy_helper.from_array(f(1))),
                  node("ConstantOfShape", ["d1"], ["w"], value=numpy_helper.from_array(f(1))), *steps], dims,
                 [f"v{count}"], {"d0": i(*first), "d1": i(*second)})


def many_nodes(count):
    base = model([], [info("x", F, [1])], [f"v{count}"])
    nodes = bytearray()
    for k in range(count):
        a, b = (f"v{k}" if k else "x").encode(), f"v{k + 1}".encode()
        nodes += field(1, field(1, a) + field(2, b) + field(4, b"Neg"))
    return base.SerializeToString() + field(7, bytes(nodes))


def many_attributes(count):
    base = model([], [info("x", F, [1])])
    attributes = b"".join(field(5, field(1, b"a%d" % k) + b"\x18\x01" + b"\xa0\x01\x02") for k in range(count))
    whole = field(1, b"x") + field(2, b"y") + field(3, b"bad") + field(4, b"Neg") + attributes
    return base.SerializeToString() + field(7, field(1, whole))


def declared(dims, dtype=F, data=b"abcd"):
    tensor = TensorProto(name="w", data_type=dtype, dims=dims, raw_data=data)
    return model([node("Identity", ["w"])], tensors=[tensor])


def external(location, offset=None, length=None, dims=(1,), **options):
    tensor = TensorProto(name="w", data_type=F, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.append(StringStringEntryProto(key=key, value=str(value)))
    return model([node("Identity", ["w"])], tensors=[tensor]), {"files": {"data.bin": b"12345678"}, **options}


def body(nodes, inputs, outputs):
    return helper.make_graph(nodes, "body", inputs, outputs)


LOOP_IN = [info("it", I64, []), info("go", B, [])]


def loop(trips, graph, carried=(), outputs=("y",), condition=True, consts=None, first=(), dtype=F):
    values = {"m": np.int64(trips or 0), "c": np.bool_(condition), **(consts or {})}
    names = [o if isinstance(o, str) else o.name for o in outputs]
    return model([*first, node("Loop", ["m" if trips is not None else "", "c", *carried], names, body=graph)],
                 [info("x", F, [1])], outputs[:1], {k: v for k, v in values.items() if k != "m" or trips is not None}, dtype=dtype)


def counting(scan, size=1):
    """A body that adds one to what it carries, and gives it out where `scan`."""
    nodes = [node("Identity", ["go"], ["more"], "same"), node("Add", ["a", "a"], ["b"], "twice")]
    outs = [info("more", B, []), info("b", F, [size])]
    if scan:
        nodes.append(node("Identity", ["a"], ["s"], "scan"))
        outs.append(info("s", F, [size]))
    return body(nodes, [*LOOP_IN, info("a", F, [size])], outs)


def branches(then, other, dtype=F):
    return model([node("If", ["c"], then_branch=then, else_branch=other)], [info("c", B, []), info("x", F, [1])], dtype=dtype)


def leaf(kind="Identity", x="x", y="y", out=None, **attributes):
    return body([node(kind, [x], [y], "leaf", **attributes)], [], [out or info("y")])


def value_of(kind, **fields):
    return body([node("Constant", [], ["y"], "leaf", **fields)], [], [info("y", kind)])


def cases():
    bad = {"node": "bad"}
    free = {"legal": True}

    # Expansion.
    for levels, width in ((30, 2), (40, 2), (60, 2), (10, 10), (9, 12), (20, 4), (32, 3)):
        yield f"functions_{width}_to_the_{levels}", functions_nested(levels, width), {}
    for size in (1, 2, 3, 10, 100):
        yield f"functions_ring_{size}", functions_ring(size), {}
    yield "functions_deep_1000", functions_nested(1000, 1), {}
    yield "function_in_its_own_branch", model([call("f0")], [info("x", F, [1])], functions=[function("f0", [
        node("Constant", [], ["c"], "c", value=numpy_helper.from_array(np.array(True))),
        node("If", ["c"], then_branch=body([call("f0")], [], [info("y")]), else_branch=leaf())])]), {}
    for depth in (65, 100, 1000, 10000):
        yield f"if_nest_{depth}", if_nest(depth), {}
    for count in (1_100_000, 1_500_000):
        yield f"nodes_{count}", many_nodes(count), {"slow": 6}
    for count in (100_000, 1_000_000):
        yield f"attributes_{count}", many_attributes(count), {"slow": 2}
    for times in (40, 50, 62, 70, 500):
        yield f"concat_doubles_{times}", doubling(times), {}
    yield "tile_chain", model([node("Tile", [f"v{k}", "r"], [f"v{k + 1}"], f"bad{k}") for k in range(20)],
                              outputs=["v20"], consts={"v0": f(8), "r": i(16)}), {}
    yield "matmul_chain", chain("MatMul", 400, (1024, 1024), (1024, 1024)), {**free, "command": "info"}
    yield "conv_chain", chain("Conv", 50, (64, 64, 3, 3), (1, 64, 300, 300)), {**free, "command": "info"}

    yield "constants_of_2_gigabytes", model(
        [node("ConstantOfShape", ["d"], [f"v{k}"], f"bad{k}", value=numpy_helper.from_array(f(1))) for k in range(40)],
        outputs=[f"v{k}" for k in range(40)], consts={"d": i(14_000_000)}), {**free, "command": "info"}
    yield "folding_matmul_4000", model([node("ConstantOfShape", ["d"], ["a"], value=numpy_helper.from_array(f(1))),
                                        node("MatMul", ["a", "a"], ["b"]), node("MatMul", ["a", "b"], ["c"]), node("MatMul", ["b", "c"])],
                                       consts={"d": i(4000, 4000)}), {**free, "command": "info"}
    yield "folding_einsum", op("Einsum", f(300, 300), f(300, 300), f(300, 300), equation="ab,bc,cd->ad"), {**free, "command": "info"}
    yield "folding_conv", op("Conv", f(1, 64, 256, 256), f(64, 64, 11, 11)), {**free, "command": "info"}
    yield "folding_topk", op("TopK", np.arange(8_000_000, dtype=np.float32), i(8_000_000), outputs=("y", "z")), {**free, "command": "info"}
    yield "folding_erf_chain", model([node("ConstantOfShape", ["d"], ["v0"])] +
                                     [node("Erf", [f"v{k}"], [f"v{k + 1}"], f"bad{k}") for k in range(3000)],
                                     outputs=["v3000"], consts={"d": i(1_000_000)}), {**free, "command": "info"}
    for kind in ("Mul", "Add", "Div"):
        yield f"shape_chain_{kind}", model(
            [node("Shape", ["x"], ["v0"])] + [node(kind, [f"v{k}", f"v{max(0, k - 1)}"], [f"v{k + 1}"], f"bad{k}") for k in range(200)],
            [info("x", F, ["n", "m"])], ["v200"], dtype=I64), {**free, "command": "info"}
    yield "folding_einsum_of_many", op("Einsum", *[f(1000)] * 6, equation="a,b,c,d,e,g->"), {**free, "command": "info"}
    for depth in (8, 30, 60):
        yield f"loop_nest_{depth}", loop_nest(depth), {**free, "command": "info"}
    for count in (1_000_000, 3_000_000):
        yield f"dimensions_{count}", raw_graph(field(11, field(1, b"x") + field(2, field(1, b"\x08\x01" + field(2, b"\x0a\x00" * count))))), {}
    yield "inputs_of_node_5000000", raw_graph(field(1, b"\x0a\x00" * 5_000_000 + field(4, b"Neg"))), {"slow": 2}
    yield "metadata_5000000", raw_graph(b"\x82\x01\x00" * 5_000_000), {"slow": 2}
    yield "strings_5000000", raw_graph(field(5, b"\x08\xc0\x96\xb1\x02\x10\x08" + b"\x32\x00" * 5_000_000 + field(8, b"w"))), {"slow": 2}
    yield "attribute_strings_5000000", raw_graph(field(1, field(4, b"Neg") + field(5, field(1, b"a") + b"\x4a\x00" * 5_000_000))), {"slow": 2}
    yield "value_infos_2000000", raw_graph(b"\x6a\x02\x0a\x00" * 2_000_000), {"slow": 2}
    yield "initializers_2000000", raw_graph(b"\x2a\x00" * 5_000_000), {"slow": 2}
    yield "functions_2000000", raw_model(b"\xca\x01\x00" * 5_000_000), {"slow": 2}
    yield "opsets_5000000", raw_model(b"\x42\x00" * 5_000_000), {"slow": 2}

    # Names and other text, of which messages show little.
    long = "n" * 100_000
    wrong = [info("x", F, [1])]
    yield "name_of_node", model([node("Neg", ["x", "x"], name=long)], wrong), {}
    yield "name_of_operator", model([node(long, ["x"])], wrong), bad
    yield "name_of_domain", model([node("Neg", ["x"], domain=long)], wrong), bad
    yield "name_of_input", model([node("Neg", [long])]), {}
    yield "name_of_fed_input", model([node("Add", [long, "c"])], [info(long, F, [2])], consts={"c": f(3)}), bad
    yield "name_of_output", model([node("Neg", ["x"])], wrong, [long]), {}
    yield "name_of_attribute", model([node("Neg", ["x"], **{long: 1})], wrong), bad
    yield "name_of_symbol", model([node("Add", ["x", "z"]), node("Add", ["y", "c"], ["q"])],
                                  [info("x", F, [long, 3]), info("z", F, [long + "2", 4])], consts={"c": f(7)}), bad
    yield "name_of_function", model([node(long, ["x"], domain="f")], wrong, functions=[function(long, [call(long)])]), {}
    yield "name_of_graph", model([node("If", ["c"], then_branch=helper.make_graph([], long, [info("q")], [info("q")]), else_branch=leaf())],
                                 [info("c", B, [])]), {}
    yield "text_of_mode", op("Pad", f(8), i(1, 1), mode=long), bad
    yield "text_of_cast", op("Cast", np.array([long], object), to=F), {}
    yield "text_of_auto_pad", op("Conv", f(1, 2, 8, 8), f(2, 2, 3, 3), auto_pad=long), bad
    yield "text_of_activation", op("RNN", f(2, 1, 3), f(1, 5, 3), f(1, 5, 5), hidden_size=5, activations=[long]), bad
    yield "text_of_equation", op("Einsum", f(2, 2), equation=long), bad
    yield "text_of_regex", op("RegexFullMatch", np.array(["a"], object), dtype=B, pattern="(" + long), bad
    yield "text_of_location", *external(long)
    yield "text_of_producer", ModelProto(ir_version=999, producer_name=long), {}

    # The forms that are text.
    def written(name, text, **options):
        return text.encode(), {"file": name, **options}

    head = 'ir_version: 10 opset_import { version: 21 } graph { name: "g" '
    yield "prototxt_nodes", *written("model.prototxt", head + 'node{op_type:"Neg"}' * 1_500_000 + "}", slow=3)
    yield "prototxt_nest", *written("model.prototxt", head + 'node{attribute{g{' * 100_000)
    yield "prototxt_open", *written("model.prototxt", head)
    yield "prototxt_word", *written("model.prototxt", "a" * 1_000_000)
    yield "prototxt_number", *written("model.prototxt", "ir_version: " + "9" * 1_000_000)
    yield "prototxt_petabyte", *written("model.prototxt", head + "initializer { name: 'w' data_type: 1 dims: 1125899906842624 } }")
    yield "json_nest_arrays", *written("model.json", "[" * 1_000_000)
    yield "json_nest_objects", *written("model.json", '{"graph":' * 100_000)
    yield "json_nodes", *written("model.json", '{"irVersion":"10","graph":{"node":[' + '{"opType":"Neg"},' * 1_500_000 + '{}]}}', slow=3)
    yield "json_word", *written("model.json", '{"irVersion":"' + "9" * 1_000_000)
    yield "json_petabyte", *written("model.json", '{"irVersion":"10","opsetImport":[{"version":"21"}],"graph":{"initializer":'
                                    '[{"name":"w","dataType":1,"dims":["1125899906842624"]}]}}')
    for tag, text in (("graphs", "(float[1] x) => (float[1] y) { y = If <then_branch = g () => (y) {" * 5_000),
                      ("parentheses", "(" * 1_000_000), ("types", "(" + "seq(" * 100_000), ("braces", "{" * 1_000_000),
                      ("quotes", '"' * 1_000_001), ("attributes", "(float[1] x) => (float[1] y) { y = Neg<" + "a=1," * 200_000),
                      ("number", "(float[" + "9" * 1_000_000 + "] x) => (y) {}"), ("word", "x" * 5_000_000),
                      ("dimension", '(float["' + "(" * 100_000 + '"] x) => (y) { y = Neg(x) }'),
                      ("dimension_power", '(float["' + "*".join(["(a+b+c+d+e+g+h+k)"] * 24) + '"] x) => (y) { y = Neg(x) }'),
                      ("petabyte", "(float[1] x) => (y) <float[1125899906842624] w = {}> { y = Neg(w) }"),
                      ("nodes", "(float[1] x) => (y) {" + "y = Neg(x) " * 100_000)):
        yield f"text_{tag}", *written("model.onnxtxt", text, **(free if tag.startswith("dimension") else {}))  # a strange name

    # Sizes.
    for dims in ((2**50,), (2**31, 2**31), (2**40, 2**40), (2**62, 4), (2**63 - 1,), (2**21, 2**21, 2**21), (-1,),
                 (2, -3), (2**63 - 1, 0), (3,), (0,), (2**32, 2**32)):
        yield f"initializer_{'x'.join(map(str, dims))}", declared(dims), {}
    yield "initializer_rank_100000", declared([1] * 100_000), {}
    yield "initializer_type_77", declared([1], 77), {}
    yield "initializer_type_undefined", declared([1], 0), {}
    yield "initializer_string_petabyte", declared([2**47], S, b""), {}
    for shape in ((2**40,), (2**62,), (2**31, 2**31), (2**32, 2**32), (2**40, 2**40), (-1,), (2, -5), (2**63 - 1,)):
        yield f"constant_of_shape_{'x'.join(map(str, shape))}", op("ConstantOfShape", i(*shape)), bad
    yield "resize_1e9", op("Resize", f(1, 1, 8, 8), None, np.array([1, 1, 1e9, 1e9], np.float32)), bad
    yield "resize_1e9_one_side", op("Resize", f(1, 1, 8, 8), None, np.array([1, 1, 1, 1e12], np.float32)), {}
    for scale in (np.inf, np.nan, -1, 0, 1e38):
        yield f"resize_{scale}", op("Resize", f(1, 1, 2, 2), None, np.array([1, 1, scale, 1], np.float32)), bad
    yield "resize_sizes", op("Resize", f(1, 1, 2, 2), None, None, i(1, 1, 2**40, 2**40)), bad
    yield "resize_sizes_negative", op("Resize", f(1, 1, 2, 2), None, None, i(1, 1, -4, 2)), bad
    yield "upsample_1e9", op("Upsample", f(1, 1, 8, 8), np.array([1, 1, 1e9, 1e9], np.float32), opset=9), bad
    for repeat in (2**40, 2**61, 2**62, -1):
        yield f"tile_{repeat}", op("Tile", f(8), i(repeat)), bad
    yield "tile_ranks", op("Tile", f(8), i(2, 2)), bad
    for dims in ((2**40, 8), (2**62, 2**62, 8), (-2, 8), (3,)):
        yield f"expand_{'x'.join(map(str, dims))}", op("Expand", f(8), i(*dims)), bad
    for pads in ((2**40, 0), (BIG, BIG), (-9, 0), (0, -(2**63)), (2**63 - 1, 2**63 - 1), (1, 2, 3)):
        yield f"pad_{'_'.join(map(str, pads))}", op("Pad", f(8), i(*pads)), bad
    yield "pad_reflect_empty", op("Pad", f(0), i(2, 2), mode="reflect"), bad
    for start, limit, delta in ((0, BIG, 1), (-(2**63), 2**63 - 1, 1), (0, 1, 0), (0, 2**40, 1)):
        yield f"range_{start}_{limit}_{delta}", op("Range", np.int64(start), np.int64(limit), np.int64(delta), dtype=I64), bad
    for limit, delta in ((1e30, 1e-3), (np.inf, 1), (np.nan, 1), (1, np.nan), (1, 0), (1e9, 1e-9)):
        yield f"range_float_{limit}_{delta}", op("Range", np.float32(0), np.float32(limit), np.float32(delta)), bad
    for depth in (2**40, BIG, -3):
        yield f"one_hot_{depth}", op("OneHot", i(1, 2), np.int64(depth), np.array([0, 1], np.float32)), bad
    yield "eye_like", op("EyeLike", [2**20, 2**20]), {}
    yield "reshape_overflow", op("Reshape", f(8), i(2**32, 2**32)), bad
    yield "reshape_two_unknown", op("Reshape", f(8), i(-1, -1)), bad
    yield "reshape_unknown_by_zero", op("Reshape", f(0), i(0, -1), allowzero=1), bad
    yield "reshape_negative", op("Reshape", f(8), i(-8, -1)), bad
    yield "input_overflow", op("Neg", [2**40, 2**40]), {}
    yield "outer_product", op("MatMul", [2**24, 1], f(1, 2**20)), {}
    yield "broadcast_overflow", op("Add", [2**40, 1], [1, 2**40]), {}
    yield "random_normal", op("RandomNormal", shape=[2**40]), bad
    yield "random_uniform_negative", op("RandomUniform", shape=[-2]), bad
    yield "multinomial", op("Multinomial", f(1, 4), dtype=TensorProto.INT32, sample_size=2**40), bad
    yield "bernoulli_dtype", op("Bernoulli", f(4), dtype=999), {}
    yield "hann_window", op("HannWindow", np.int64(2**40)), bad
    yield "mel_matrix", op("MelWeightMatrix", np.int64(2**30), np.int64(2**30), np.int64(8000), np.float32(0), np.float32(4000)), bad
    yield "dft_length", op("DFT", f(1, 8, 1), np.int64(2**40)), {}
    yield "col2im", op("Col2Im", f(1, 4, 4), i(2**32, 2**32), i(2, 2)), bad
    yield "depth_to_space", op("DepthToSpace", f(1, 4, 2, 2), blocksize=2**31), bad
    yield "depth_to_space_zero", op("DepthToSpace", f(1, 4, 2, 2), blocksize=0), bad
    yield "space_to_depth_zero", op("SpaceToDepth", f(1, 4, 2, 2), blocksize=0), bad

    # Windows.
    image, weight = f(1, 2, 8, 8), f(2, 2, 3, 3)
    for key, value in (("strides", [0, 0]), ("strides", [-1, 1]), ("dilations", [0, 1]), ("dilations", [BIG, BIG]),
                       ("dilations", [-1, 1]), ("group", 0), ("group", -1), ("group", 3), ("group", 2**62),
                       ("kernel_shape", [0, 0]), ("kernel_shape", [5, 5]), ("kernel_shape", [-3, 3]), ("pads", [BIG] * 4),
                       ("pads", [-9, -9, -9, -9]), ("pads", [1]), ("strides", [1, 1, 1]), ("auto_pad", "WRONG")):
        tag = f"{key}_{value}".replace("[", "").replace("]", "").replace(", ", "_")
        yield f"conv_{tag}", op("Conv", image, weight, **{key: value}), bad
    for key, value in (("strides", [BIG, BIG]), ("strides", [0, 1]), ("output_padding", [BIG, 0]), ("group", 0),
                       ("output_shape", [2**40, 2**40]), ("output_shape", [-1, 4]), ("dilations", [BIG, 1])):
        tag = f"{key}_{value}".replace("[", "").replace("]", "").replace(", ", "_")
        yield f"conv_transpose_{tag}", op("ConvTranspose", image, weight, **{key: value}), bad
    for kind in ("MaxPool", "AveragePool", "LpPool"):
        for key, value in (("kernel_shape", [0, 0]), ("kernel_shape", [BIG, BIG]), ("kernel_shape", [-1, 2]), ("strides", [0, 1]),
                           ("pads", [BIG] * 4), ("dilations", [0, 1])):
            tag = f"{key}_{value}".replace("[", "").replace("]", "").replace(", ", "_")
            yield f"{kind}_{tag}", op(kind, image, **{"kernel_shape": [2, 2], key: value}), bad
    yield "max_unpool", op("MaxUnpool", f(1, 1, 2, 2), np.full((1, 1, 2, 2), 10**9), kernel_shape=[2, 2], strides=[2, 2]), bad
    yield "max_roi_pool", op("MaxRoiPool", image, f(1, 5), pooled_shape=[2**31, 2**31]), bad
    yield "roi_align", op("RoiAlign", image, f(1, 4), i(0), output_height=2**31, output_width=2**31), bad
    yield "roi_align_index", op("RoiAlign", image, f(1, 4), i(99)), bad
    yield "lrn_size", op("LRN", image, size=-3), bad
    yield "stft_step", op("STFT", f(1, 64, 1), np.int64(0)), bad

    # Axes, splits, indices.
    for kind, more in (("Softmax", {}), ("Flatten", {}), ("ArgMax", {"dtype": I64}), ("LayerNormalization", {}), ("Hardmax", {}),
                       ("LogSoftmax", {})):
        values = (f(2, 3), f(3)) if kind == "LayerNormalization" else (f(2, 3),)
        for axis in (9, -9, -(2**63), 2**63 - 1):
            yield f"{kind}_axis_{axis}", op(kind, *values, axis=axis, **more), bad
    yield "argmax_empty", op("ArgMax", f(0), axis=0, dtype=I64), bad
    for kind in ("Unsqueeze", "Squeeze", "ReduceSum"):
        for axes in ((9,), (-(2**63),), (0, 0)):
            yield f"{kind}_axes_{'_'.join(map(str, axes))}", op(kind, f(1, 3), i(*axes)), bad
    yield "unsqueeze_100000", op("Unsqueeze", f(1), i(*range(100_000))), {}
    yield "transpose_twice", op("Transpose", f(2, 3), perm=[0, 0]), bad
    yield "transpose_huge", op("Transpose", f(2, 3), perm=[BIG, 0]), bad
    for sizes in ((-1, 5), (3, 3), (BIG, BIG), (0,)):
        yield f"split_{'_'.join(map(str, sizes))}", op("Split", f(4), i(*sizes), outputs=("y", "z")[:len(sizes)]), bad
    yield "split_num_outputs_0", op("Split", f(4), num_outputs=0), bad
    yield "split_to_sequence", op("SplitToSequence", f(4), i(-4, 8)), bad
    for index in (4, -5, BIG, -(2**63)):
        yield f"gather_{index}", op("Gather", f(4), i(index)), bad
        yield f"gather_elements_{index}", op("GatherElements", f(4), i(index)), bad
        yield f"gather_nd_{index}", op("GatherND", f(4), np.array([[index]])), bad
        yield f"scatter_elements_{index}", op("ScatterElements", f(4), i(index), f(1)), bad
        yield f"scatter_nd_{index}", op("ScatterND", f(4), np.array([[index]]), f(1)), bad
    yield "slice_step_0", op("Slice", f(4), i(0), i(4), i(0), i(0)), bad
    yield "slice_step_min", op("Slice", f(4), i(2**63 - 1), i(-(2**63)), i(0), i(-(2**63))), {**free}
    yield "slice_axis", op("Slice", f(4), i(0), i(1), i(7)), bad
    yield "top_k_more", op("TopK", f(4), i(5), outputs=("y", "z")), bad
    yield "top_k_huge", op("TopK", f(4), i(BIG), outputs=("y", "z")), bad
    yield "top_k_negative", op("TopK", f(4), i(-1), outputs=("y", "z")), bad
    yield "nms_huge", op("NonMaxSuppression", f(1, 4, 4), f(1, 1, 4), np.int64(2**63 - 1), dtype=I64), {**free}
    yield "nms_shape", op("NonMaxSuppression", f(1, 4, 3), f(1, 1, 4), np.int64(2), dtype=I64), bad
    yield "compress_long", op("Compress", f(4), np.ones(9, bool), axis=0), {**free}
    yield "one_hot_axis", op("OneHot", i(1), np.int64(3), np.array([0, 1], np.float32), axis=5), bad
    yield "cumsum_axis", op("CumSum", f(4), np.int64(9)), bad
    yield "trilu_k", op("Trilu", f(4, 4), np.int64(-(2**63))), {**free}
    yield "reverse_sequence", op("ReverseSequence", f(4, 2), i(9, -9)), bad
    yield "cast_to", op("Cast", f(4), to=12345), {}
    yield "einsum_long", op("Einsum", f(2, 2), equation="i" * 100_000 + "->i"), bad
    yield "einsum_wrong", op("Einsum", f(2, 2), equation="->->..."), bad
    yield "einsum_huge", op("Einsum", [2**20], [2**20], [2**20], equation="a,b,c->abc"), {}

    # Text.
    word = np.array(["a" * 200], object)
    for tag, pattern in (("long", "(a|b)*" * 50_000), ("nested", "(" * 50_000 + ")" * 50_000), ("counted", "((a{1000}){1000}){1000}"),
                         ("open", "(((("), ("bad_class", "[z-a]"), ("bad_escape", "\\")):
        yield f"regex_{tag}", op("RegexFullMatch", word, dtype=B, pattern=pattern), {**bad, **(free if tag in ("long", "nested") else {})}
    yield "regex_backtracking", op("RegexFullMatch", word, dtype=B, pattern="(a*)*(a*)*(a*)*b"), {**free}
    yield "string_split", op("StringSplit", word, outputs=("y", "z"), dtype=S, delimiter="", maxsplit=-(2**63)), {**free}
    yield "string_concat_doubles", model([node("StringConcat", [f"v{k}", f"v{k}"], [f"v{k + 1}"], f"bad{k}") for k in range(50)],
                                         outputs=["v50"], consts={"v0": word}, dtype=S), {}
    big = np.array([["b" * 100_000]], object)
    yield "string_concat_table", model([node("Expand", ["w", "d"], ["a"], "bad"), node("Expand", ["w", "e"], ["b"], "bad"),
                                        node("StringConcat", ["a", "b"])], consts={"w": big, "d": i(1000, 1), "e": i(1, 1000)}, dtype=S), bad
    yield "string_expand", op("Expand", big, i(1000, 1000), dtype=S), bad
    yield "string_tile", op("Tile", big, i(1000, 1000), dtype=S), bad
    yield "string_gather", op("Gather", np.array(["b" * 100_000], object), np.zeros(1_000_000, np.int64), dtype=S), bad
    yield "tfidf", op("TfIdfVectorizer", i(1, 2), min_gram_length=1, max_gram_length=2**40, max_skip_count=2**40, mode="TF",
                      ngram_counts=[0], ngram_indexes=[2**40], pool_int64s=[1]), bad

    # Control flow.
    small = {"arguments": ["--set", "memory_limit=128000000"]}
    yield "loop_scan_2_to_62", loop(BIG, counting(True), ["x"], ["y", "z"]), {"endless": True}
    yield "loop_2_to_62", loop(BIG, counting(False), ["x"]), {"endless": True}
    yield "loop_endless", loop(None, counting(False), ["x"]), {"endless": True}
    yield "loop_in_loop", loop(None, body([node("Loop", ["", "c", "a"], ["b"], "inner", body=counting(False)),
                                           node("Identity", ["go"], ["more"], "same")], [*LOOP_IN, info("a", F, [1])],
                                          [info("more", B, []), info("b")]), ["x"]), {"endless": True}
    yield "loop_grows", loop(None, body([node("Concat", ["a", "a"], ["b"], "grow", axis=0), node("Identity", ["go"], ["more"], "same")],
                                        [*LOOP_IN, info("a", F, ["n"])], [info("more", B, []), info("b")]), ["x"]), {"endless": True, **small}
    yield "loop_string_grows", loop(None, body([node("StringConcat", ["a", "a"], ["b"], "grow"), node("Identity", ["go"], ["more"], "same")],
                                               [*LOOP_IN, info("a", S, [1])], [info("more", B, []), info("b", S)]), ["s"],
                                    consts={"s": np.array(["ab"], object)}, dtype=S), {"endless": True}
    yield "loop_strings_double", loop(None, body([node("Concat", ["a", "a"], ["b"], "grow", axis=0), node("Identity", ["go"], ["more"], "same")],
                                                 [*LOOP_IN, info("a", S, ["n"])], [info("more", B, []), info("b", S)]), ["s"],
                                      consts={"s": np.array(["a" * 1000], object)}, dtype=S), {"endless": True, **small}
    yield "loop_sequence_grows", loop(None, body([node("SequenceInsert", ["a", "x"], ["b"], "grow"), node("Identity", ["go"], ["more"], "same")],
                                                 [*LOOP_IN, helper.make_tensor_sequence_value_info("a", F, None)],
                                                 [info("more", B, []), helper.make_tensor_sequence_value_info("b", F, None)]), ["e"],
                                      outputs=[helper.make_tensor_sequence_value_info("y", F, None)], first=[node("SequenceEmpty", [], ["e"])]), {"endless": True, **small}
    yield "loop_scan_of_megabytes", loop(BIG, counting(True, 250_000), ["w"], ["y", "z"], first=[
        node("ConstantOfShape", ["n"], ["w"])], consts={"n": i(250_000)}), {"endless": True, **small}
    yield "loop_body_inputs", loop(3, body([node("Identity", ["go"], ["more"])], LOOP_IN[:1], [info("more", B, [])]), ["x"]), {}
    yield "loop_body_outputs", loop(3, body([node("Identity", ["go"], ["more"])], [*LOOP_IN, info("a")], [info("more", B, [])]), ["x"]), {}
    yield "loop_condition_type", loop(3, body([node("Identity", ["it"], ["more"]), node("Identity", ["a"], ["b"])],
                                              [*LOOP_IN, info("a")], [info("more", I64, []), info("b")]), ["x"]), bad
    yield "loop_type_changes", loop(3, body([node("Identity", ["go"], ["more"]), node("Cast", ["a"], ["b"], to=I64)],
                                            [*LOOP_IN, info("a")], [info("more", B, []), info("b", I64)]), ["x"]), {}
    yield "loop_no_body", model([node("Loop", ["", "", "x"])], [info("x", F, [1])]), bad
    yield "if_no_branch", model([node("If", ["c"])], [info("c", B, [])]), bad
    yield "if_types_differ", branches(value_of(F, value_float=1.0), value_of(I64, value_int=1)), bad
    yield "if_counts_differ", branches(body([], [], []), leaf()), bad
    yield "if_condition_float", model([node("If", ["x"], then_branch=leaf(), else_branch=leaf())], [info("x", F, [1])]), bad
    yield "if_condition_two", model([node("If", ["c"], then_branch=leaf(), else_branch=leaf())],
                                    [info("x", F, [1])], consts={"c": np.array([True, False])}), bad
    yield "if_captures_nothing", branches(leaf(x="nowhere"), leaf()), {}
    yield "if_captures_itself", branches(leaf(x="y", y="q", out=info("q")), leaf()), {}
    yield "if_branch_inputs", branches(body([node("Identity", ["q"])], [info("q")], [info("y")]), leaf()), {}
    yield "if_branch_no_such_output", branches(body([], [], [info("nothing")]), leaf()), {}
    scan_body = body([node("Identity", ["a"], ["b"])], [info("a")], [info("b")])
    yield "scan_lengths", model([node("Scan", ["p", "q"], body=body([node("Add", ["a", "c"], ["b"])], [info("a"), info("c")], [info("b")]),
                                      num_scan_inputs=2)], consts={"p": f(3), "q": f(4)}), bad
    for count in (0, -1, 2, BIG):
        yield f"scan_inputs_{count}", model([node("Scan", ["p"], body=scan_body, num_scan_inputs=count)], consts={"p": f(3)}), bad
    yield "scan_axis", model([node("Scan", ["p"], body=scan_body, num_scan_inputs=1, scan_input_axes=[7])], consts={"p": f(3)}), bad
    yield "sequence_at", model([node("SequenceConstruct", ["x"], ["s"], "s"), node("SequenceAt", ["s", "k"])], [info("x", F, [1])],
                               consts={"k": np.int64(BIG)}), bad
    yield "sequence_map_none", model([node("SequenceEmpty", [], ["s"], "s"), node("ConcatFromSequence", ["s"], axis=0)]), bad

    # Recurrent.
    for kind, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        x, r = f(2, 1, 3), f(1, gates * 5, 5)
        yield f"{kind}_w", op(kind, x, f(1, 7, 3), r, hidden_size=5), bad
        yield f"{kind}_r", op(kind, x, f(1, gates * 5, 3), f(1, gates * 5, 4), hidden_size=5), bad
        yield f"{kind}_hidden_huge", op(kind, x, f(1, gates * 5, 3), r, hidden_size=BIG), bad
        yield f"{kind}_hidden_negative", op(kind, x, f(1, gates * 5, 3), r, hidden_size=-5), bad
        yield f"{kind}_bias", op(kind, x, f(1, gates * 5, 3), r, f(1, 3), hidden_size=5), bad
        yield f"{kind}_lengths", op(kind, x, f(1, gates * 5, 3), r, None, np.array([9], np.int32), hidden_size=5), bad
        yield f"{kind}_initial", op(kind, x, f(1, gates * 5, 3), r, None, None, f(3, 3, 3), hidden_size=5), bad
        yield f"{kind}_direction", op(kind, x, f(1, gates * 5, 3), r, hidden_size=5, direction="upwards"), bad

    # External data.
    for tag, location in (("up", "../data.bin"), ("up_twice", "a/../../data.bin"), ("absolute", "/etc/hostname"), ("device", "/dev/zero"),
                          ("empty", ""), ("folder", "."), ("missing", "none.bin"), ("nul", "data.bin\0x"), ("long", "a" * 100_000)):
        yield f"external_{tag}", *external(location)
    yield "external_link", *external("link.bin", links={"link.bin": "/etc/hostname"})
    yield "external_link_folder", *external("link/hostname", links={"link": "/etc"})
    for offset, length in ((2**63 - 1, 4), (2**64 - 1, 4), (6, 4), (-4, 4), (0, 2**63 - 1), (0, 2), ("x", 4), (0, -4), (2**70, 4)):
        yield f"external_{offset}_{length}", *external("data.bin", offset, length)
    yield "external_petabyte", *external("data.bin", 0, 2**50, (2**48,))

    # Graphs.
    x = [info("x", F, [1])]
    yield "cycle_of_one", model([node("Neg", ["y"])], x), {}
    yield "cycle_of_two", model([node("Neg", ["b"], ["a"]), node("Neg", ["a"], ["b"])], x, ["a"]), {}
    yield "output_twice", model([node("Neg", ["x"], name="first"), node("Neg", ["x"])], x), {}
    yield "output_is_input", model([node("Neg", ["x"], ["x"])], x, ["x"]), {}
    yield "inputs_twice", model([node("Neg", ["x"])], x + x), {}
    yield "initializer_twice", model([node("Neg", ["w"])], tensors=[numpy_helper.from_array(f(1), "w")] * 2), {}
    yield "output_missing", model([node("Neg", ["x"], ["z"])], x), {}
    yield "input_missing", model([node("Neg", ["nowhere"])], x), {}
    yield "no_such_operator", model([node("Explode", ["x"])], x), bad
    yield "no_such_domain", model([node("Neg", ["x"], domain="elsewhere")], x), {}
    yield "too_many_inputs", model([node("Neg", ["x"] * 1000)], x), bad
    yield "too_many_outputs", model([node("Neg", ["x"], ["y"] + [f"z{k}" for k in range(1000)])], x), bad
    yield "no_inputs", model([node("Add", [])]), bad
    yield "wrong_attribute_type", model([node("Concat", ["x"], axis="zero")], x), bad
    yield "opset_0", model([node("Neg", ["x"])], x, opset=0), {}
    yield "opset_huge", model([node("Neg", ["x"])], x, opset=2**40), {}
    yield "function_twice", model([call("f0")], x, functions=[function("f0", [node("Neg", ["x"])])] * 2), {}
    yield "function_no_output", model([call("f0")], x, functions=[function("f0", [], ["x"], ["y"])]), {}
    yield "function_inputs", model([node("f0", ["x", "x"], domain="f")], x, functions=[function("f0", [node("Neg", ["x"])])]), bad
    yield "no_graph", ModelProto(ir_version=10), {}
    yield "ir_version_huge", ModelProto(ir_version=2**40, graph=GraphProto(name="g", node=[NodeProto(op_type="Neg")])), {}
    yield "empty_graph_attribute", model([NodeProto(op_type="If", name="bad", input=["x"], output=["y"], attribute=[
        AttributeProto(name="then_branch", type=AttributeProto.GRAPH)])], x), {}
    yield "bytes_of_noise", bytes(range(256)) * 64, {}
    yield "empty_file", b"", {}
