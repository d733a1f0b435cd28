#!/usr/bin/env python3
"""Holds Onda to ONNX Runtime's outputs on the real models (make_cases.py writes the cases).

    run.py [--onda PROGRAM] [--update] [FOLDER...]
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import case_runner  # noqa: E402

if __name__ == "__main__":
    case_runner.main("real models", [ROOT / "build" / "model_cases"], HERE / "not_passing.txt",
                     ROOT / "build" / "results" / "models", ["--rtol", "1e-4", "--atol", "1e-5"], doc=__doc__)
