"""Types, graphs and functions of onnx as plain values, and how they compare. Needs the onnx package."""

from collections import defaultdict

import onnx

def type_of(proto, element_names):
    """A type as Onda writes it: kind, element type, and a list of dimensions or None."""
    which = proto.WhichOneof("value")
    if which is None:
        return None
    if which in ("tensor_type", "sparse_tensor_type"):
        tensor = getattr(proto, which)
        shape = None
        if tensor.HasField("shape"):
            shape = [d.dim_value if d.WhichOneof("value") == "dim_value" else (d.dim_param or "?") for d in tensor.shape.dim]
        return ("tensor", element_names.get(tensor.elem_type, "undefined"), shape)
    if which == "map_type":
        return ("map", element_names.get(proto.map_type.key_type), type_of(proto.map_type.value_type, element_names))
    kind = which.split("_")[0]
    if kind == "opaque":
        return (kind, proto.opaque_type.domain, proto.opaque_type.name)
    return (kind, type_of(getattr(proto, which).elem_type, element_names))


def read_type(text):
    """The inverse of what Onda prints: "float[N, 3]", "float[...]", "seq(int64)"."""
    text = text.split(" = {")[0]
    if not text or text == "unknown":
        return None
    structure, bracket, inside = text.partition("(")
    if bracket and structure in ("seq", "optional", "map"):
        if structure == "map":
            key, _, value = inside[:-1].partition(", ")
            return ("map", key, read_type(value))
        return ("sequence" if structure == "seq" else structure, read_type(inside[:-1]))
    if structure == "sparse_tensor":
        text = inside[:-1]
    if text == "opaque":
        return ("opaque", "", "")
    name, bracket, dims = text.partition("[")
    if dims == "...]":
        return ("tensor", name, None)
    shape, depth = [""] if bracket and dims != "]" else [], 0
    for character in dims[:-1] if bracket else "":
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            shape.append("")
        else:
            shape[-1] += character
    plain = [dim.strip() for dim in shape]
    return ("tensor", name, [int(dim) if dim.lstrip("-").isdigit() else "?" if "?" in dim else dim for dim in plain])


def known_names():
    return {value: name.lower() for name, value in onnx.TensorProto.DataType.items()}


def compare_types(expected, given):
    """Why `given` is another type than `expected`, or weaker; "" where it is neither."""
    if expected is None or given == expected:
        return ""
    if given is None:
        return f"nothing is known where {expected} is"
    if given[0] != expected[0]:
        return f"{given} instead of {expected}"
    if expected[0] != "tensor":
        inner = compare_types(expected[-1], given[-1]) if isinstance(expected[-1], tuple) else ""
        return f"inside, {inner}" if inner else ""
    if expected[1] not in ("undefined", given[1]):
        return f"{given} instead of {expected}"
    if expected[2] is None:
        return ""
    if given[2] is None or len(given[2]) != len(expected[2]):
        return f"{given} instead of {expected}"
    for mine, theirs in zip(given[2], expected[2]):
        if isinstance(theirs, int):
            if mine != theirs:
                return f"{given} instead of {expected}"
        elif theirs != "?" and not theirs.startswith("unk__") and mine == "?":
            return f"{given} is weaker than {expected}"
    return ""


def values_of(graph):
    """The value_infos of a graph, its bodies' too."""
    yield from graph.output
    yield from graph.value_info
    for node in graph.node:
        for attribute in node.attribute:
            for body in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                yield from values_of(body)


def types_by_name(model):
    found = defaultdict(list)
    names = known_names()
    for value in values_of(model.graph):
        found[value.name].append(type_of(value.type, names))
    return found



def plain_tensor(tensor):
    return (tensor.name, tensor.data_type, tuple(tensor.dims), onnx.numpy_helper.to_array(tensor).tobytes()
            if tensor.data_location != onnx.TensorProto.EXTERNAL else "external")


def plain_attribute(attribute):
    if attribute.ref_attr_name:
        return (attribute.name, "reference", attribute.ref_attr_name, attribute.type)
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.GraphProto):
        value = plain_body(value)
    elif isinstance(value, onnx.TensorProto):
        value = plain_tensor(value)[1:]  # its name means nothing
    elif isinstance(value, onnx.SparseTensorProto):
        value = (plain_tensor(value.values), plain_tensor(value.indices), tuple(value.dims))
    elif isinstance(value, onnx.TypeProto):
        value = type_of(value, known_names())
    elif isinstance(value, (list, tuple)) or hasattr(value, "__iter__") and not isinstance(value, (bytes, str)):
        value = tuple(plain_body(v) if isinstance(v, onnx.GraphProto) else plain_tensor(v)[1:] if isinstance(v, onnx.TensorProto)
                      else v.SerializeToString() if hasattr(v, "SerializeToString") else v for v in value)
    return (attribute.name, attribute.type, value)


def plain_nodes(nodes):
    def trimmed(names):
        names = list(names)
        while names and not names[-1]:
            names.pop()
        return tuple(names)

    def domain(name):
        return "" if name == "ai.onnx" else name

    return [(node.op_type, domain(node.domain), node.overload, trimmed(node.input), trimmed(node.output),
             sorted((plain_attribute(a) for a in node.attribute), key=lambda a: a[0])) for node in nodes]


def plain_body(graph):
    """With the names that the body defines by their order, since Onda renames those that an outer graph has too."""
    own = onnx.GraphProto()
    own.CopyFrom(graph)
    names = [value.name for value in own.input] + [tensor.name for tensor in own.initializer]
    names += [name for node in own.node for name in node.output]
    numbers = {name: f"%{number}" for number, name in enumerate(names) if name}

    def rename(nodes):
        for node in nodes:
            for field in (node.input, node.output):
                field[:] = [numbers.get(name, name) for name in field]
            for attribute in node.attribute:
                for body in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                    rename(body.node)
                    for output in body.output:
                        output.name = numbers.get(output.name, output.name)

    rename(own.node)
    for entry in [*own.input, *own.output, *own.initializer]:
        entry.name = numbers.get(entry.name, entry.name)
    return plain_graph(own)


def plain_graph(graph):
    names = known_names()
    return {"nodes": plain_nodes(graph.node),
            "inputs": [(v.name, type_of(v.type, names)) for v in graph.input],
            "outputs": [(v.name, type_of(v.type, names)) for v in graph.output],
            "initializers": sorted(map(plain_tensor, graph.initializer))}


def plain_function(function):
    return {"name": (function.domain, function.name, function.overload), "nodes": plain_nodes(function.node),
            "inputs": list(function.input), "outputs": list(function.output), "attributes": sorted(function.attribute),
            "defaults": sorted((plain_attribute(a) for a in function.attribute_proto), key=lambda a: a[0]),
            "opsets": sorted((o.domain, o.version) for o in function.opset_import)}


def difference(expected, given, at=""):
    """The first place where two plain descriptions differ; "" where none does."""
    if isinstance(expected, dict):
        for key in expected:
            if found := difference(expected[key], given[key], f"{at}.{key}"):
                return found
        return ""
    if isinstance(expected, (list, tuple)) and isinstance(given, (list, tuple)) and len(expected) == len(given):
        for index, (one, other) in enumerate(zip(expected, given)):
            if found := difference(one, other, f"{at}[{index}]"):
                return found
        return ""
    return "" if expected == given or expected != expected and given != given else f"{at}: {str(given)[:80]} instead of {str(expected)[:80]}"
