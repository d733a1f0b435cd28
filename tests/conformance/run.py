#!/usr/bin/env python3
"""Runs the official ONNX backend tests (generate.py writes them) and compares with not_passing.txt.

    run.py [--onda PROGRAM] [--update] [--by-operator] [FOLDER...]
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import case_runner  # noqa: E402

CASES = ROOT / "build" / "conformance"
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")

if __name__ == "__main__":
    case_runner.main(
        "official ONNX backend tests", [CASES / kind for kind in KINDS], HERE / "not_passing.txt",
        ROOT / "build" / "results" / "conformance", ["--rtol", "1e-3", "--atol", "1e-7"], doc=__doc__)
