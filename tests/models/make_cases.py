#!/usr/bin/env python3
"""Writes test cases for the real models into build/model_cases: realistic inputs and ONNX Runtime's outputs.

One folder per model and shape in ONNX's test-data layout. Models whose cases are complete and newer than these scripts
are left as they are.
"""

import functools
import hashlib
import sys
import time
from pathlib import Path

import onnx
import onnxruntime

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]
import fetch  # noqa: E402
import inputs  # noqa: E402
from case_folder import fed_inputs, write_case  # noqa: E402

OUT = ROOT / "build" / "model_cases"


@functools.cache
def load(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(fetch.model_path(name)), options, providers=["CPUExecutionProvider"])


def run_reference(name, feeds):
    return load(name).run(None, feeds)


def stamp():
    sources = [HERE / "inputs.py", HERE / "fetch.py", Path(__file__), ROOT / "tests" / "case_folder.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return f"{digest} onnxruntime {onnxruntime.__version__}\n"


def main():
    fetch.fetch()
    for name in fetch.MODELS:
        done = OUT / name / "stamp.txt"
        if done.exists() and done.read_text() == stamp():
            continue
        begin = time.monotonic()
        done.unlink(missing_ok=True)
        path = fetch.model_path(name)
        order = [value.name for value in fed_inputs(onnx.load(path, load_external_data=False).graph)]
        cases = inputs.make(name, run_reference)
        for label, feeds_list in cases:
            data_sets = [([feeds[key] for key in order], run_reference(name, feeds)) for feeds in feeds_list]
            write_case(OUT / name / label, path, data_sets)
        done.write_text(stamp())
        print(f"{name}: {len(cases)} cases, {time.monotonic() - begin:.1f} s: {' '.join(label for label, _ in cases)}", flush=True)


if __name__ == "__main__":
    main()
