#!/usr/bin/env python3
"""Writes test cases for the real models into build/model_cases: realistic inputs and ONNX Runtime's outputs.

    make_cases.py [--networks]     --networks: also the generated networks of perf/networks.py, into build/network_cases

One folder per model and shape in ONNX's test-data layout. Models whose cases were made by these very scripts are left as
they are.
"""

import functools
import hashlib
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]
import fetch  # noqa: E402
import inputs  # noqa: E402
from case_folder import fed_inputs, write_case  # noqa: E402

OUT = ROOT / "build" / "model_cases"
NETWORK_OUT = ROOT / "build" / "network_cases"


def reference_session(path, optimize=True):
    options = onnxruntime.SessionOptions()
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@functools.cache
def load(name):
    return reference_session(fetch.model_path(name))


def run_reference(name, feeds):
    return load(name).run(None, feeds)


def check_conditioning(name, label, outputs, plain_outputs):
    """An input at which rounding alone, with or without ONNX Runtime's optimizations, moves the result by most of what is
    allowed says nothing about Onda: another one has to be chosen."""
    for expected, plain in zip(outputs, plain_outputs):
        if np.issubdtype(expected.dtype, np.floating):
            excess = (np.abs(expected - plain) / (1e-5 + 1e-4 * np.abs(expected))).max(initial=0)
            if excess > 0.75:
                sys.exit(f"{name} {label}: ONNX Runtime differs from itself by {excess:.2f} of the tolerance")


def stamp():
    sources = [HERE / "inputs.py", HERE / "fetch.py", Path(__file__), ROOT / "tests" / "case_folder.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return f"{digest} onnxruntime {onnxruntime.__version__}\n"


def make_network_cases():
    sys.path.append(str(ROOT / "perf"))
    import networks

    for name in [*networks.NETWORKS, *networks.OPERATORS]:
        path, feeds = networks.build(name)
        stamp_file = NETWORK_OUT / name / "stamp.txt"
        if stamp_file.exists() and stamp_file.read_text() == path.with_suffix(".stamp").read_text():
            continue
        stamp_file.unlink(missing_ok=True)
        order = [value.name for value in fed_inputs(onnx.load(path, load_external_data=False).graph)]
        outputs = reference_session(path).run(None, feeds)
        write_case(NETWORK_OUT / name / "generated", path, [([feeds[key] for key in order], outputs)])
        stamp_file.write_text(path.with_suffix(".stamp").read_text())


def main():
    fetch.fetch()
    if "--networks" in sys.argv[1:]:
        make_network_cases()
    for name in fetch.MODELS:
        done = OUT / name / "stamp.txt"
        if done.exists() and done.read_text() == stamp():
            continue
        begin = time.monotonic()
        done.unlink(missing_ok=True)
        path = fetch.model_path(name)
        order = [value.name for value in fed_inputs(onnx.load(path, load_external_data=False).graph)]
        cases = inputs.make(name, run_reference)
        plain = reference_session(path, optimize=False)
        for label, feeds_list in cases:
            data_sets = [([feeds[key] for key in order], run_reference(name, feeds)) for feeds in feeds_list]
            for feeds, (_, outputs) in zip(feeds_list, data_sets):
                check_conditioning(name, label, outputs, plain.run(None, feeds))
            write_case(OUT / name / label, path, data_sets)
        done.write_text(stamp())
        print(f"{name}: {len(cases)} cases, {time.monotonic() - begin:.1f} s: {' '.join(label for label, _ in cases)}", flush=True)


if __name__ == "__main__":
    main()
