"""Says where two ONNX models differ in meaning.

Usage: compare_models.py A.onnx B.onnx
Tensors are compared by their elements, wherever they are stored; the order of nodes, attributes and declarations is free.
"""

import os
import sys

import numpy as np
import onnx
from onnx import numpy_helper


def pairs(entries):
    return sorted((e.key, e.value) for e in entries)


def array(tensor, folder):
    values = numpy_helper.to_array(tensor, folder)
    data = values.astype(str).tolist() if tensor.data_type == onnx.TensorProto.STRING else values.tobytes()
    return (tensor.data_type, values.shape, data)


def dense(sparse, folder):
    values = numpy_helper.to_array(sparse.values, folder)
    indices = numpy_helper.to_array(sparse.indices, folder)
    out = np.zeros(list(sparse.dims), values.dtype)
    for i, value in enumerate(values):
        out[np.unravel_index(indices[i], out.shape) if indices.ndim == 1 else tuple(indices[i])] = value
    return (sparse.values.data_type, out.shape, out.tobytes())


def sparse_parts(sparse, folder):
    return (array(sparse.values, folder), array(sparse.indices, folder), list(sparse.dims))


def type_of(type_proto):
    """A type without what means nothing: open dimensions are alike, however they are written."""
    copy = onnx.TypeProto.FromString(type_proto.SerializeToString())
    kind = copy.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        for dim in getattr(copy, kind).shape.dim:
            if dim.dim_value == -1 and dim.HasField("dim_value") or dim.dim_param in ("", "?"):
                dim.ClearField("value")
    elif kind in ("sequence_type", "optional_type"):
        return (kind, copy.denotation, type_of(getattr(copy, kind).elem_type))
    elif kind == "map_type":
        return (kind, copy.denotation, copy.map_type.key_type, type_of(copy.map_type.value_type))
    return copy.SerializeToString(deterministic=True)


def value(info):
    return (type_of(info.type), info.doc_string, pairs(info.metadata_props))


def attribute(a, folder):
    if a.ref_attr_name:
        return ("ref", a.ref_attr_name, a.type)
    readers = {
        onnx.AttributeProto.TENSOR: lambda: array(a.t, folder),
        onnx.AttributeProto.TENSORS: lambda: [array(t, folder) for t in a.tensors],
        onnx.AttributeProto.SPARSE_TENSOR: lambda: sparse_parts(a.sparse_tensor, folder),
        onnx.AttributeProto.GRAPH: lambda: graph(a.g, folder),
        onnx.AttributeProto.GRAPHS: lambda: [graph(g, folder) for g in a.graphs],
        onnx.AttributeProto.TYPE_PROTO: lambda: type_of(a.tp),
    }
    if a.type in readers:
        return (a.type, a.doc_string, readers[a.type]())
    return (a.type, a.doc_string, repr(onnx.helper.get_attribute_value(a)))


def node(n, folder):
    return {
        "op": (n.domain.replace("ai.onnx", "") if n.domain == "ai.onnx" else n.domain, n.op_type, n.overload),
        "name": n.name,
        "doc": n.doc_string,
        "input": list(n.input),
        "output": list(n.output),
        "attributes": {a.name: attribute(a, folder) for a in n.attribute},
        "metadata": pairs(n.metadata_props),
        "devices": [d.SerializeToString(deterministic=True) for d in n.device_configurations],
    }


def by_outputs(nodes, folder):
    return sorted((node(n, folder) for n in nodes), key=lambda n: (n["output"], n["name"]))


def graph(g, folder):
    # Declarations of what nothing defines mean nothing; those of inputs and outputs are compared on their own.
    defined = {name for n in g.node for name in n.output} - {o.name for o in g.output}
    tensors = {t.name: array(t, folder) for t in g.initializer}
    tensors.update({s.values.name: dense(s, folder) for s in g.sparse_initializer})
    return {
        "name": g.name or "graph",
        "doc": g.doc_string,
        "metadata": pairs(g.metadata_props),
        "input": [(i.name, value(i)) for i in g.input],
        "output": [(o.name, type_of(o.type)) for o in g.output],
        "value_info": {v.name: value(v) for v in g.value_info if v.name in defined and v.type.WhichOneof("value")},
        "initializers": tensors,
        "nodes": by_outputs(g.node, folder),
        "quantization": [q.SerializeToString(deterministic=True) for q in g.quantization_annotation],
    }


def opsets(imports):
    return {("" if o.domain == "ai.onnx" else o.domain): o.version for o in imports}


def function(f, folder):
    return {
        "key": (f.domain, f.name, f.overload),
        "doc": f.doc_string,
        "input": list(f.input),
        "output": list(f.output),
        "attribute": list(f.attribute),
        "defaults": {a.name: attribute(a, folder) for a in f.attribute_proto},
        "opsets": opsets(f.opset_import),
        "nodes": by_outputs(f.node, folder),
        "metadata": pairs(f.metadata_props),
    }


def model(path):
    m = onnx.load(path, load_external_data=False)
    folder = os.path.dirname(path) or "."
    return {
        "ir_version": m.ir_version,
        "opsets": opsets(m.opset_import),
        "producer": (m.producer_name, m.producer_version, m.domain, m.model_version, m.doc_string),
        "metadata": pairs(m.metadata_props),
        "graph": graph(m.graph, folder),
        "functions": [function(f, folder) for f in m.functions],
        "training": [t.SerializeToString(deterministic=True) for t in m.training_info],
        "devices": [d.SerializeToString(deterministic=True) for d in m.configuration],
    }


def differences(a, b, path=""):
    """Yields the places where two nests of dicts, lists and tuples differ."""
    if type(a) is not type(b):
        yield f"{path}: {a!r:.200} against {b!r:.200}"
    elif isinstance(a, dict):
        for key in sorted(a.keys() | b.keys()):
            if key not in a or key not in b:
                yield f"{path}.{key}: only in the {'first' if key in a else 'second'}"
            else:
                yield from differences(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, (list, tuple)) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{path}[{i}]")
    elif a != b:
        yield f"{path}: {a!r:.200} against {b!r:.200}"


def main():
    found = list(differences(model(sys.argv[1]), model(sys.argv[2])))
    print("\n".join(found[:20]) if found else "the same")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
