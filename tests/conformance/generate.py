#!/usr/bin/env python3
"""Writes the official ONNX backend tests of the installed onnx package as test-case folders.

    generate.py [OUT]        OUT defaults to build/conformance

OUT/node, simple, pytorch-converted, pytorch-operator and light hold one folder per test. A complete OUT of the same onnx
release and of the same version of this script is left as it is; an incomplete one is continued.
"""

import hashlib
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from case_folder import fed_inputs, write_case  # noqa: E402

# Tests of onnx 1.23.2 per kind; a release with other counts needs a look at what changed.
EXPECTED = {"node": 1884, "simple": 26, "pytorch-converted": 82, "pytorch-operator": 35, "light": 9}
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
DEFAULT_TOLERANCE = (1e-3, 1e-7)


def stamp():
    sources = [Path(__file__), ROOT / "tests" / "case_folder.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return f"onnx {onnx.__version__} {digest} {sum(EXPECTED.values())} cases\n"


def tolerance_of(case):
    return None if (case.rtol, case.atol) == DEFAULT_TOLERANCE else (case.rtol, case.atol)


def light_input(info):
    """0, 1/n, 2/n, ... in the declared shape, as ONNX's own runner feeds the light models."""
    shape = [dim.dim_value if dim.HasField("dim_value") else 1 for dim in info.type.tensor_type.shape.dim]
    count = int(np.prod(shape))
    return (np.arange(count).reshape(shape) / count).astype(np.float32)


def write_light(out, case):
    path = DATA / "light" / Path(case.url).name
    model = onnx.load(path)
    inputs = [light_input(info) for info in fed_inputs(model.graph)]
    outputs = []
    for index in range(len(model.graph.output)):
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.with_name(f"{path.stem}_output_{index}.pb").read_bytes())
        outputs.append(numpy_helper.to_array(tensor))
    write_case(out, model, [(inputs, outputs)], tolerance_of(case))


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "conformance"
    stamp_file = out / "stamp.txt"
    if stamp_file.exists() and stamp_file.read_text() == stamp():
        print(f"{out}: up to date ({sum(EXPECTED.values())} cases)")
        return
    begun = out / "begun.txt"
    if out.exists() and not (begun.exists() and begun.read_text() == stamp()):
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    begun.write_text(stamp())

    warnings.simplefilter("ignore")
    import onnx.backend.test.case.model as model_cases
    import onnx.backend.test.case.node as node_cases

    cases = [(f"node/{case.name}", case) for case in node_cases.collect_testcases()]
    for case in model_cases.collect_testcases():
        cases.append((f"light/{case.name}" if case.kind == "real" else f"simple/{case.name}", case))
    for name, case in cases:
        if (out / name).exists():
            continue
        if name.startswith("light/"):
            write_light(out / name, case)
        else:
            write_case(out / name, case.model, case.data_sets, tolerance_of(case))
    for kind in ("pytorch-converted", "pytorch-operator"):
        for folder in sorted(DATA.joinpath(kind).iterdir()):
            if folder.is_dir() and not (out / kind / folder.name).exists():
                shutil.copytree(folder, out / kind / (folder.name + ".partial"), dirs_exist_ok=True)
                (out / kind / (folder.name + ".partial")).rename(out / kind / folder.name)

    found = {kind: sum((folder / "model.onnx").exists() for folder in (out / kind).iterdir()) for kind in EXPECTED}
    if found != EXPECTED:
        sys.exit(f"onnx {onnx.__version__}: expected {json.dumps(EXPECTED)}, found {json.dumps(found)}")
    begun.unlink()
    stamp_file.write_text(stamp())
    print(f"{out}: {sum(found.values())} cases written")


if __name__ == "__main__":
    main()
