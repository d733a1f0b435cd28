"""Converts models between all forms that `onda convert` knows, and compares what they say with the onnx package.

Usage: convert_test.py ONDA [MODEL...]
Without models, those of the onnx package's own data folder are taken, and a few made here. Exits with 77 (skipped) where
the onnx package is missing.
"""

import glob
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    import compare_models
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

FORMS = (".onnx", ".onnxtxt", ".prototxt", ".json")
# What the onnx package itself reads of these.
READERS = {".onnx": "protobuf", ".prototxt": "textproto", ".json": "json"}


def convert(onda, *arguments):
    return subprocess.run([onda, "convert", *arguments], capture_output=True, text=True, timeout=120)


def made_models(folder):
    """Models with what the onnx package's own are short of."""
    rng = np.random.default_rng(7)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    weights = rng.standard_normal((4, 300), dtype=np.float32)
    weights[0, :3] = [np.nan, np.inf, -0.0]
    function = helper.make_function(
        "local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 18)])
    branches = [
        helper.make_graph([helper.make_node(op, ["y", "x_mean"], [op])], op, [],
                          [helper.make_tensor_value_info(op, TensorProto.FLOAT, None)]) for op in ("Add", "Sub")
    ]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["x_mean"]),
        helper.make_node("MatMul", ["x", "w"], ["m"], doc_string='says "so"\n'),
        helper.make_node("Twice", ["m"], ["y"], domain="local"),
        helper.make_node("If", ["c"], ["z"], then_branch=branches[0], else_branch=branches[1]),
    ]
    graph = helper.make_graph(
        nodes, "made", [x, helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, functions=[function], ir_version=10,
                              opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("local", 1)])
    helper.set_model_props(model, {"author": "the test", "note": "a=b;c"})
    path = os.path.join(folder, "made.onnx")
    onnx.save(model, path)
    external = os.path.join(folder, "made_external.onnx")
    onnx.save(model, external, save_as_external_data=True, location="made.bin", size_threshold=64)
    strings = helper.make_graph(
        [helper.make_node("Identity", ["s"], ["t"])], "strings", [],
        [helper.make_tensor_value_info("t", TensorProto.STRING, [3])],
        [helper.make_tensor("s", TensorProto.STRING, [3], [b"plain", 'quote " and \\'.encode(), "é\n".encode()])])
    tiny = os.path.join(folder, "strings.onnx")
    onnx.save(helper.make_model(strings, ir_version=10, opset_imports=[helper.make_opsetid("", 18)]), tiny)
    return [path, external, tiny]


def check_forms(onda, source, folder, wrong):
    """Each form is written, read by onnx where it can, and read back."""
    for form in FORMS:
        there, back = os.path.join(folder, "there" + form), os.path.join(folder, "back.onnx")
        for arguments in ((source, there), (there, back)):
            done = convert(onda, *arguments)
            if done.returncode != 0:
                wrong.append(f"{source} {arguments}: exit {done.returncode}, {done.stderr.strip()}")
                return
        if form in READERS:
            onnx.save(onnx.load(there, format=READERS[form]), os.path.join(folder, "theirs.onnx"))
            compare(source, os.path.join(folder, "theirs.onnx"), f"{form} as onnx reads it", wrong)
        compare(source, back, f"{form} and back", wrong)


def compare(source, result, what, wrong):
    found = list(compare_models.differences(compare_models.model(source), compare_models.model(result)))
    wrong.extend(f"{source}, {what}: {line}" for line in found[:3])


def check_external(onda, source, folder, wrong):
    there = os.path.join(folder, "external.onnx")
    done = convert(onda, source, there, "--external", "external.bin")
    if done.returncode != 0:
        wrong.append(f"{source} --external: {done.stderr.strip()}")
        return
    compare(source, there, "external data", wrong)


def check_newest(onda, source, folder, wrong):
    there = os.path.join(folder, "newest.onnx")
    done = convert(onda, source, there, "--newest-opset")
    if done.returncode != 0:
        wrong.append(f"{source} --newest-opset: {done.stderr.strip()}")
        return
    model = onnx.load(there)
    opset = {o.domain: o.version for o in model.opset_import}[""]
    if opset != onnx.defs.onnx_opset_version():
        wrong.append(f"{source} --newest-opset: opset {opset}")
    onnx.checker.check_model(model, full_check=True)


def check_refusals(onda, folder, wrong):
    """(contents, name of the file, what the message must say)."""
    broken = (
        (b"ir_version: 8 graph { nod", "a.prototxt", "line 1"),
        (b'{"irVersion": "8", "grph": 1}', "a.json", "grph"),
        (b"<ir_version: 8> g (float x) => (float y) { y = Relu(", "a.onnxtxt", "line"),
        (b"\x08\x08\x3a\x05abc", "a.onnx", "not a valid ONNX file"),
    )
    for contents, name, part in broken:
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(contents)
        done = convert(onda, path, os.path.join(folder, "never.onnx"))
        if done.returncode != 11 or part not in done.stderr or name not in done.stderr:
            wrong.append(f"{name}: exit {done.returncode}, {done.stderr.strip()}")
    if os.path.exists(os.path.join(folder, "never.onnx")):
        wrong.append("a file was written in spite of an error")


def main():
    onda, models = sys.argv[1], sys.argv[2:]
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        own = made_models(folder)
        if not models:
            data = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
            models = sorted(glob.glob(f"{data}/simple/*/model.onnx") + glob.glob(f"{data}/pytorch-operator/*/model.onnx"))
        for source in own + models:
            check_forms(onda, source, folder, wrong)
        for source in own[:2]:
            check_external(onda, source, folder, wrong)
            check_newest(onda, source, folder, wrong)
        check_refusals(onda, folder, wrong)
    print("\n".join(wrong) if wrong else f"{len(own + models)} models in {len(FORMS)} forms")
    return 1 if wrong or not models else 0


if __name__ == "__main__":
    sys.exit(main())
